//! Callers that have to be turned away.

use super::{Draft, Subject, tokens::each_condition};
use crate::{
    mutant::condition::NEVER,
    spec::expression::{Comparison, Expr},
    value::Atom,
};

/// The operation does not look who calls, one mutant for each sort of caller that a row turns away.
pub fn skip(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (_, row, due) in subject.due() {
        due.walk(&mut |expr| {
            let Some(caller) = caller(expr).filter(|caller| !drafts.iter().any(|known| known.local == *caller)) else {
                return;
            };
            let text = format!("lets a caller pass that is `{caller}`");
            let turned_away = caller.clone();
            drafts.push(Draft::rewrite(caller, subject.row_requirement(row), text, move |operation| {
                each_condition(operation, &|expr| (self::caller(expr).as_ref() == Some(&turned_away)).then_some(NEVER));
            }));
        });
    }
    drafts.retain(|_| subject.due().any(|(_, _, due)| due.asks_who_calls()));
    drafts
}

/// The caller that a comparison asks for.
fn caller(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Compare(Comparison::Equal, left, right) => match (&**left, &**right) {
            (Expr::Caller, Expr::Constant(Atom::Text(name))) => Some(name.to_string()),
            _ => None,
        },
        _ => None,
    }
}
