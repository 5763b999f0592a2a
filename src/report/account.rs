//! What a run did to an account: planned and used, created and left.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::guard::{Budget, Swept, Usage};

/// The budget of a run, what it used of it, and what is left of what it made.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name of the run; everything that it created carries it.
    pub run: String,
    pub budget: Budget,
    /// No case was started after this time.
    pub time: Option<Duration>,
    pub usage: Usage,
    /// Requests that cases took, with removing what they made; the others went into shrinking.
    pub spent: u64,
    pub seconds: f64,
    pub swept: Swept,
}

impl Account {
    /// As data; absent limits are null.
    pub fn to_json(&self) -> Value {
        let Self { budget, usage, swept, .. } = self;
        let at_once: BTreeMap<&String, Value> = usage
            .most_at_once
            .iter()
            .map(|(place, used)| (place, json!({ "planned": self.planned_at_once(place), "used": used })))
            .collect();
        let left: Vec<Value> = swept
            .left
            .iter()
            .map(|left| {
                let (service, kind, id) = (&left.service, &left.kind, &left.id);
                json!({ "service": service, "kind": kind, "id": id, "name": left.name, "region": left.region, "why": left.why })
            })
            .collect();
        json!({
            "run": self.run,
            "requests": { "planned": budget.requests, "cases": self.spent, "used": usage.requests, "lookups": usage.lookups },
            "seconds": { "planned": self.time.map(|time| time.as_secs_f64()), "used": super::json::seconds(self.seconds) },
            "at_once": at_once,
            "paid": { "planned": budget.paid, "used": usage.paid },
            "created": usage.created,
            "throttled": usage.throttled,
            "waited_seconds": super::json::seconds(usage.waited_ms as f64 / 1_000.0),
            "held_back": usage.held,
            "gone": swept.gone,
            "left": left,
            "doubts": swept.doubts,
        })
    }

    /// For people, a line for each thing.
    pub fn text(&self) -> String {
        let usage = &self.usage;
        let of = |used: String, planned: Option<String>| match planned {
            Some(planned) => format!("{used} of {planned}"),
            None => used,
        };
        let mut requests = of(self.spent.to_string(), self.budget.requests.map(|most| most.to_string())) + " requests";
        let others = usage.requests.saturating_sub(self.spent);
        if others > 0 {
            requests += &format!(" for cases and {others} more to shrink failures, all with clean-up");
        }
        let minutes = |seconds: f64| format!("{:.1}", seconds / 60.0);
        let time = of(minutes(self.seconds), self.time.map(|time| minutes(time.as_secs_f64())));
        let mut lines = vec![format!(
            "budget    {requests} ({} to look ids up, {} throttled), {time} minutes, {}",
            usage.lookups,
            usage.throttled,
            super::count(usage.paid, "paid call")
        )];
        let at_once: Vec<String> = usage
            .most_at_once
            .iter()
            .map(|(place, used)| {
                let planned = self.planned_at_once(place).map(|most| most.to_string());
                format!("{} {place}", of(used.to_string(), planned))
            })
            .collect();
        if !at_once.is_empty() {
            lines.push(format!("at once   {}", at_once.join(", ")));
        }
        let held: u64 = usage.held.values().sum();
        let left = self.swept.left.len();
        lines.push(format!(
            "account   {} made and gone, {left} left, {} held back; run {}",
            self.swept.gone,
            super::count(held, "call"),
            self.run
        ));
        lines.push(String::new());
        lines.join("\n")
    }

    fn planned_at_once(&self, place: &str) -> Option<usize> {
        let kind = place.rsplit('/').next().unwrap_or(place);
        self.budget.at_once.get(kind).copied()
    }
}
