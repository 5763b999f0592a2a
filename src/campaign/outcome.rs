//! What a run found, as plain data.

use std::collections::BTreeMap;

pub use super::shrink::Again;
use crate::{
    history::History,
    oracle::{
        Finding,
        finding::{Races, Reworded},
    },
    sequence::Script,
    spec::service::OpRef,
};

/// Worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Violates,
    Inconclusive,
    Conforms,
    /// Nothing was seen of it.
    NotExercised,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Violates => "violates",
            Self::Inconclusive => "inconclusive",
            Self::Conforms => "conforms",
            Self::NotExercised => "not-exercised",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub verdict: Verdict,
    pub seed: String,
    pub endpoint: String,
    pub cases: u64,
    pub requests: u64,
    /// Requests of the cases with all that comes with them, as removing what they made: what a budget is for.
    pub spent: u64,
    /// Requests that shrinking and confirming took, beside those of the cases.
    pub shrink_requests: u64,
    pub seconds: f64,
    pub interrupted: bool,
    /// Why there were not as many cases as there should have been.
    pub stopped: Option<String>,
    pub operations: Vec<OperationResult>,
    pub observations: Vec<Observation>,
    pub findings: Vec<FindingResult>,
    /// Calls that were to overlap, in all cases.
    pub races: Races,
    /// Messages that differ from the document's, with how often.
    pub messages: Vec<(Reworded, u64)>,
    /// Why cases could not be judged, with how often.
    pub reasons: Vec<(String, u64)>,
}

#[derive(Debug, Clone)]
pub struct OperationResult {
    pub at: OpRef,
    pub requirements: Vec<RequirementResult>,
}

#[derive(Debug, Clone)]
pub struct RequirementResult {
    pub requirement: usize,
    pub exercised: u64,
    pub verdict: Verdict,
    /// Why it was not exercised, or not judged.
    pub reason: Option<String>,
}

/// The endpoint's answer to an open question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Id of the question's requirement.
    pub question: String,
    /// The code that was answered, or the choice.
    pub answer: String,
    /// Id of the alternative; absent for orders of precedence.
    pub choice: Option<String>,
    pub times: u64,
}

/// A finding with the shortest script that shows it.
#[derive(Debug, Clone)]
pub struct FindingResult {
    pub finding: Finding,
    pub script: Script,
    pub history: History,
    /// How often it showed itself when it was run again.
    pub again: Again,
    /// Cases that found it.
    pub cases: u64,
    /// Requests up to the one that showed it first, in order of cases.
    pub requests_to_failure: u64,
    pub shrink_requests: u64,
    /// It makes the verdict.
    pub counts: bool,
}

impl OperationResult {
    /// Requirements exercised, of all.
    pub fn coverage(&self) -> (usize, usize) {
        (self.requirements.iter().filter(|result| result.exercised > 0).count(), self.requirements.len())
    }

    /// Requirements violated, of those exercised.
    pub fn divergence(&self) -> (usize, usize) {
        let violated = self.requirements.iter().filter(|result| result.verdict == Verdict::Violates).count();
        (violated, self.coverage().0.max(violated))
    }
}

/// Adds up equal things, in order.
pub fn counted<T: Ord>(map: BTreeMap<T, u64>) -> Vec<(T, u64)> {
    map.into_iter().collect()
}
