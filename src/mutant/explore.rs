//! Every short sequence around a documented call, in order of length.
//!
//! The model is searched breadth first with the moves of the planner: companions, waiting, and the documented operation
//! itself. In every state each candidate call is tried, and read back. A bug that none of these sequences shows is not
//! told from what the documents permit, as far as the [`Bound`] goes; and the first that shows it is as short as any can be.

use std::collections::HashSet;

use crate::{
    campaign::tally::{Case, Tally},
    execute::{Surroundings as Around, execute},
    generate::{
        candidates::Surroundings,
        moves::{companions, wait_for},
        readback, simulate,
    },
    model::{Answer, Caller, Choices, State, outcomes},
    oracle::judge,
    sequence::{Command, Purpose, Script},
    spec::{Operation, SpecSet, service::OpRef},
    value::{Atom, Key, is_given},
};

use super::kill::Bench;

/// How far to explore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Most commands before the call.
    pub depth: usize,
    /// Most resources of a kind.
    pub of_a_kind: usize,
    /// Most states, besides those that plans lead to.
    pub states: usize,
    /// Different looks of a resource with which calls are tried that are wrong as a whole.
    pub looks: usize,
}

/// What is explored where nothing else is said.
pub const BOUND: Bound = Bound { depth: 5, of_a_kind: 2, states: 60, looks: 8 };
/// Seed of unknown ids.
const SEED: u64 = 7;

/// A call in a state, with the way there.
#[derive(Debug, Clone)]
pub struct Visit {
    setup: Vec<Command>,
    /// Reads of what nobody has looked at before the call.
    looks: Vec<Command>,
    call: Command,
    reads: Vec<Command>,
}

/// All visits of one operation, those with the shortest ways first.
#[derive(Debug, Clone)]
pub struct Exploration {
    pub visits: Vec<Visit>,
    /// Longest way that was taken, in commands.
    pub depth: usize,
    pub n_states: usize,
}

impl Visit {
    /// Everything that may show something: the call, reads, the call again, and reads again.
    fn whole(&self) -> Script {
        let again = std::iter::once(&self.call).chain(&self.reads);
        let commands = self.setup.iter().chain(&self.looks).chain(again.clone()).chain(again);
        Script::new(commands.cloned().collect(), Vec::new())
    }

    /// Scripts of this many commands: with and without looking before the call, and with what fits after it.
    fn scripts(&self, length: usize) -> Vec<Script> {
        let none = Vec::new();
        let mut scripts = Vec::new();
        for (index, looks) in [&none, &self.looks].into_iter().enumerate() {
            let repeats = index == 1 && looks.is_empty();
            let Some(rest) = length.checked_sub(self.setup.len() + looks.len() + 1).filter(|_| !repeats) else {
                continue;
            };
            scripts.extend(self.tails(rest).into_iter().map(|tail| {
                let call = std::iter::once(&self.call);
                let commands = self.setup.iter().chain(looks).chain(call).chain(&tail);
                Script::new(commands.cloned().collect(), Vec::new())
            }));
        }
        scripts
    }

    /// So many commands after the call.
    fn tails(&self, length: usize) -> Vec<Vec<Command>> {
        if length == 1 {
            return self.reads.iter().chain([&self.call]).map(|command| vec![command.clone()]).collect();
        }
        let again = std::iter::once(&self.call).chain(&self.reads);
        let whole: Vec<Command> = self.reads.iter().chain(again).cloned().collect();
        whole.get(..length).map(<[Command]>::to_vec).into_iter().collect()
    }

    fn longest(&self) -> usize {
        self.setup.len() + self.looks.len() + 2 + 2 * self.reads.len()
    }
}

/// Visits every state within the bound, and those that these ways lead to, which may be far.
pub fn explore(set: &SpecSet, at: OpRef, bound: Bound, planned: &[Vec<Command>]) -> Exploration {
    let operation = set.operation(at);
    let initial = State::initial(set.service(at), &Script::home());
    let probes: Vec<Key> = initial.resources.keys().cloned().collect();
    let likely = Choices::likely(operation);
    let mut seen = HashSet::from([initial.clone()]);
    let mut open: Vec<(State, Vec<Command>)> = vec![(initial.clone(), Vec::new())];
    let mut index = 0;
    while index < open.len().min(bound.states) {
        let (state, setup) = open[index].clone();
        if setup.len() < bound.depth {
            for (command, next) in moves(set, at, &state, bound.of_a_kind) {
                if seen.insert(next.clone()) {
                    let way = setup.iter().cloned().chain([command]).collect();
                    open.push((next, way));
                }
            }
        }
        index += 1;
    }
    open.truncate(bound.states);
    let mut visited: HashSet<State> = open.iter().map(|(state, _)| state.clone()).collect();
    for setup in planned {
        let state = simulate::run(set, &initial, setup, &likely).pop();
        open.extend(state.filter(|state| visited.insert(state.clone())).map(|state| (state, setup.clone())));
    }
    open.sort_by_key(|(_, setup)| setup.len());
    let mut looks = HashSet::new();
    let mut visits = Vec::new();
    for (state, setup) in &open {
        let all = setup.is_empty() || is_new(operation, state, bound.looks, &mut looks);
        let named = if setup.is_empty() { &probes[..] } else { &[] };
        for call in (Surroundings { set, at, state, probes: named, mixed: &probes, seed: SEED, all }).calls() {
            let looks = readback::before(set, state, setup, &call);
            let mut reads = readback::after(set, state, &call, &likely, true);
            reads.extend(readback::bystander(set, state, &call));
            visits.push(Visit { setup: setup.clone(), looks, call, reads });
        }
    }
    let depth = open.iter().map(|(_, setup)| setup.len()).max().unwrap_or(0);
    Exploration { visits, depth, n_states: open.len() }
}

