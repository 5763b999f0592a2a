//! Descriptions that lie: the state is as it should be, and reads show something else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Draft, Subject,
    effects::{change, deletes, shown},
};
use crate::{
    history::Reply,
    mock::{
        fault::{Fault, Situation},
        render,
    },
    model::{Answer, Change, Outcome, Resource, State},
    mutant::fault::{named, neighbours},
    spec::{operation::Expectation, resource::AttributeType, service::OpRef},
    value::Key,
};

/// What was refused is hidden.
pub fn hide(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "no longer shows what it refused to delete";
    lies(subject, subject.basics.unchanged, "refusal", text, About::Refused, Lie::Hidden)
}

/// What a call did not name is hidden once it has succeeded.
pub fn hide_neighbour(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "no longer shows what a successful call did not name";
    lies(subject, subject.basics.others, "success", text, About::Neighbour, Lie::Hidden)
}

/// What was refused is described otherwise.
pub fn lie(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (attribute, name, kind) in shown(subject) {
        let text = format!("shows another {name} of what it refused to delete");
        let lie = Lie::Changed(attribute, kind);
        drafts.extend(lies(subject, subject.basics.unchanged, &name, &text, About::Refused, lie));
    }
    drafts
}

/// What is deleted is still shown.
pub fn show(subject: &Subject<'_>) -> Vec<Draft> {
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    let text = "goes on showing what is deleted";
    lies(subject, breaks, "success", text, About::Deleted, Lie::Shown)
}

/// What a lie is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Refused,
    Neighbour,
    Deleted,
}

/// What reads say of it.
#[derive(Debug, Clone)]
enum Lie {
    Hidden,
    Shown,
    Changed(usize, AttributeType),
}

fn lies(subject: &Subject<'_>, breaks: usize, local: &str, text: &str, about: About, lie: Lie) -> Vec<Draft> {
    if !deletes(subject) {
        return Vec::new();
    }
    let at = subject.at;
    let draft =
        Draft::behaviour(local, breaks, text, move || Liar { at, about, lie: lie.clone(), known: Mutex::default() });
    vec![draft]
}

struct Liar {
    at: OpRef,
    about: About,
    lie: Lie,
    /// What is lied about, as it was when that began.
    known: Mutex<BTreeMap<Key, Option<Arc<Resource>>>>,
}

impl Liar {
    fn remember(&self, keys: impl IntoIterator<Item = Key>, state: &State) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            let found = state.resources.get(&key).cloned();
            known.insert(key, found);
        }
    }

    /// The state as reads show it.
    fn shown(&self, state: &State) -> State {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown = state.clone();
        for (key, before) in known.iter() {
            match &self.lie {
                Lie::Hidden => drop(shown.resources.remove(key)),
                Lie::Changed(attribute, kind) => {
                    if let Some(change) = state.living(key).and_then(|found| change(found, key, *attribute, kind)) {
                        shown.apply(&change);
                    }
                }
                Lie::Shown => {
                    if let (None, Some(before)) = (state.living(key), before) {
                        let mut alive = before.clone();
                        Arc::make_mut(&mut alive).deleted = false;
                        shown.apply(&Change::Create(key.clone(), alive));
                    }
                }
            }
        }
        shown
    }
}

impl Fault for Liar {
    fn outcome(&self, situation: &Situation<'_>, state: &State, healthy: &Outcome) -> Option<Outcome> {
        if situation.request.operation == self.at {
            match (self.about, healthy.answer == Answer::Success) {
                (About::Refused, false) | (About::Deleted, true) => self.remember(named(situation, state), state),
                (About::Neighbour, true) => self.remember(neighbours(situation, state), state),
                _ => {}
            }
        }
        None
    }

    fn reply(&self, situation: &Situation<'_>, after: &State, outcome: &Outcome, _reply: &Reply) -> Option<Reply> {
        let request = situation.request;
        let reads = !situation.set.operation(request.operation).views.is_empty();
        (reads && request.operation.service == self.at.service)
            .then(|| render::reply(situation.set, &self.shown(after), request, outcome, situation.request_id))
    }
}
