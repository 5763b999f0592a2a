//! A line for each operation, and what was not exercised.

use std::collections::BTreeMap;

use super::{
    WIDTH,
    style::{BAD, FAINT, GOOD, STRONG, UNSURE, paint, wrap},
};
use crate::{
    campaign::{
        Verdict,
        outcome::{OperationResult, RequirementResult},
    },
    report::{Context, Counts, Detail, document},
};

/// Names that one reason shows when not everything is wanted.
const MOST_NAMES: usize = 4;

pub fn text(context: &Context<'_>) -> String {
    let ids = context.outcome.operations.iter().map(|result| context.set.operation(result.at).id.len());
    let width = ids.max().unwrap_or(0);
    let mut out = String::new();
    for result in &context.outcome.operations {
        line(context, result, width, &mut out);
        missed(context, result, Verdict::Inconclusive, "inconclusive", &mut out);
        missed(context, result, Verdict::NotExercised, "not exercised", &mut out);
    }
    out
}

fn line(context: &Context<'_>, result: &OperationResult, width: usize, out: &mut String) {
    let operation = context.set.operation(result.at);
    let Counts { selected: of, exercised, violated } = context.counts(result);
    let (mark, style) = match (violated, exercised) {
        (0, 0) => ("?", UNSURE),
        (0, _) => ("✓", GOOD),
        _ => ("✗", BAD),
    };
    let coverage = format!("coverage {exercised} of {of}, divergence {violated} of {}", exercised.max(violated));
    let edition = operation.edition.as_ref().map(|edition| format!(", edition {edition}")).unwrap_or_default();
    let document = format!("{}{edition}", document(&operation.document));
    let coverage = if violated > 0 { paint(BAD, &coverage) } else { coverage };
    let id = format!("{:<width$}", operation.id);
    out.push_str(&format!("{} {}  {coverage}\n", paint(style, mark), paint(STRONG, &id)));
    out.push_str(&format!("  {}\n", paint(FAINT, &document)));
}

/// Requirements with this verdict, together by their reason.
fn missed(context: &Context<'_>, result: &OperationResult, verdict: Verdict, word: &str, out: &mut String) {
    let operation = context.set.operation(result.at);
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let matching =
        |found: &&RequirementResult| found.verdict == verdict && context.is_selected(result.at, found.requirement);
    for found in result.requirements.iter().filter(matching) {
        let id = &operation.requirements[found.requirement].id;
        let short = id.strip_prefix(&*operation.id).map_or(&**id, |rest| rest.trim_start_matches('/'));
        by_reason.entry(found.reason.as_deref().unwrap_or("no reason is known")).or_default().push(short);
    }
    for (reason, names) in by_reason {
        let mut list = names.join(", ");
        if context.detail < Detail::Much && names.len() > MOST_NAMES {
            list = format!("{} and {} more", names[..MOST_NAMES].join(", "), names.len() - MOST_NAMES);
        }
        for (index, line) in wrap(&format!("{word}: {list}: {reason}"), WIDTH - 6).iter().enumerate() {
            let indent = if index == 0 { 4 } else { 6 };
            out.push_str(&format!("{:indent$}{}\n", "", paint(FAINT, line)));
        }
    }
}
