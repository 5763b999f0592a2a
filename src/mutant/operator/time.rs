//! Work that is done late, never, or undone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Draft, Subject, effects::deletes};
use crate::{
    mock::fault::{Fault, Situation},
    model::{Answer, Change, Outcome, Pending, Resource, State},
    mutant::fault::{Outcomes, named, removes},
    spec::operation::Expectation,
    value::Key,
};

/// Longer than anyone waits for a mock, in milliseconds.
const LATE_MS: u64 = 600_000;
/// Never, without running over.
const NEVER_MS: u64 = u64::MAX / 4;
/// Calls that see a resource gone before it comes back.
const CALLS_UNTIL_BACK: u64 = 2;

/// What is announced never happens, though it is under way.
pub fn never(subject: &Subject<'_>) -> Vec<Draft> {
    put_off(subject, "announces a deletion that never comes about", NEVER_MS)
}

/// What is announced happens after everyone has lost patience.
pub fn late(subject: &Subject<'_>) -> Vec<Draft> {
    put_off(subject, "deletes ten minutes after the answer", LATE_MS)
}

fn put_off(subject: &Subject<'_>, text: &str, by_ms: u64) -> Vec<Draft> {
    if !subject.operation.effects.iter().any(|effect| effect.later) {
        return Vec::new();
    }
    let at = subject.at;
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    vec![Draft::behaviour("success", breaks, text, move || {
        Outcomes(at, move |_: &Situation<'_>, _: &State, healthy: &Outcome| {
            let mut other = healthy.clone();
            for pending in other.later.iter_mut().filter(|pending| removes(&pending.changes)) {
                pending.since_ms = by_ms;
            }
            Some(other)
        })
    })]
}

/// A refused call deletes after the usual time.
pub fn go_later(subject: &Subject<'_>) -> Vec<Draft> {
    if !deletes(subject) {
        return Vec::new();
    }
    let at = subject.at;
    let text = "refuses, and deletes what the call names some time after that";
    vec![Draft::behaviour("refusal", subject.basics.unchanged, text, move || {
        Outcomes(at, |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
            if healthy.answer == Answer::Success {
                return None;
            }
            let mut other = healthy.clone();
            other.later.extend(named(situation, state).into_iter().map(|key| Pending {
                since_ms: 0,
                origin: 0,
                key: key.clone(),
                changes: vec![Change::Delete(key)],
                unless_changed: Vec::new(),
            }));
            Some(other)
        })
    })]
}

/// What is deleted is back after some calls, once.
pub fn come_back(subject: &Subject<'_>) -> Vec<Draft> {
    let Some(binding) = subject.operation.bindings.first().filter(|_| deletes(subject)) else { return Vec::new() };
    let (service, kind) = (subject.at.service, binding.kind);
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    vec![Draft::behaviour("success", breaks, "brings back what was deleted after two calls", move || ComesBack {
        service,
        kind,
        gone: Mutex::default(),
    })]
}

/// A resource that was deleted, with the calls since; none once it has been back.
type Gone = Option<(Arc<Resource>, u64)>;

struct ComesBack {
    service: usize,
    kind: usize,
    gone: Mutex<BTreeMap<Key, Gone>>,
}

impl Fault for ComesBack {
    fn settle(&self, service: usize, state: &mut State, _now_ms: u64) -> bool {
        if service != self.service {
            return false;
        }
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, found) in state.resources.iter().filter(|(_, found)| found.deleted && found.kind == self.kind) {
            gone.entry(key.clone()).or_insert_with(|| Some((found.clone(), 0)));
        }
        let mut struck = false;
        for (key, waiting) in gone.iter_mut() {
            let Some((resource, calls)) = waiting else { continue };
            *calls += 1;
            if *calls > CALLS_UNTIL_BACK {
                let mut back = resource.clone();
                Arc::make_mut(&mut back).deleted = false;
                state.apply(&Change::Create(key.clone(), back));
                *waiting = None;
                struck = true;
            }
        }
        struck
    }
}
