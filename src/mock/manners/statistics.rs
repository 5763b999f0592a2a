//! What a mock counts, to tell how it was treated.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::spec::{SpecSet, service::OpRef};

/// Counts of one server.
#[derive(Debug, Default)]
pub struct Statistics {
    arrived: AtomicU64,
    operations: Mutex<BTreeMap<OpRef, Calls>>,
    manners: Mutex<BTreeMap<Manner, u64>>,
}

/// What happened to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manner {
    Lost,
    Repeated,
    Reset,
    Failed,
    Lagged,
    Quota,
    /// A change of what is someone else's.
    Touched,
}

#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    all: u64,
    /// More than the documented rate allows.
    exceeding: u64,
}

impl Manner {
    const ALL: [(Self, &str); 7] = [
        (Self::Lost, "answers lost"),
        (Self::Repeated, "requests repeated"),
        (Self::Reset, "connections reset"),
        (Self::Failed, "failures in bursts"),
        (Self::Lagged, "reads of an earlier state"),
        (Self::Quota, "refusals for a quota"),
        (Self::Touched, "changes of what is someone else's"),
    ];
}

impl Statistics {
    /// A request has arrived; its number, from 0.
    pub fn arrival(&self) -> u64 {
        self.arrived.fetch_add(1, Ordering::Relaxed)
    }

    pub fn call(&self, at: OpRef, exceeds: bool) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = operations.entry(at).or_default();
        calls.all += 1;
        calls.exceeding += u64::from(exceeds);
    }

    pub fn count(&self, manner: Manner) {
        *self.manners.lock().unwrap_or_else(PoisonError::into_inner).entry(manner).or_default() += 1;
    }

    pub fn of(&self, manner: Manner) -> u64 {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner).get(&manner).copied().unwrap_or(0)
    }

    /// Calls that were more than a documented rate allows.
    pub fn exceeding(&self) -> u64 {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).values().map(|calls| calls.exceeding).sum()
    }

    pub fn to_json(&self, set: &SpecSet) -> Value {
        let calls = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let operations: serde_json::Map<String, Value> = calls
            .iter()
            .map(|(at, calls)| {
                let rate = set.operation(*at).rate.or(set.service(*at).rate_each);
                let told = json!({
                    "calls": calls.all,
                    "exceeding": calls.exceeding,
                    "rate": rate.map(|rate| rate.to_string()),
                });
                (set.operation(*at).id.clone(), told)
            })
            .collect();
        let manners: serde_json::Map<String, Value> = Manner::ALL
            .iter()
            .map(|(manner, name)| (name.replace([' ', '\''], "_"), self.of(*manner).into()))
            .collect();
        let exceeding = self.exceeding();
        json!({
            "requests": self.arrived.load(Ordering::Relaxed),
            "exceeding": exceeding,
            "operations": operations,
            "manners": manners,
        })
    }

    /// A few lines for people.
    pub fn told(&self, set: &SpecSet) -> String {
        let mut text = format!("{} requests\n", self.arrived.load(Ordering::Relaxed));
        for (at, calls) in &*self.operations.lock().unwrap_or_else(PoisonError::into_inner) {
            let Some(rate) = set.operation(*at).rate.or(set.service(*at).rate_each) else { continue };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {}: {} call{}, {} of them more than {rate}",
                set.operation(*at).id,
                calls.all,
                if calls.all == 1 { "" } else { "s" },
                calls.exceeding
            );
        }
        for (manner, name) in Manner::ALL.iter().filter(|(manner, _)| self.of(*manner) > 0) {
            let _ = writeln!(text, "  {} {name}", self.of(*manner));
        }
        text
    }
}
