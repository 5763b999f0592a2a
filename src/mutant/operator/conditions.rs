//! Reasons for refusals that are overlooked, or seen where they are not.

use super::{Draft, Subject};
use crate::{
    mutant::condition::{Edit, NEVER, edits},
    spec::{
        expression::{Comparison, Expr},
        operation::Row,
    },
    value::Atom,
};

/// A row is never due.
pub fn drop(subject: &Subject<'_>) -> Vec<Draft> {
    let rows = subject.due().filter(|(_, row, _)| !subject.is_limit(row));
    rows.map(|(index, row, due)| {
        let name = subject.row_name(row);
        let text = format!("does not refuse with {name} when {}", subject.words(&subject.settled(due)));
        Draft::rewrite(name, subject.row_requirement(row), text, move |operation| {
            operation.rows[index].due = Some(NEVER);
        })
    })
    .collect()
}

/// One of several cases is overlooked: of a row, or of what spares a call the row, so that it refuses what it should not.
pub fn drop_case(subject: &Subject<'_>) -> Vec<Draft> {
    edited(subject, "overlooks", &either, &|row, edit| {
        row.requirement.map(|due| if edit.negated { subject.basics.success } else { due })
    })
}

/// One of several things is not asked for: that a row needs, so that it refuses what it should not, or that a call needs to be
/// spared the row.
pub fn drop_guard(subject: &Subject<'_>) -> Vec<Draft> {
    edited(subject, "does not ask whether", &both, &|row, edit| {
        row.requirement.map(|due| if edit.negated { due } else { subject.basics.success })
    })
}

/// A number is compared as if it were one more or less.
pub fn off_by_one(subject: &Subject<'_>) -> Vec<Draft> {
    edited(subject, "is off by one in", &neighbours, &|row, _| Some(subject.row_requirement(row)))
}

/// Both halves of an `or`, each with the half that was left out.
pub fn either(expr: &Expr) -> Vec<(Expr, Expr)> {
    match expr {
        Expr::Or(left, right) => {
            vec![((**right).clone(), (**left).clone()), ((**left).clone(), (**right).clone())]
        }
        Expr::In(left, list) if list.len() > 1 => (0..list.len())
            .map(|index| {
                let mut fewer = list.clone();
                let lost = fewer.remove(index);
                let lost = Expr::Compare(Comparison::Equal, left.clone(), Box::new(lost));
                (Expr::In(left.clone(), fewer), lost)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Both halves of an `and`, each with the half that was left out.
pub fn both(expr: &Expr) -> Vec<(Expr, Expr)> {
    match expr {
        Expr::And(left, right) => {
            vec![((**right).clone(), (**left).clone()), ((**left).clone(), (**right).clone())]
        }
        _ => Vec::new(),
    }
}

/// A comparison with a number, with the next numbers.
pub fn neighbours(expr: &Expr) -> Vec<(Expr, Expr)> {
    let Expr::Compare(comparison, left, right) = expr else { return Vec::new() };
    let Expr::Constant(Atom::Integer(number)) = **right else { return Vec::new() };
    if matches!(comparison, Comparison::Equal | Comparison::Unequal) {
        return Vec::new();
    }
    let with = |number| Expr::Compare(*comparison, left.clone(), Box::new(Expr::Constant(Atom::Integer(number))));
    vec![(with(number - 1), expr.clone()), (with(number + 1), expr.clone())]
}

/// Mutants of each row's condition, of those edits for which `breaks` names a requirement, without those that say the same on
/// a mock that answers as usual.
fn edited(
    subject: &Subject<'_>,
    verb: &str,
    edit: &dyn Fn(&Expr) -> Vec<(Expr, Expr)>,
    breaks: &dyn Fn(&Row, &Edit) -> Option<usize>,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, row, due) in subject.due().filter(|(_, row, _)| !subject.is_limit(row)) {
        let name = subject.row_name(row);
        for edited in distinct(subject, due, edit) {
            let Some(breaks) = breaks(row, &edited) else { continue };
            let Edit { expr, from, .. } = edited;
            let text = format!("refusing with {name}, {verb} {}", subject.words(&subject.settled(&from)));
            let n_bindings = subject.operation.bindings.len();
            drafts.push(Draft::rewrite(name.clone(), breaks, text, move |operation| {
                operation.rows[index].each = expr.bindings(n_bindings);
                operation.rows[index].due = Some(expr.clone());
            }));
        }
    }
    drafts
}

/// Edits of a condition that make a difference under the mock's answers, each difference once.
pub fn distinct(subject: &Subject<'_>, expr: &Expr, edit: &dyn Fn(&Expr) -> Vec<(Expr, Expr)>) -> Vec<Edit> {
    // What never holds is what dropping the whole is.
    let mut seen = vec![subject.settled(expr), NEVER];
    let mut found = Vec::new();
    for edited in edits(expr, edit) {
        let settled = subject.settled(&edited.expr);
        // What is left out because of an answer to an open question belongs to another answer.
        let is_open = matches!(subject.settled(&edited.from), Expr::Constant(_));
        if !is_open && !seen.contains(&settled) {
            seen.push(settled);
            found.push(edited);
        }
    }
    found
}
