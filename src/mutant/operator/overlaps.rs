//! Calls that overlap: bugs that nobody sees who waits for every answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Draft, Subject, effects::deletes};
use crate::{
    mock::{
        fault::{Fault, Meeting},
        handling::Work,
        service::choose,
    },
    model::{Answer, Outcome, Refused, Resource, State},
    mutant::fault::{Overlaps, done_nothing, shared},
    spec::operation::Law,
    value::Key,
};

/// It does what it saw first, and answers what it sees last.
pub fn check_then_act(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "looks, acts later without looking again, and answers by what it sees then";
    drafts(subject, Law::Stays, "deletion", text, deletes(subject), |meeting| {
        let Meeting { looked, healthy, .. } = meeting;
        let changed = is_success(looked) && !is_success(healthy);
        changed.then(|| Outcome { answer: healthy.answer.clone(), ..(*looked).clone() })
    })
}

/// It answers what it saw first, and does what it sees last.
pub fn answer_early(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "promises by what it saw first, and does nothing when that has changed";
    drafts(subject, Law::Seen, "success", text, deletes(subject), |meeting| {
        let Meeting { looked, healthy, .. } = meeting;
        (is_success(looked) && !is_success(healthy)).then(|| done_nothing(healthy))
    })
}

/// The whole state is written back as it was, with what the call changes.
pub fn lost_update(subject: &Subject<'_>) -> Vec<Draft> {
    struct WritesBack(crate::spec::OpRef);
    impl Fault for WritesBack {
        fn base(&self, meeting: &Meeting<'_>) -> Option<State> {
            (meeting.situation.request.operation == self.0).then(|| meeting.first.clone())
        }

        fn overlapped(&self, meeting: &Meeting<'_>) -> Option<Outcome> {
            (meeting.situation.request.operation == self.0).then(|| meeting.looked.clone())
        }
    }
    let at = subject.at;
    let text = "writes everything back as it was when the call came, and so undoes what others did meanwhile";
    draft(subject, Law::Seen, "state", text, deletes(subject), move || WritesBack(at))
}

/// Whoever meets another call on the same resource is told that all is well.
pub fn double_success(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "leaves a call on a resource to the other call on it, and says that it is done";
    drafts(subject, Law::Stays, "success", text, true, |meeting| {
        let shared = alike(meeting).any(|other| other.shares(meeting.situation.request).is_some());
        (shared && !is_success(meeting.healthy)).then(|| done_nothing(meeting.healthy))
    })
}

/// Tokens of calls that are still under way are not known yet.
pub fn late_token(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "looks for a token before the other call with it has left it there";
    drafts(subject, Law::Token, "overlapping", text, subject.operation.token.is_some(), |meeting| {
        let situation = meeting.situation;
        let operation = situation.set.operation(situation.request.operation);
        let token = situation.request.token(operation)?;
        let is_late = |other: &&Arc<Work>| other.request.token(operation).as_ref() == Some(&token);
        alike(meeting).find(is_late)?;
        let mut state = meeting.now.clone();
        state.tokens.retain(|used| used.token != token);
        choose(situation.set, &state, situation.request, situation.choices, situation.reversed)
    })
}

/// What the first look allows of a batch is done, item by item, until the rest turns out to be refused.
pub fn item_by_item(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "carries out a batch item by item, and stops where an overlapping call has been faster";
    drafts(subject, Law::Batch, "first", text, subject.operation.list().is_some(), |meeting| {
        let Meeting { looked, healthy, situation, .. } = meeting;
        let keys = situation.request.targets.iter().find(|keys| keys.len() > 1)?;
        if !is_success(looked) || is_success(healthy) {
            return None;
        }
        let mut half = Outcome { answer: healthy.answer.clone(), ..(*looked).clone() };
        half.later.retain(|pending| keys[..keys.len().div_ceil(2)].contains(&pending.key));
        Some(half)
    })
}

/// Of a batch, what another call names as well is left to that.
pub fn leave_to_other(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "leaves those of a batch that an overlapping call names as well, whatever becomes of that call";
    drafts(subject, Law::Batch, "shared", text, subject.operation.list().is_some(), |meeting| {
        let request = meeting.situation.request;
        let is_batch = request.is_batch();
        if !is_batch || !is_success(meeting.healthy) {
            return None;
        }
        let others: Vec<&Key> = alike(meeting).flat_map(|other| other.request.targets.iter().flatten()).collect();
        let mut left = meeting.healthy.clone();
        left.later.retain(|pending| !others.contains(&&pending.key));
        Some(left)
    })
}