/// A state with one resource to name, which looks different from those before.
fn is_new(operation: &Operation, state: &State, most: usize, looks: &mut HashSet<Vec<Atom>>) -> bool {
    let Some(binding) = operation.bindings.first() else { return false };
    let own = state.resources.iter().filter(|(key, _)| !is_given(key));
    let mut own = own.filter(|(_, found)| found.kind == binding.kind);
    match (own.next(), own.next()) {
        (Some((_, found)), None) => looks.len() < most && looks.insert(found.attributes.clone()),
        _ => false,
    }
}

/// Commands that make sense in a state, with the states that they lead to.
fn moves(set: &SpecSet, at: OpRef, state: &State, of_a_kind: usize) -> Vec<(Command, State)> {
    let waiting = state.pending.iter().filter_map(|pending| wait_for(set, at.service, state, pending));
    let mut found: Vec<(Command, State)> =
        waiting.map(|command| (command.clone(), simulate::after_waiting(state, &command))).collect();
    let own = Surroundings { set, at, state, probes: &[], mixed: &[], seed: SEED, all: false };
    let own = own.calls().into_iter().filter(|call| is_plain(set.operation(at), call)).map(|mut call| {
        call.purpose = Purpose::Setup;
        call
    });
    let companions = companions(set, at.service, state, of_a_kind).into_iter();
    for command in companions.chain(own) {
        let request = command.request(set, &Script::home());
        let success = outcomes(set, state, &request, &Choices::default()).into_iter().find(|outcome| {
            outcome.due
                && outcome.answer == Answer::Success
                && !(outcome.changes.is_empty() && outcome.later.is_empty())
        });
        if let Some(outcome) = success {
            found.push((command, simulate::after(state, &outcome)));
        }
    }
    found
}

/// A documented call with nothing but what it must have, or a token.
fn is_plain(operation: &Operation, call: &Command) -> bool {
    let is_usual = |(index, (param, value)): (usize, (&crate::spec::operation::Param, &Option<serde_json::Value>))| {
        param.binding.is_some()
            || param.region
            || value.is_none()
            || *value == param.value
            || (operation.token == Some(index) && *value == Some("$token1".into()))
    };
    call.caller == Caller::Main && operation.params.iter().zip(&call.arguments).enumerate().all(is_usual)
}

/// What the first visit that shows a bug shows, in words; none when all conform, also taken together. Says in how many it
/// struck.
pub async fn first_finding(
    set: &SpecSet,
    exploration: &Exploration,
    around: &Around,
    bench: impl Fn() -> Bench,
) -> (Option<String>, usize) {
    let mut n_struck = 0;
    let mut tally = Tally::default();
    for (number, visit) in exploration.visits.iter().enumerate() {
        let script = visit.whole();
        let bench = bench();
        let history = execute(set, &script, bench.endpoint.as_ref(), around, &number.to_string()).await;
        // Where the bug did not strike, this is a healthy mock; what it answers to open questions counts all the same.
        let has_struck = bench.planted.struck() > 0;
        n_struck += usize::from(has_struck);
        let judged = judge(set, &script, &history);
        if has_struck {
            let unanswered = judged.reasons.iter().find(|reason| reason.promised.is_some());
            let finding = judged.findings.first().map(|finding| finding.summary.clone());
            if let Some(shown) = finding.or_else(|| unanswered.map(|reason| reason.text.clone())) {
                return (Some(shown), n_struck);
            }
        }
        tally.add(set, &Case { number: number as u64, script, history, judged, requests: 0 });
    }
    let change = tally.changes_of_mind(set).into_iter().next();
    (change.map(|first| first.finding.summary), n_struck)
}

/// The same for races, each run so many times: what they show depends on chance.
pub async fn first_race(
    set: &SpecSet,
    races: &[Script],
    times: usize,
    around: &Around,
    bench: impl Fn() -> Bench,
) -> (Option<String>, usize) {
    let mut n_struck = 0;
    let mut tally = Tally::default();
    let in_each_way = |script: &Script| {
        let script = script.clone();
        (0..times as u64).map(move |number| Script { turns: Some(number), ..script.clone() })
    };
    for (number, script) in races.iter().flat_map(in_each_way).enumerate() {
        let bench = bench();
        let history = execute(set, &script, bench.endpoint.as_ref(), around, &format!("race{number}")).await;
        let judged = judge(set, &script, &history);
        n_struck += usize::from(bench.planted.struck() > 0);
        if let Some(finding) = judged.findings.first() {
            return (Some(finding.summary.clone()), n_struck);
        }
        tally.add(set, &Case { number: number as u64, script, history, judged, requests: 0 });
    }
    let change = tally.changes_of_mind(set).into_iter().next();
    (change.map(|first| first.finding.summary), n_struck)
}

/// Commands of the shortest script that fails with this key, up to a length.
pub async fn shortest(
    set: &SpecSet,
    exploration: &Exploration,
    around: &Around,
    bench: impl Fn() -> Bench,
    key: &str,
    most: usize,
) -> Option<usize> {
    let longest = exploration.visits.iter().map(Visit::longest).max().unwrap_or(0).min(most);
    for length in 1..=longest {
        for script in exploration.visits.iter().flat_map(|visit| visit.scripts(length)) {
            let bench = bench();
            let history = execute(set, &script, bench.endpoint.as_ref(), around, "x").await;
            if bench.planted.struck() > 0
                && judge(set, &script, &history).findings.iter().any(|finding| finding.key == key)
            {
                return Some(length);
            }
        }
    }
    None
}
