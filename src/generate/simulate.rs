//! One likely course of events, to keep generated scripts sensible.

use std::sync::Arc;

use crate::{
    model::{Answer, Change, Choices, Outcome, Pending, State, likely},
    sequence::{Command, Expected, Script, Wait},
    spec::SpecSet,
};

/// The state after a command, when the endpoint answers every open question with its first alternative, and the outcome.
pub fn step(set: &SpecSet, state: &State, command: &Command, assumed: &Choices) -> (State, Outcome) {
    let request = command.request(set, &Script::home());
    let outcome = likely(set, state, &request, assumed);
    (after(state, &outcome), outcome)
}

/// The state after an outcome.
pub fn after(state: &State, outcome: &Outcome) -> State {
    let mut next = state.clone();
    outcome.changes.iter().for_each(|change| next.apply(change));
    next.pending.extend(outcome.later.iter().cloned().map(Arc::new));
    next.tokens.extend(outcome.token.clone());
    next
}

/// The state once a repeated read has shown what it waits for.
pub fn after_waiting(state: &State, command: &Command) -> State {
    let mut next = state.clone();
    let Some(until) = command.until.as_ref().filter(|until| until.wait != Wait::Linger) else { return next };
    let goes = until.expected == Expected::Gone;
    let removes = |pending: &Pending| pending.changes.iter().any(|change| matches!(change, Change::Delete(_)));
    for key in &until.keys {
        let is_it = |pending: &Pending| pending.key == *key && removes(pending) == goes;
        if let Some(index) = next.pending.iter().position(|pending| is_it(pending)) {
            next.fire(index);
        }
    }
    next
}

/// Runs a whole script; the state before each command, and the last.
pub fn run(set: &SpecSet, initial: &State, script: &[Command], assumed: &Choices) -> Vec<State> {
    let mut states = vec![initial.clone()];
    let nothing = Choices::default();
    for command in script {
        let state = &states[states.len() - 1];
        let next = if command.until.is_some() {
            after_waiting(state, command)
        } else {
            let operation = set.operation(command.operation);
            let known = if operation.is_documented() { assumed } else { &nothing };
            let (next, outcome) = step(set, state, command, known);
            if operation.changes() || outcome.answer == Answer::Success { next } else { state.clone() }
        };
        states.push(next);
    }
    states
}
