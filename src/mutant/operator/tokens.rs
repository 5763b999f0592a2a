//! Idempotency tokens: forgotten, or taken for more than they say.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Draft, Subject};
use crate::{
    mock::fault::Situation,
    model::{Change, Outcome, State},
    mutant::{
        condition::{NEVER, replaced},
        fault::{Outcomes, neighbours, with_changes},
    },
    spec::{
        Operation,
        expression::{Expr, TokenFact},
        operation::Expectation,
    },
};

/// No token is remembered.
pub fn forget(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let drafts = about(subject, TokenFact::Same).map(|breaks| {
        Draft::behaviour("all", breaks, "forgets every idempotency token", move || {
            Outcomes(at, |_: &Situation<'_>, _: &State, healthy: &Outcome| {
                Some(Outcome { token: None, ..healthy.clone() })
            })
        })
    });
    drafts.into_iter().collect()
}

/// Every second token is forgotten.
pub fn forget_some(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let drafts = about(subject, TokenFact::Same).map(|breaks| {
        Draft::behaviour("second", breaks, "forgets every second idempotency token", move || {
            let n_tokens = AtomicU64::new(0);
            Outcomes(at, move |_: &Situation<'_>, _: &State, healthy: &Outcome| {
                healthy.token.as_ref()?;
                let number = n_tokens.fetch_add(1, Ordering::Relaxed);
                (number % 2 == 1).then(|| Outcome { token: None, ..healthy.clone() })
            })
        })
    });
    drafts.into_iter().collect()
}

/// A token that was used counts as repeated, whatever else the call says.
pub fn replay_any(subject: &Subject<'_>) -> Vec<Draft> {
    let drafts = about(subject, TokenFact::Other).map(|breaks| {
        let text = "answers a used token as the first time, although the call asks for something else";
        Draft::rewrite("other", breaks, text, |operation| {
            each_condition(operation, &|expr| match expr {
                Expr::Token(TokenFact::Same) => {
                    let either = [TokenFact::Same, TokenFact::Other].map(|fact| Box::new(Expr::Token(fact)));
                    let [same, other] = either;
                    Some(Expr::Or(same, other))
                }
                Expr::Token(TokenFact::Other) => Some(NEVER),
                _ => None,
            });
        })
    });
    drafts.into_iter().collect()
}

/// A repeated token deletes something again.
pub fn repeat(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let drafts = about(subject, TokenFact::Same).map(|_| {
        let token = |expr: &Expr| matches!(expr, Expr::Token(TokenFact::Same));
        let breaks = subject.promise_about(&[Expectation::Others], token).unwrap_or(subject.basics.others);
        let text = "deletes what the call does not name when a token is repeated";
        Draft::behaviour("neighbour", breaks, text, move || {
            Outcomes(at, |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let operation = situation.set.operation(situation.request.operation);
                let mut uses = situation.request.used_before(operation, state);
                uses.next().map(|_| with_changes(healthy, neighbours(situation, state).into_iter().map(Change::Delete)))
            })
        })
    });
    drafts.into_iter().collect()
}

/// The requirement that speaks of tokens, where the operation has one.
fn about(subject: &Subject<'_>, fact: TokenFact) -> Option<usize> {
    subject.operation.token?;
    let is = |expr: &Expr| *expr == Expr::Token(fact);
    let operation = subject.operation;
    let asked = || {
        let conditions = operation.rows.iter().filter_map(|row| row.due.as_ref());
        let conditions = conditions.chain(operation.overrides.iter().map(|rule| &rule.when));
        let mut about = conditions.filter(|expr| expr.mentions(is));
        let question = about.find_map(|expr| expr.questions().into_iter().next())?;
        Some(operation.questions[question].requirement)
    };
    asked().or_else(|| subject.promise_about(&[Expectation::Others], is))
}

/// Replaces in every condition of an operation.
pub fn each_condition(operation: &mut Operation, replace: &dyn Fn(&Expr) -> Option<Expr>) {
    for row in &mut operation.rows {
        row.due = row.due.as_ref().map(|due| replaced(due, replace));
    }
    for rule in &mut operation.overrides {
        rule.when = replaced(&rule.when, replace);
    }
    for effect in &mut operation.effects {
        effect.when = effect.when.as_ref().map(|when| replaced(when, replace));
    }
}
