//! Arguments that are accepted, refused or taken otherwise than documented.

use serde_json::Value;

use super::{Draft, Subject, is_about};
use crate::{
    mock::{fault::Situation, service::choose},
    model::{Outcome, Request, State},
    mutant::{
        condition::{NEVER, edits},
        fault::Outcomes,
    },
    spec::{
        expression::{Expr, Function},
        operation::{Expectation, ParamType},
    },
};

const ANY: &[Expectation] = &[
    Expectation::Success,
    Expectation::Refusal,
    Expectation::Unchanged,
    Expectation::Gone,
    Expectation::Others,
    Expectation::Kept,
];

/// A limit of a parameter is not checked, or checked too late by one.
pub fn accept(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, row, due) in subject.due().filter(|(_, row, _)| subject.is_limit(row)) {
        let (name, breaks) = (subject.row_name(row), subject.row_requirement(row));
        let text = format!("accepts calls with {}", subject.words(due));
        drafts.push(Draft::rewrite(name.clone(), breaks, text, move |operation| {
            operation.rows[index].due = Some(NEVER);
        }));
        drafts.extend(moved(subject, index, due, 1, "accepts one more than allowed by", &name, breaks));
    }
    drafts
}

/// A limit of a parameter is checked too early by one.
pub fn refuse(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, row, due) in subject.due().filter(|(_, row, _)| subject.is_limit(row)) {
        let name = subject.row_name(row);
        drafts.extend(moved(
            subject,
            index,
            due,
            -1,
            "accepts one less than allowed by",
            &name,
            subject.basics.success,
        ));
    }
    drafts
}

/// The limit moved by one, where it is a number.
fn moved(
    subject: &Subject<'_>,
    index: usize,
    due: &Expr,
    by: i64,
    verb: &str,
    name: &str,
    breaks: usize,
) -> Option<Draft> {
    let moved = edits(due, &super::conditions::neighbours).into_iter().nth(usize::from(by > 0))?;
    let text = format!("{verb} {}", subject.words(due));
    Some(Draft::rewrite(format!("{name}.by-one"), breaks, text, move |operation| {
        operation.rows[index].due = Some(moved.expr.clone());
    }))
}

/// A parameter that is left out counts as the other boolean.
pub fn wrong_default(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, param) in subject.operation.params.iter().enumerate() {
        if param.kind != ParamType::Boolean || !is_used(subject, index) {
            continue;
        }
        let other = param.default.as_ref() != Some(&Value::Bool(true));
        let text = format!("takes a call without {} as one with {other}", param.name);
        drafts.push(Draft::rewrite(param.name.clone(), requirement(subject, index, true), text, move |operation| {
            operation.params[index].default = Some(Value::Bool(other));
        }));
    }
    drafts
}

/// A parameter is not read.
pub fn ignore(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let mut drafts = Vec::new();
    for (index, param) in subject.operation.params.iter().enumerate() {
        let other = param.required || param.region || subject.operation.token == Some(index);
        if other || !is_used(subject, index) {
            continue;
        }
        let text = format!("acts as if {} had never been sent", param.name);
        let breaks = subject.dry_promise(index).unwrap_or_else(|| requirement(subject, index, false));
        drafts.push(Draft::behaviour(param.name.clone(), breaks, text, move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, _: &Outcome| {
                let mut fewer: Request = situation.request.clone();
                fewer.arguments[index].take()?;
                choose(situation.set, state, &fewer, situation.choices, situation.reversed)
            })
        }));
    }
    drafts
}

/// Something depends on the parameter.
fn is_used(subject: &Subject<'_>, param: usize) -> bool {
    let operation = subject.operation;
    let rows = operation.rows.iter().filter_map(|row| row.due.as_ref());
    let rules = operation.overrides.iter().map(|rule| &rule.when);
    let effects = operation.effects.iter().filter_map(|effect| effect.when.as_ref());
    rows.chain(rules).chain(effects).any(|expr| subject.settled(expr).params().contains(&param))
}

/// The promise about a parameter: about leaving it out, or about sending it.
fn requirement(subject: &Subject<'_>, param: usize, left_out: bool) -> usize {
    let missing = |expr: &Expr| *expr == Expr::Call(Function::Missing, param);
    let sent = |expr: &Expr| *expr == Expr::Param(param);
    let exact = if left_out { subject.promise_about(ANY, missing) } else { subject.promise_about(ANY, sent) };
    exact
        .or_else(|| subject.promise_about(ANY, is_about(param)))
        .or_else(|| subject.rule_about(is_about(param)))
        .unwrap_or(subject.basics.success)
}
