//! What there is to show where nothing but single requirements is of interest.
//!
//! Whoever asks for one requirement wants to know whether it holds, not only that it was met once: every way in which an
//! endpoint can break it is to be tried, and nothing else. So of all stops only that is left which is about the requirement
//! ([`Goal::is_about`]), and of several stops that show the same, those that tell the most: where one answer may come, not one
//! of several, and for one reason. What a call may earn often depends on questions that the document leaves open. An answer
//! that is permitted by one reading and another that is permitted by another are wrong together, so those questions are asked
//! as well.
//!
//! In the end each stop comes once more, alone: what one call does wrong must not hide what the others show.

use std::collections::BTreeSet;

use super::{approach::Ground, exercise::is_about_going, goal::Goal, stop::Stop, tour::Tour};
use crate::{model::deciding, sequence::Script, spec::Operation};

/// Leaves of what stops show only what is about these requirements, or answers one of these questions; of that, where there is
/// a choice, what nothing else comes to the same as.
pub fn narrow(ground: &Ground<'_>, stops: &mut [Stop], aims: &BTreeSet<usize>, asked: &BTreeSet<usize>) {
    let operation = ground.set.operation(ground.at);
    let narrowed = |stop: &mut Stop| {
        let answering = answering(stop);
        keep(operation, stop, aims, asked);
        sole(ground, stop, answering)
    };
    let sole: Vec<BTreeSet<Goal>> = stops.iter_mut().map(narrowed).collect();
    let anywhere: BTreeSet<Goal> = sole.iter().flatten().copied().collect();
    for (stop, sole) in stops.iter_mut().zip(&sole) {
        stop.shows.retain(|goal, _| sole.contains(goal) || !anywhere.contains(goal));
    }
}

/// Scripts with one of these stops each, without those that are among the tours already.
pub fn alone<'s>(ground: &Ground<'_>, stops: impl Iterator<Item = &'s Stop>, tours: &[Script]) -> Vec<Script> {
    let scripts = stops.filter(|stop| stop.is_aimed).flat_map(|stop| Tour::alone(ground, stop));
    scripts.filter(|script| !tours.contains(script)).collect()
}

fn keep(operation: &Operation, stop: &mut Stop, aims: &BTreeSet<usize>, asked: &BTreeSet<usize>) {
    let own = |aim: &&usize| stop.shows.contains_key(&Goal::Requirement(**aim));
    let shown: Vec<usize> = aims.iter().filter(own).copied().collect();
    let answers = |goal: &Goal| match goal {
        Goal::Requirement(requirement) | Goal::Again { requirement, .. } => asked.contains(requirement),
        _ => false,
    };
    // A row that another may stand for is not exercised, and yet it is due.
    let is_due = |goal: &Goal| match goal {
        Goal::Harmless(_) => false,
        goal => goal.row().and_then(|row| operation.rows[row].requirement).is_some_and(|due| aims.contains(&due)),
    };
    let is_aimed = |goal: &Goal| is_due(goal) || shown.iter().any(|aim| goal.is_about(operation, *aim));
    stop.is_aimed = stop.shows.keys().any(is_aimed);
    stop.looks_last = shown.iter().any(|aim| is_about_going(operation, *aim));
    stop.shows.retain(|goal, _| answers(goal) || is_aimed(goal));
    for (goal, doubt) in &mut stop.shows {
        if goal.requirement().is_none() && !matches!(goal, Goal::Again { .. }) {
            doubt.among(stop.n_answers);
        }
    }
}

/// The row that answers, if none but one may.
fn answering(stop: &Stop) -> Option<usize> {
    stop.shows.keys().find_map(|goal| match goal {
        Goal::Row(row) => Some(*row),
        _ => None,
    })
}

/// What nothing else comes to the same as: another row than the one that answers, or another reason for the same.
fn sole(ground: &Ground<'_>, stop: &Stop, answering: Option<usize>) -> BTreeSet<Goal> {
    let reasons = || {
        let request = stop.call.request(ground.set, &Script::home());
        deciding(ground.set, stop.way.end(), &request, ground.likely)
    };
    // Of most stops nothing is left by now.
    let decides = stop.shows.keys().any(|goal| matches!(goal, Goal::Decides { .. }));
    let reasons = if decides { reasons() } else { Vec::new() };
    let alone = |row: usize, place: usize| {
        reasons.iter().any(|reason| reason.alone && (reason.row, reason.place) == (row, place))
    };
    let is_sole = |goal: &&Goal| match goal {
        Goal::Decides { row, place } => alone(*row, *place),
        goal => goal.row().is_none() || goal.row() == answering,
    };
    stop.shows.keys().filter(is_sole).copied().collect()
}
