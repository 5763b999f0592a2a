//! Chance: random moves and arguments around a plan, and free walks.

use super::{
    candidates::{Surroundings, longest},
    case::Generator,
    dice::Dice,
    moves::{self, wait_for},
    options::Options,
    plan::Plan,
    readback, simulate,
};
use crate::{
    model::{Answer, Caller, Choices, State, outcomes_with},
    sequence::{Command, Script},
    spec::{operation::ParamType, service::OpRef},
    value::Key,
};

/// Of a hundred texts that need not be sent, so many are, as long as they may be.
const LONGEST_PERCENT: usize = 15;
/// Random moves that are tried for one woven case.
const MOST_WOVEN: usize = 3;
/// Most resources of one kind in a random sequence.
const MOST_OF_A_KIND: usize = 2;
/// Longest free walk, in moves.
const LONGEST_WALK: usize = 6;

impl Generator<'_> {
    /// Puts random moves and arguments around a plan, keeping only what leaves the requirement met.
    pub(super) fn weave(
        &self,
        aim: (OpRef, usize),
        plan: &Plan,
        setup: &mut Vec<Command>,
        states: &mut Vec<State>,
        call: &mut Command,
        dice: &mut Dice,
    ) {
        for _ in 0..=dice.below(MOST_WOVEN) {
            let place = dice.below(setup.len() + 1);
            let Some(command) = self.random_move(aim.0, &states[place], dice) else { continue };
            // A fresh handle must not take the name of one that the plan makes later.
            if command.creates.iter().any(|key| setup[place..].iter().any(|later| later.creates.contains(key))) {
                continue;
            }
            setup.insert(place, command);
            let later = simulate::run(self.set, &states[place], &setup[place..], &plan.assumed);
            if later.last().is_some_and(|state| self.still_meets(aim, plan, state, call)) {
                states.splice(place.., later);
            } else {
                setup.remove(place);
            }
        }
        let mut varied = call.clone();
        self.vary(&mut varied, dice);
        if varied != *call && states.last().is_some_and(|state| self.still_meets(aim, plan, state, &varied)) {
            *call = varied;
        }
    }

    /// Random arguments: a text in place of a strange id, a boolean given or not.
    fn vary(&self, call: &mut Command, dice: &mut Dice) {
        let operation = self.set.operation(call.operation);
        for (index, param) in operation.params.iter().enumerate() {
            let value = &mut call.arguments[index];
            match (param.kind, value.as_ref().and_then(|value| value.as_str().map(str::to_owned))) {
                (ParamType::Text, Some(text))
                    if param.binding.is_some() && !text.starts_with('$') && !text.is_empty() =>
                {
                    *value = Some(dice.text().into());
                }
                (ParamType::Text, None) if value.is_none() && param.max_length.is_some() => {
                    let is_token = operation.token == Some(index);
                    *value = param
                        .max_length
                        .filter(|_| dice.percent(LONGEST_PERCENT))
                        .map(|limit| longest(is_token, limit));
                }
                (ParamType::Boolean, _) if value.is_none() && param.is_switch() && dice.percent(30) => {
                    *value = Some(dice.percent(50).into())
                }
                _ => {}
            }
        }
    }

    /// In this state the call exercises what it is for, whatever comes.
    fn still_meets(&self, aim: (OpRef, usize), plan: &Plan, state: &State, call: &Command) -> bool {
        let request = call.request(self.set, &Script::home());
        let permitted = outcomes_with(self.set, state, &request, &plan.assumed, |_, due| due);
        let due: Vec<_> = permitted.iter().filter(|outcome| outcome.due).collect();
        !due.is_empty() && due.iter().all(|outcome| outcome.claims.iter().any(|claim| claim.requirement == aim.1))
    }

    fn random_move(&self, at: OpRef, state: &State, dice: &mut Dice) -> Option<Command> {
        let waiting: Vec<Command> =
            state.pending.iter().filter_map(|pending| wait_for(self.set, at.service, state, pending)).collect();
        if !waiting.is_empty() && dice.percent(60) {
            return dice.pick(&waiting).cloned();
        }
        let permit = &self.options().permit;
        let admits = |command: &Command| permit.is_free() || permit.admits(self.set, command);
        moves::random(self.set, at.service, state, MOST_OF_A_KIND, dice, admits)
    }

    /// A free walk: random moves, and random calls of the documented operation with everything read back.
    pub(super) fn walk(&self, at: OpRef, dice: &mut Dice) -> Script {
        let mut state = self.initial(at);
        let mut commands = Vec::new();
        let assumed = self.likely(at);
        let length = 2 + dice.below(LONGEST_WALK - 1);
        let mut n_calls = 0;
        for position in 0..length {
            let is_last = position + 1 == length;
            if (is_last && n_calls == 0) || dice.percent(35) {
                let probes: &[Key] = if dice.percent(10) { &self.options().probes } else { &[] };
                let around = Surroundings {
                    set: self.set,
                    at,
                    state: &state,
                    probes,
                    mixed: probes,
                    seed: dice.number(),
                    all: dice.percent(60),
                };
                let drafts = around.drafts();
                let Options { careful, restricted, .. } = self.options();
                let harmless = |call: &Command| self.is_dry(call) || self.probes(call).is_empty();
                let calls = drafts
                    .callers()
                    .filter(|(_, caller)| *caller == Caller::Main || restricted.contains(&at.service))
                    .filter(|(index, _)| !careful || harmless(&drafts.spelled(*index)));
                let calls: Vec<usize> = calls.map(|(index, _)| index).collect();
                let Some(call) = dice.pick(&calls).map(|index| drafts.spelled(*index)) else { continue };
                n_calls += 1;
                let reads = readback::after(self.set, &state, &call, &assumed, false);
                let bystander =
                    if dice.percent(30) { readback::bystander(self.set, &state, &call) } else { Vec::new() };
                for command in std::iter::once(call).chain(reads).chain(bystander) {
                    state = self.likely_next(&state, &command, &assumed);
                    commands.push(command);
                }
            } else if let Some(command) = self.random_move(at, &state, dice) {
                state = self.likely_next(&state, &command, &assumed);
                commands.push(command);
            }
        }
        Script::new(commands, Vec::new())
    }

    fn likely(&self, at: OpRef) -> Choices {
        Choices::likely(self.set.operation(at))
    }

    fn likely_next(&self, state: &State, command: &Command, assumed: &Choices) -> State {
        if command.until.is_some() {
            return simulate::after_waiting(state, command);
        }
        let documented = self.set.operation(command.operation).is_documented();
        let known = if documented { assumed.clone() } else { Choices::default() };
        match simulate::step(self.set, state, command, &known) {
            (next, outcome) if documented || outcome.answer == Answer::Success => next,
            _ => state.clone(),
        }
    }
}
