//! How much a run may do, and how much it did.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// What a run may do at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Requests of all sorts but those of the clean-up, which always has its way.
    pub requests: Option<u64>,
    /// Things of one kind that stand at the same time, by name of the kind.
    pub at_once: BTreeMap<String, usize>,
    /// Operations that cost money may be called.
    pub paid: bool,
    /// Paid things that stand at the same time.
    pub paid_at_once: usize,
}

impl Default for Budget {
    /// No limits but money.
    fn default() -> Self {
        Self { requests: None, at_once: BTreeMap::new(), paid: false, paid_at_once: 1 }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    pub requests: u64,
    /// Of those, to look up ids that ought to be missing.
    pub lookups: u64,
    /// Things created, by `service/kind`.
    pub created: BTreeMap<String, u64>,
    /// Calls of operations that cost money.
    pub paid: u64,
    /// Most things that stood at the same time, by `service/kind`.
    pub most_at_once: BTreeMap<String, usize>,
    /// Calls that were not let through, by reason.
    pub held: BTreeMap<String, u64>,
    /// Answers that asked to hold back.
    pub throttled: u64,
    /// Milliseconds for which calls waited, to keep within rates.
    pub waited_ms: u64,
}

/// Counts while a run goes.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Usage>);

impl Meter {
    pub fn note<T>(&self, note: impl FnOnce(&mut Usage) -> T) -> T {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn usage(&self) -> Usage {
        self.note(|usage| usage.clone())
    }
}
