//! Bugs as the mock sees them, and what they are made of.

use std::sync::Arc;

use crate::{
    history::Reply,
    mock::{
        fault::{Fault, Meeting, Situation},
        render,
        service::choose,
    },
    model::{Answer, Change, Outcome, State},
    spec::{SpecSet, service::OpRef},
    value::Key,
    wire::HttpResponse,
};

/// One operation answers as a rewritten spec says, to calls of some sort.
pub struct Rewritten {
    pub set: Arc<SpecSet>,
    pub at: OpRef,
    pub concerns: Concerns,
}

/// Whether a bug concerns a call, in this state.
pub type Concerns = Arc<dyn Fn(&Situation<'_>, &State) -> bool + Send + Sync>;

impl Fault for Rewritten {
    fn outcome(&self, situation: &Situation<'_>, state: &State, _healthy: &Outcome) -> Option<Outcome> {
        let request = situation.request;
        (request.operation == self.at && (self.concerns)(situation, state))
            .then(|| choose(&self.set, state, request, situation.choices, situation.reversed))
            .flatten()
    }

    fn reply(&self, situation: &Situation<'_>, after: &State, outcome: &Outcome, _reply: &Reply) -> Option<Reply> {
        let request = situation.request;
        (request.operation == self.at).then(|| render::reply(&self.set, after, request, outcome, situation.request_id))
    }
}

/// One operation has other outcomes.
pub struct Outcomes<F>(pub OpRef, pub F);

impl<F> Fault for Outcomes<F>
where
    F: Fn(&Situation<'_>, &State, &Outcome) -> Option<Outcome> + Send + Sync,
{
    fn outcome(&self, situation: &Situation<'_>, state: &State, healthy: &Outcome) -> Option<Outcome> {
        if situation.request.operation == self.0 { (self.1)(situation, state, healthy) } else { None }
    }
}

/// One operation has other outcomes when it meets other calls.
pub struct Overlaps<F>(pub OpRef, pub F);

impl<F> Fault for Overlaps<F>
where
    F: Fn(&Meeting<'_>) -> Option<Outcome> + Send + Sync,
{
    fn overlapped(&self, meeting: &Meeting<'_>) -> Option<Outcome> {
        if meeting.situation.request.operation == self.0 { (self.1)(meeting) } else { None }
    }
}

/// One operation replies otherwise.
pub struct Replies<F>(pub OpRef, pub F);

impl<F> Fault for Replies<F>
where
    F: Fn(&Situation<'_>, &Reply) -> Option<Reply> + Send + Sync,
{
    fn reply(&self, situation: &Situation<'_>, _after: &State, _outcome: &Outcome, reply: &Reply) -> Option<Reply> {
        if situation.request.operation == self.0 { (self.1)(situation, reply) } else { None }
    }
}

/// The responses of one operation travel otherwise.
pub struct Responses<F>(pub OpRef, pub F);

impl<F> Fault for Responses<F>
where
    F: Fn(&Reply, &HttpResponse) -> Option<HttpResponse> + Send + Sync,
{
    fn response(&self, operation: OpRef, reply: &Reply, response: &HttpResponse) -> Option<HttpResponse> {
        if operation == self.0 { (self.1)(reply, response) } else { None }
    }
}

/// A resource that someone made here, and that exists.
pub fn is_made(situation: &Situation<'_>, state: &State, key: &Key) -> bool {
    let givens = &situation.set.service(situation.request.operation).givens;
    state.living(key).is_some() && !givens.iter().any(|given| *given.default == **key)
}

/// What the call names and someone made here, each once.
pub fn named(situation: &Situation<'_>, state: &State) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in situation.request.targets.iter().flatten() {
        if is_made(situation, state, key) && !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// Everything of the kind that the call names, but what it names.
pub fn neighbours(situation: &Situation<'_>, state: &State) -> Vec<Key> {
    let request = situation.request;
    let Some(binding) = situation.set.operation(request.operation).bindings.first() else { return Vec::new() };
    let is_named = |key: &Key| request.targets.iter().flatten().any(|named| named == key);
    let others = state
        .resources
        .iter()
        .filter(|(key, found)| found.kind == binding.kind && is_made(situation, state, key) && !is_named(key));
    others.map(|(key, _)| key.clone()).collect()
}

/// The same outcome with more changes.
pub fn with_changes(outcome: &Outcome, changes: impl IntoIterator<Item = Change>) -> Outcome {
    let mut other = outcome.clone();
    other.changes.extend(changes);
    other
}

/// Success, and nothing happens.
pub fn done_nothing(outcome: &Outcome) -> Outcome {
    Outcome { answer: Answer::Success, changes: Vec::new(), later: Vec::new(), ..outcome.clone() }
}

/// Whether pending work removes something.
pub fn removes(changes: &[Change]) -> bool {
    changes.iter().any(|change| matches!(change, Change::Delete(_)))
}

/// A fault behind a pointer.
pub fn shared(fault: impl Fault + 'static) -> Arc<dyn Fault> {
    Arc::new(fault)
}
