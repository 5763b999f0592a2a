//! Virtual time: waiting costs nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Virtual milliseconds that a call takes.
const STEP_MS: u64 = 1;

/// A clock that only goes on when someone calls or waits.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// A call is made; the time at which.
    pub fn tick(&self) -> u64 {
        self.0.fetch_add(STEP_MS, Ordering::Relaxed)
    }

    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn wait(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}
