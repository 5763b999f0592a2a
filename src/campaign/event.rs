//! What a run tells while it goes.

use std::collections::BTreeMap;

use super::{confirm::Confirmed, outcome::FindingResult, tally::Case};
use crate::{oracle::finding::ReqRef, sequence::Script};

/// A step of a run.
pub enum Event<'a> {
    /// Cases begin: how many, what they aim at, and what has no plan, with the reason.
    Started { cases: u64, aims: &'a [ReqRef], unplanned: &'a BTreeMap<ReqRef, String> },
    /// A case is about to be executed.
    Begun { number: u64, script: &'a Script },
    /// A case is judged.
    Judged(&'a Case),
    /// A call that earned no answer was sent again.
    Confirmed(&'a Confirmed),
    /// So much is done.
    Progress { done: u64, requests: u64, findings: usize },
    /// A failure is being shrunk.
    Shrinking { key: &'a str, commands: usize },
    /// A failure is told by another finding, which shrinking brought to light, or is none, for a reason.
    Superseded { key: &'a str, requirement: ReqRef, by: Option<&'a str>, why: Option<&'a str> },
    /// A failure is shrunk and confirmed.
    Shrunk(&'a FindingResult),
    /// Everything is done.
    Finished,
}
