//! What a run is told.

use std::{sync::Arc, sync::atomic::AtomicBool, time::Duration};

use super::shard::Shard;
use crate::{
    execute::Surroundings,
    generate::{Generator, Options},
    spec::service::OpRef,
};

/// Cases for each requirement, when no number of cases is given.
pub const CASES_EACH: u64 = 8;
/// Requests that shrinking one failure may cost.
pub const SHRINK_REQUESTS: u64 = 250;
/// Times that a shrunk failure is run again, to call it stable.
pub const CONFIRMATIONS: u32 = 2;
/// Cases that may be too large for what is left of a budget, before no smaller one is looked for.
pub const MOST_LEFT_OUT: u32 = 200;

/// Cases of a run, when no number is given.
pub fn n_cases(generator: &Generator<'_>) -> u64 {
    generator.n_tours() + generator.n_races() + generator.aims().len() as u64 * CASES_EACH
}

/// All that one run is told.
#[derive(Clone)]
pub struct Settings {
    pub seed: String,
    /// Documented operations to judge, each with the endpoint that serves its edition.
    pub operations: Vec<(OpRef, usize)>,
    pub cases: Option<u64>,
    pub workers: usize,
    pub max_requests: Option<u64>,
    pub max_time: Option<Duration>,
    pub shrink_requests: u64,
    /// Start no case once there is a finding.
    pub stop_at_first: bool,
    pub around: Surroundings,
    pub options: Options,
    /// Set from outside to finish early.
    pub interrupted: Arc<AtomicBool>,
}

impl Settings {
    /// As many cases as a run has, one after the other, without limits, of one operation.
    pub fn new(seed: impl Into<String>, at: OpRef, around: Surroundings) -> Self {
        Self {
            seed: seed.into(),
            operations: vec![(at, 0)],
            cases: None,
            workers: 1,
            max_requests: None,
            max_time: None,
            shrink_requests: SHRINK_REQUESTS,
            stop_at_first: false,
            around,
            options: Options::default(),
            interrupted: Arc::default(),
        }
    }

    /// Cases run at the same time, in this shard or beside it.
    pub fn are_side_by_side(&self, shard: Shard) -> bool {
        self.workers > 1 || shard.of > 1
    }
}
