//! From what cases say to what the run says, however the cases came about: executed just now, or recorded earlier.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    outcome::{FindingResult, OperationResult, Verdict},
    tally::{First, Tally},
};
use crate::{
    oracle::{Nature, blame, finding::ReqRef},
    spec::{SpecSet, service::OpRef},
};

/// What a run was about.
pub struct Frame<'a> {
    pub set: &'a SpecSet,
    pub operations: &'a [OpRef],
    /// Requirements that cases were aimed at.
    pub aims: &'a [ReqRef],
    /// Why others have no plan.
    pub unplanned: &'a BTreeMap<ReqRef, String>,
    /// Cases ran at the same time, so that each may have met what another one did.
    pub side_by_side: bool,
}

/// What the run says of the endpoint.
pub struct Conclusion {
    pub verdict: Verdict,
    pub operations: Vec<OperationResult>,
}

/// The failures of all cases, those between cases included, each once.
pub fn failures(set: &SpecSet, tally: &mut Tally) -> Vec<First> {
    let broken: BTreeSet<OpRef> = tally
        .failures
        .values()
        .filter(|first| first.finding.nature == Nature::Violation)
        .map(|first| first.finding.requirement.0)
        .collect();
    // An operation that breaks a promise seems to change its mind as well; that says nothing more.
    for first in tally.changes_of_mind(set).into_iter().filter(|first| !broken.contains(&first.finding.requirement.0)) {
        tally.failures.entry(first.finding.key.clone()).or_insert(first);
    }
    tally.failures.retain(|_, first| {
        first.finding.nature != Nature::Inconsistent || !broken.contains(&first.finding.requirement.0)
    });
    std::mem::take(&mut tally.failures).into_values().map(|first| first.located(set)).collect()
}

/// Adds a finding, unless another one says the same: a race may turn out to be about what a sequence has shown as well, two
/// cases about what one has, and what one call was accused of may have been done by another. The better script stays.
pub fn merge(findings: &mut Vec<FindingResult>, result: FindingResult) {
    let told = |known: &&mut FindingResult| blame::is_told_by(&result.finding.key, &known.finding.key);
    let Some(known) = findings.iter_mut().find(told) else { return findings.push(result) };
    let is_better = result.finding.key == known.finding.key && rank(&result) < rank(known);
    let other = if is_better { std::mem::replace(known, result) } else { result };
    known.cases += other.cases;
    known.shrink_requests += other.shrink_requests;
    known.requests_to_failure = known.requests_to_failure.min(other.requests_to_failure);
}

/// Least for what shows a finding best: every time, and in few commands.
fn rank(result: &FindingResult) -> (bool, usize) {
    (!result.again.is_stable(), result.script.commands.len())
}

/// It never came again when its case ran alone, and what other cases did to the account could explain it.
fn is_in_doubt(set: &SpecSet, result: &FindingResult) -> bool {
    result.counts && result.again.times > 0 && result.again.shown == 0 && blame::is_of_state(set, &result.finding)
}

/// Sorts the findings, and says what they and all cases come to.
pub fn conclude(frame: &Frame<'_>, tally: &mut Tally, findings: &mut [FindingResult]) -> Conclusion {
    for result in findings.iter_mut().filter(|result| frame.side_by_side && is_in_doubt(frame.set, result)) {
        let (at, requirement) = result.finding.requirement;
        let id = &frame.set.operation(at).requirements[requirement].id;
        let why = format!(
            "what seemed to break {id} did not come again, and may be the work of a case that ran at the same time; \
             `--workers 1` keeps them apart"
        );
        tally.baseless(result.finding.requirement, why);
        result.counts = false;
    }
    findings.sort_by_key(|result| (!result.counts, result.finding.requirement, result.finding.key.clone()));
    let violated: BTreeSet<ReqRef> =
        findings.iter().filter(|result| result.counts).map(|result| result.finding.requirement).collect();
    for result in findings.iter().filter(|result| result.finding.nature == Nature::Undocumented) {
        tally.inconclusive(result.finding.requirement, result.finding.summary.clone());
    }
    let operations =
        tally.operations(frame.set, frame.operations, frame.unplanned, &|requirement| violated.contains(&requirement));
    let any_exercised = frame.operations.iter().any(|at| tally.exercised_any(*at));
    let blind = frame.operations.iter().any(|at| {
        let aimed = frame.aims.iter().any(|(operation, _)| operation == at);
        aimed && !tally.exercised_any(*at)
    });
    let verdict = if !violated.is_empty() {
        Verdict::Violates
    } else if !any_exercised {
        Verdict::NotExercised
    } else if tally.is_inconclusive() || blind {
        Verdict::Inconclusive
    } else {
        Verdict::Conforms
    };
    Conclusion { verdict, operations }
}
