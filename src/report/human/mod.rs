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
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|position| (representatives[*position], representatives[*position] != *position));
    let told = |position: usize| {
        let (result, representative) = (&findings[position], representatives[position]);
        let evidence = Evidence::campaign(context, result);
        if representative == position || context.detail == Detail::Much {
            finding::text(context.set, context.addresses, result, &evidence)
        } else {
            finding::brief(context.set, result, &findings[representative], &evidence)
        }
    };
    order.into_iter().map(told).collect()
}
