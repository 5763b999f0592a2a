//! The report that people read: at most [`WIDTH`] columns, findings like errors of a good compiler, the verdict last.
//!
//! Texts hold colours; whoever prints them takes the colours out where they are not wanted.

mod changes;
mod finding;
mod lanes;
mod observations;
mod operations;
mod reply;
pub(super) mod style;
mod table;
mod verdict;

use super::{Context, Detail, Reporter, alike};
use crate::campaign::outcome::FindingResult;
pub use finding::{Evidence, text as finding};
pub use style::wrap;

pub static REPORTER: Reporter = Reporter { name: "human", about: "for people", text };

/// Columns that lines keep to.
pub const WIDTH: usize = 100;

/// The whole report.
pub fn text(context: &Context<'_>) -> String {
    let mut parts = Vec::new();
    if context.detail > Detail::Little {
        parts.push(operations::text(context));
        parts.push(observations::text(context));
    }
    parts.extend(findings(context));
    if context.detail == Detail::Much {
        parts.push(verdict::messages(context));
    }
    parts.push(verdict::reasons(context));
    if let Some(account) = context.account.filter(|_| context.detail > Detail::Little) {
        parts.push(account.text());
    }
    parts.push(changes::text(context));
    parts.push(verdict::line(context));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// All findings, each followed by those that it stands for, which are told in short where nobody asks for more.
fn findings(context: &Context<'_>) -> Vec<String> {
    let findings = &context.outcome.findings;
    let representatives = alike::representatives(findings);
    let evidence = |result: &FindingResult| {
        Evidence::campaign(result, context.replay.get(&result.finding.key).map(String::as_str))
    };
    let mut parts = Vec::new();
    for (position, result) in
        findings.iter().enumerate().filter(|(position, _)| representatives[*position] == *position)
    {
        parts.push(finding::text(context.set, context.addresses, result, &evidence(result)));
        let others = (0..findings.len()).filter(|other| *other != position && representatives[*other] == position);
        parts.extend(others.map(|other| match context.detail {
            Detail::Much => {
                finding::text(context.set, context.addresses, &findings[other], &evidence(&findings[other]))
            }
            _ => finding::brief(context.set, &findings[other], result, &evidence(&findings[other])),
        }));
    }
    parts
}
