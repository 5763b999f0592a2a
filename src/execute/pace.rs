//! How long things take to come about, so that waiting costs few requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    sequence::{Expected, Until},
    spec::service::OpRef,
};

/// How many times as long as anything took is enough.
const MARGIN: u64 = 5;
/// Less is never enough.
const LEAST_MS: u64 = 300;

/// What the executions of a run have learned of the endpoint's pace.
///
/// Once a wait has taken several looks, later waits of its kind look for the first time when that one saw it. The
/// shortest time counts, so that nobody waits longer than the endpoint needs.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    known: Arc<Mutex<BTreeMap<Kind, u64>>>,
    /// The longest that anything took to come about, in milliseconds.
    longest_ms: Arc<AtomicU64>,
    /// How far reads may lag behind, in milliseconds.
    lag_ms: u64,
}

/// The operation that reads, its view, and whether something should come or go.
type Kind = (OpRef, usize, bool);

fn kind(read: OpRef, until: &Until) -> Kind {
    let comes = match &until.expected {
        Expected::Gone => false,
        Expected::Shown(_) => true,
        Expected::Member { present, .. } => *present,
    };
    (read, until.view, comes)
}

impl Pace {
    /// Of an endpoint whose reads show what was true up to so many milliseconds ago.
    pub fn lagging(lag_ms: u64) -> Self {
        Self { lag_ms, ..Self::default() }
    }

    pub fn lag_ms(&self) -> u64 {
        self.lag_ms
    }

    /// Milliseconds that it takes, as far as known; before that a look is hardly worth its request.
    pub fn usual(&self, read: OpRef, until: &Until) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&kind(read, until)).copied().unwrap_or(0)
    }

    /// Milliseconds after which it may be there, judged by other things of the same service.
    pub fn guess(&self, read: OpRef) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_service = known.iter().filter(|((other, ..), _)| other.service == read.service);
        of_service.map(|(_, took)| *took).min().unwrap_or(0)
    }

    /// Milliseconds within which whatever comes about has come about, by a wide margin; at most this patience.
    pub fn enough(&self, patience_ms: u64) -> u64 {
        (MARGIN * self.longest_ms.load(Ordering::Relaxed)).max(LEAST_MS).min(patience_ms)
    }

    /// It was not there at first, and was after this time.
    pub fn learn(&self, read: OpRef, until: &Until, took_ms: u64) {
        self.longest_ms.fetch_max(took_ms, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(kind(read, until)).and_modify(|least| *least = took_ms.min(*least)).or_insert(took_ms);
    }
}
