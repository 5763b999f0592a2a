//! One likely course of events, to keep generated scripts sensible.

use crate::{
    model::{Answer, Choices, Outcome, State, likely},
    sequence::{Command, Script, Wait},
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
    next.pending.extend(outcome.later.iter().cloned());
    next.tokens.extend(outcome.token.clone());
    next
}

/// The state once a repeated read has shown what it waits for.
pub fn after_waiting(state: &State, command: &Command) -> State {
    let mut next = state.clone();
    if let Some(until) = &command.until
        && until.wait != Wait::Linger
        && let Some(index) = next.pending.iter().position(|pending| pending.key == until.key)
    {
        next.fire(index);
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
