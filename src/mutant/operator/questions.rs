//! Open questions and precedences that are not answered the same way each time.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Draft, Subject};
use crate::{
    mock::{
        fault::Situation,
        service::{choose, is_alike},
    },
    model::{Outcome, State},
    mutant::fault::Outcomes,
    spec::Kind,
};

/// A question is answered in turns: as usual, and in another way.
pub fn change(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let mut drafts = Vec::new();
    let open = subject.operation.questions.iter().enumerate().filter(|(_, asked)| !asked.varies && !asked.precedence);
    for (question, asked) in open {
        let described = &subject.operation.requirements[asked.requirement];
        if described.unreachable.is_some() || described.kind != Kind::Open {
            continue;
        }
        for (choice, answer) in asked.answers.iter().enumerate().skip(1) {
            let local = format!("{}.{}", asked.id, answer.id);
            let text = format!("answers `{}` by turns with {} and {}", asked.id, asked.answers[0].id, answer.id);
            drafts.push(Draft::behaviour(local, asked.requirement, text, move || {
                let n_asked = AtomicU64::new(0);
                Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                    let choices = situation.choices.with(question, choice);
                    let request = situation.request;
                    let other = choose(situation.set, state, request, &choices, situation.reversed)?;
                    by_turns(&n_asked, healthy, other)
                })
            }));
        }
    }
    drafts
}

/// Where several codes are due, the first and the last of the table come by turns, for each pair of them.
pub fn order(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let asked = subject.operation.questions.iter().find(|asked| asked.precedence);
    let drafts = asked.map(|asked| {
        let text = "prefers by turns the first and the last of the codes that are due";
        Draft::behaviour(asked.id.clone(), asked.requirement, text, move || {
            let pairs: Mutex<BTreeMap<String, AtomicU64>> = Mutex::default();
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let reversed = !situation.reversed;
                let other = choose(situation.set, state, situation.request, situation.choices, reversed)?;
                let pair = format!("{:?} {:?}", healthy.answer, other.answer);
                let mut pairs = pairs.lock().unwrap_or_else(PoisonError::into_inner);
                by_turns(pairs.entry(pair).or_default(), healthy, other)
            })
        })
    });
    drafts.into_iter().collect()
}

/// Every second time that it makes a difference, the other outcome.
fn by_turns(n_asked: &AtomicU64, healthy: &Outcome, other: Outcome) -> Option<Outcome> {
    if is_alike(healthy, &other) {
        return None;
    }
    (n_asked.fetch_add(1, Ordering::Relaxed) % 2 == 1).then_some(other)
}
