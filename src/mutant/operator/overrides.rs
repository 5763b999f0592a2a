//! What lifts refusals: ignored, or lifting too much.

use super::{Draft, Subject};
use crate::{
    mutant::condition::NEVER,
    spec::{
        expression::Expr,
        operation::{Expectation, Override},
    },
    value::Atom,
};

/// What lifts refusals is ignored.
pub fn drop(subject: &Subject<'_>) -> Vec<Draft> {
    let live = live(subject);
    live.map(|(index, rule)| {
        let text = format!("refuses as ever when {}", subject.words(&subject.settled(&rule.when)));
        Draft::rewrite(name(index), lifted(subject, rule), text, move |operation| {
            operation.overrides[index].when = NEVER;
        })
    })
    .collect()
}

/// What lifts refusals always does.
pub fn always(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in live(subject) {
        let skipped = subject.due().find(|(_, row, _)| rule.skips.contains(&row.key) && row.requirement.is_some());
        let breaks = skipped.map_or(subject.basics.unchanged, |(_, row, _)| subject.row_requirement(row));
        let text = format!("acts always as when {}", subject.words(&subject.settled(&rule.when)));
        drafts.push(Draft::rewrite(name(index), breaks, text, move |operation| {
            operation.overrides[index].when = Expr::Constant(Atom::Bool(true));
            operation.overrides[index].each.clear();
        }));
    }
    drafts
}

/// A refusal is lifted that is not to be.
pub fn widen(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in live(subject).filter(|(_, rule)| !rule.skips.iter().any(|skip| skip == "*")) {
        let others = subject.due().filter(|(_, row, _)| row.requirement.is_some() && !rule.skips.contains(&row.key));
        for (_, row, _) in others {
            let local = format!("{}.{}", name(index), subject.row_name(row));
            let when = subject.words(&subject.settled(&rule.when));
            let text = format!("does not refuse with {} when {when}", subject.row_name(row));
            let key = row.key.clone();
            drafts.push(Draft::rewrite(local, subject.row_requirement(row), text, move |operation| {
                operation.overrides[index].skips.push(key.clone());
            }));
        }
    }
    drafts
}

/// Overrides that can apply on a mock that answers as usual.
fn live<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (usize, &'a Override)> {
    let rules = subject.operation.overrides.iter().enumerate();
    rules.filter(|(_, rule)| subject.settled(&rule.when) != NEVER)
}

/// Overrides have no names.
fn name(index: usize) -> String {
    format!("override-{}", index + 1)
}

/// What is broken when nothing is lifted: a promise of success about the same things, or the question that it answers.
fn lifted(subject: &Subject<'_>, rule: &Override) -> usize {
    let params = rule.when.params();
    let about = |expr: &Expr| match expr {
        Expr::Param(param) | Expr::Call(_, param) => params.contains(param),
        Expr::Token(_) => rule.when.mentions(|inner| inner == expr),
        _ => false,
    };
    let asked = || rule.when.questions().first().map(|question| subject.operation.questions[*question].requirement);
    let promised = subject.promise_about(&[Expectation::Success], about);
    promised.or_else(asked).unwrap_or(subject.basics.success)
}