/// A read that meets another call shows once more what was gone.
pub fn stale_read(subject: &Subject<'_>) -> Vec<Draft> {
    /// What was there once, of a kind.
    struct Stale {
        service: usize,
        kind: usize,
        known: Mutex<BTreeMap<Key, Arc<Resource>>>,
    }
    impl Fault for Stale {
        fn settle(&self, service: usize, state: &mut State, _now_ms: u64) -> bool {
            if service == self.service {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let living = state.resources.iter().filter(|(_, found)| found.kind == self.kind && !found.deleted);
                living.for_each(|(key, found)| drop(known.insert(key.clone(), found.clone())));
            }
            false
        }

        fn shown(&self, meeting: &Meeting<'_>) -> Option<State> {
            let request = meeting.situation.request;
            let operation = meeting.situation.set.operation(request.operation);
            if request.operation.service != self.service || operation.views.is_empty() {
                return None;
            }
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let named = request.targets.iter().flatten().filter(|key| meeting.now.living(key).is_none());
            let back: Vec<_> = named.filter_map(|key| Some((key.clone(), known.get(key)?.clone()))).collect();
            let mut state = meeting.now.clone();
            let is_stale = !back.is_empty();
            state.resources.extend(back);
            is_stale.then_some(state)
        }
    }
    let Some(binding) = subject.operation.bindings.first() else { return Vec::new() };
    let (service, kind) = (subject.at.service, binding.kind);
    let text = "shows once more what was seen to be gone, to a read that meets another call";
    draft(subject, Law::Seen, "read", text, deletes(subject), move || Stale { service, kind, known: Mutex::default() })
}

/// The row for overlapping work is answered whatever the other call is about.
pub fn exclude_all(subject: &Subject<'_>) -> Vec<Draft> {
    let row = subject.operation.rows.iter().position(|row| row.overlap);
    let text = "says that other work is under way although that is on something else";
    drafts(subject, Law::Exclusive, "elsewhere", text, row.is_some(), move |meeting| {
        alike(meeting).next().filter(|_| is_success(meeting.healthy))?;
        Some(excluded(meeting.healthy, row?))
    })
}

/// The row for overlapping work is answered, and the call is carried out all the same.
pub fn exclude_and_do(subject: &Subject<'_>) -> Vec<Draft> {
    let row = subject.operation.rows.iter().position(|row| row.overlap);
    let text = "says that other work is under way, and does what it was asked for all the same";
    drafts(subject, Law::Stays, "deletion", text, row.is_some(), move |meeting| {
        let shared = meeting.others.iter().any(|other| other.shares(meeting.situation.request).is_some());
        if !shared || !is_success(meeting.looked) {
            return None;
        }
        Some(Outcome { answer: Answer::Refused(Refused::Row(row?)), ..meeting.looked.clone() })
    })
}

/// Of two calls only the first is carried out.
pub fn forget(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "carries out only one of the calls that overlap, and says the same to all";
    drafts(subject, Law::Seen, "second", text, deletes(subject), |meeting| {
        let is_late = alike(meeting).any(|other| other.done().is_some_and(is_success));
        (is_late && is_success(meeting.healthy)).then(|| done_nothing(meeting.healthy))
    })
}

/// A call is answered as another one was.
pub fn mixed_up(subject: &Subject<'_>) -> Vec<Draft> {
    let text = "answers a call as the one that it met, which is about something else";
    drafts(subject, Law::Stays, "answer", text, true, |meeting| {
        let other = alike(meeting).find_map(|other| other.done())?;
        Some(Outcome { answer: other.answer.clone(), ..meeting.healthy.clone() })
    })
}

/// Calls of the same operation that a call met.
fn alike<'a>(meeting: &'a Meeting<'_>) -> impl Iterator<Item = &'a Arc<Work>> {
    let own = meeting.situation.request.operation;
    meeting.others.iter().filter(move |other| other.request.operation == own)
}

fn is_success(outcome: &Outcome) -> bool {
    outcome.answer == Answer::Success
}

/// Refused, and nothing happens.
fn excluded(healthy: &Outcome, row: usize) -> Outcome {
    Outcome { answer: Answer::Refused(Refused::Row(row)), ..done_nothing(healthy) }
}

fn drafts(
    subject: &Subject<'_>,
    law: Law,
    local: &str,
    text: &str,
    applies: bool,
    overlapped: impl Fn(&Meeting<'_>) -> Option<Outcome> + Clone + Send + Sync + 'static,
) -> Vec<Draft> {
    let at = subject.at;
    draft(subject, law, local, text, applies, move || Overlaps(at, overlapped.clone()))
}

/// One mutant, where the operation has such a thing and the document has the law.
fn draft<F: Fault + 'static>(
    subject: &Subject<'_>,
    law: Law,
    local: &str,
    text: &str,
    applies: bool,
    make: impl Fn() -> F + Send + Sync + 'static,
) -> Vec<Draft> {
    let Some(breaks) = subject.operation.law(law).filter(|_| applies) else { return Vec::new() };
    let bug = super::Bug::Overlap(Arc::new(move || shared(make())));
    vec![Draft { local: local.into(), breaks, text: text.into(), bug }]
}
