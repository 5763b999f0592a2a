//! Calls that name several resources.

use super::{Draft, Subject};
use crate::{
    mock::{fault::Situation, service::choose},
    model::{Answer, Change, Outcome, Refused, State},
    mutant::{
        condition::NEVER,
        fault::{Outcomes, named, with_changes},
    },
    spec::{
        expression::{Expr, Fact},
        operation::Expectation,
    },
};

/// A batch succeeds, and part of it stays.
pub fn half_done(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    drafts(subject, breaks, "deletes only", move |half| {
        move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let keys = named(situation, state);
                if keys.len() < 2 || healthy.answer != Answer::Success {
                    return None;
                }
                let done = half(&keys);
                let mut other = healthy.clone();
                other.later.retain(|pending| done.contains(&pending.key));
                other.changes.retain(|change| !matches!(change, Change::Delete(key) if !done.contains(key)));
                Some(other)
            })
        }
    })
}

/// A batch is refused, and part of it is deleted whatever the rest is.
pub fn half_refused(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    drafts(subject, subject.basics.unchanged, "refuses a batch and deletes", move |half| {
        move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let is_batch = situation.request.is_batch();
                let keys = named(situation, state);
                let doomed = half(&keys).to_vec();
                (is_batch && healthy.answer != Answer::Success)
                    .then(|| with_changes(healthy, doomed.into_iter().map(Change::Delete)))
            })
        }
    })
}

/// Only the first, or only the last, of a batch is looked at; what it earns, all earn.
pub fn one_judged(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let Some(binding) = subject.operation.list() else { return Vec::new() };
    let names = [("first", true), ("last", false)];
    // What the others earn is overlooked: most often, that they are missing.
    let missing = |expr: &Expr| matches!(expr, Expr::Fact { fact: Fact::Missing, .. });
    let breaks = subject.rule_about(missing).unwrap_or(subject.basics.unchanged);
    let drafts = names.map(|(name, first)| {
        let text = format!("looks at the {name} id of a batch only, and deletes all when nothing is wrong with that");
        Draft::behaviour(name, breaks, text, move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let judged = earned_by_one(situation, state, binding, first)?;
                if judged.answer != Answer::Success {
                    return Some(Outcome { token: healthy.token.clone(), ..judged });
                }
                let all = named(situation, state).into_iter().map(Change::Delete);
                Some(with_changes(&Outcome { token: healthy.token.clone(), later: Vec::new(), ..judged }, all))
            })
        })
    });
    drafts.into()
}

/// One reason to refuse is looked for at the first, or the last, of a batch only.
pub fn overlook(subject: &Subject<'_>) -> Vec<Draft> {
    let Some(binding) = subject.operation.list() else { return Vec::new() };
    let n_bindings = subject.operation.bindings.len();
    let is_of_one = |due: &Expr| subject.settled(due).bindings(n_bindings).contains(&binding);
    let rows = subject.documented().filter(|(_, _, due)| is_of_one(due));
    let drafts = rows.flat_map(|(index, row, due)| {
        let (name, breaks) = (subject.row_name(row), subject.row_requirement(row));
        [("first", true), ("last", false)].map(|(which, first)| {
            let text =
                format!("asks of the {which} id of a batch only whether {}", subject.words(&subject.settled(due)));
            Draft::rewrite_for(
                format!("{name}.{which}"),
                breaks,
                text,
                move |operation| operation.rows[index].due = Some(NEVER),
                move |situation, state| {
                    let judged = earned_by_one(situation, state, binding, first);
                    judged.is_some_and(|judged| judged.answer != Answer::Refused(Refused::Row(index)))
                },
            )
        })
    });
    drafts.collect()
}

/// What a batch would earn if it were nothing but its first id, or its last.
fn earned_by_one(situation: &Situation<'_>, state: &State, binding: usize, first: bool) -> Option<Outcome> {
    let keys = situation.request.targets.get(binding).filter(|keys| keys.len() > 1)?;
    let position = if first { 0 } else { keys.len() - 1 };
    let one = situation.request.naming(binding, vec![keys[position].clone()]);
    choose(situation.set, state, &one, situation.choices, situation.reversed)
}

type Half = fn(&[crate::value::Key]) -> &[crate::value::Key];

/// One mutant for each half, where the call takes a list.
fn drafts<F, M>(subject: &Subject<'_>, breaks: usize, verb: &str, make: impl Fn(Half) -> M) -> Vec<Draft>
where
    F: crate::mock::fault::Fault + 'static,
    M: Fn() -> F + Send + Sync + 'static,
{
    if subject.operation.list().is_none() {
        return Vec::new();
    }
    let halves: [(&str, Half); 2] =
        [("first", |keys| &keys[..keys.len().div_ceil(2)]), ("last", |keys| &keys[keys.len() / 2..])];
    let drafts =
        halves.map(|(name, half)| Draft::behaviour(name, breaks, format!("{verb} its {name} half"), make(half)));
    drafts.into()
}
