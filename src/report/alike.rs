//! Findings that show the same: a code that comes where nothing asks for it breaks whatever asks for something else there.
//!
//! One bug of this sort breaks many requirements, and each of them has a finding. One finding is told in full and stands for
//! the others.

use std::cmp::Reverse;

use serde_json::Value;

use crate::{campaign::outcome::FindingResult, oracle::blame, spec::service::OpRef};

/// By finding: the position of the one that stands for it, most often found and shortest; its own where that is itself.
pub fn representatives(findings: &[FindingResult]) -> Vec<usize> {
    let telling = |position: &usize| {
        let result = &findings[*position];
        (result.counts, result.cases, Reverse(result.script.commands.len()), Reverse(*position))
    };
    let of = |position: usize| {
        let Some(shown) = shown(&findings[position]) else { return position };
        let alike = (0..findings.len()).filter(|other| self::shown(&findings[*other]) == Some(shown));
        alike.max_by_key(telling).unwrap_or(position)
    };
    (0..findings.len()).map(of).collect()
}

/// What findings have in common that are alike: the operation, what it did, and the code that it answered, or why that was no
/// answer.
fn shown(result: &FindingResult) -> Option<(OpRef, &str, [Option<&Value>; 2])> {
    let finding = &result.finding;
    Some((
        finding.requirement.0,
        blame::refused_so(finding)?,
        ["code", "trouble"].map(|field| finding.actual.get(field)),
    ))
}
