//! What a script has left, as far as its answers tell.

use std::collections::BTreeSet;

use crate::{
    history::{History, Reply},
    model::{Answer, Caller, Choices, Outcome, Request, State, likely, outcomes_with},
    sequence::{Script, command::templated},
    spec::{SpecSet, resource::Template, service::OpRef},
    value::Key,
};

/// The state at the end of a script.
pub struct Left {
    state: State,
    /// Things to which something may have happened.
    doubtful: BTreeSet<Key>,
}

impl Left {
    pub fn of(set: &SpecSet, script: &Script, history: &History) -> Self {
        let service = script.commands.first().map_or(0, |first| first.operation.service);
        let mut left = Self {
            state: State::initial(set.service(OpRef { service, operation: 0 }), &Script::home()),
            doubtful: BTreeSet::new(),
        };
        for exchange in &history.exchanges {
            let Some(command) = script.commands.get(exchange.command) else { continue };
            let is_success = match &exchange.reply {
                Reply::Success { .. } => true,
                Reply::Refused { .. } | Reply::NotSent { .. } => continue,
                Reply::Trouble(_) => false,
            };
            // What only reads leaves nothing.
            if !set.operation(command.operation).changes() {
                continue;
            }
            let request = command.request(set, &Script::home());
            match success(set, &left.state, &request).filter(|_| is_success) {
                Some(outcome) => left.state = after(&left.state, &outcome),
                None => left.doubtful.extend(request.targets.into_iter().flatten().chain(request.created)),
            }
        }
        left
    }

    /// Whether a call that takes something back may have something to take back.
    pub fn may_undo(&self, set: &SpecSet, at: OpRef, template: &Template, key: &Key) -> bool {
        let Some(found) = self.state.resource(key).filter(|_| !self.doubtful.contains(key)) else { return true };
        let mut fill_in = |place: &str| match place {
            "$self" => Some(key.to_string()),
            "$region" => Some(found.region.to_string()),
            place => Some(place.to_owned()),
        };
        let Some(arguments) = templated(set.operation(at), template, &found.region, &mut fill_in) else { return true };
        let request = Request::new(set, at, arguments, Caller::Main, Vec::new(), &Script::home());
        let successes = successes(set, &self.state, &request);
        successes.is_empty() || successes.iter().any(|outcome| after(&self.state, outcome) != self.state)
    }
}

/// What the call likely does, if that is a success, or else what it may do as one.
fn success(set: &SpecSet, state: &State, request: &Request) -> Option<Outcome> {
    let outcome = Some(likely(set, state, request, &Choices::default()));
    let is_it = |outcome: &Outcome| outcome.answer == Answer::Success;
    outcome.filter(is_it).or_else(|| successes(set, state, request).into_iter().next())
}

fn successes(set: &SpecSet, state: &State, request: &Request) -> Vec<Outcome> {
    outcomes_with(set, state, request, &Choices::default(), |answer, _| *answer == Answer::Success)
}

/// The state once all has happened that an outcome brings about.
fn after(state: &State, outcome: &Outcome) -> State {
    let mut next = state.clone();
    let later = outcome.later.iter().flat_map(|pending| &pending.changes);
    outcome.changes.iter().chain(later).for_each(|change| next.apply(change));
    next
}
