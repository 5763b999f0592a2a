//! The shortest ways from nothing to each requirement, found by searching the model.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    candidates::Surroundings,
    moves::{companions, wait_for},
    simulate,
};
use crate::{
    model::{Answer, Aspect, Caller, Choices, Outcome, Refused, Request, State, outcomes},
    sequence::{Command, Purpose, Script},
    spec::{Operation, SpecSet, service::OpRef},
    value::Key,
};

/// Longest way that is searched, in commands.
const DEEPEST: usize = 7;
/// States that are looked at; enough for every requirement of the shipped specs, with room.
const MOST_STATES: usize = 900;
/// Up to this depth, calls that are wrong in ways that do not depend on the state are tried as well.
const ALL_UP_TO: usize = 2;
/// Different plans that are kept for one requirement.
const MOST_PLANS: usize = 6;

/// A way to exercise a requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub setup: Vec<Command>,
    pub call: Command,
    /// Answers to open questions under which it does.
    pub assumed: Choices,
}

/// Plans of one operation.
#[derive(Debug, Default)]
pub struct Plans {
    /// By requirement, shortest first.
    pub by_requirement: BTreeMap<usize, Vec<Plan>>,
    /// States that the search looked at.
    pub n_states: usize,
}

struct Node {
    state: State,
    parent: Option<usize>,
    command: Option<Command>,
    depth: usize,
}

/// Searches plans for every requirement of a documented operation.
///
/// `probes` are other people's resources that exist in the model; whether an endpoint has them is for the caller to know.
pub fn search(set: &SpecSet, at: OpRef, seed: u64) -> Plans {
    let operation = set.operation(at);
    let initial = State::initial(set.service(at), &Script::home());
    let probes: Vec<Key> = initial.resources.keys().cloned().collect();
    let mut wanted: BTreeSet<usize> = operation
        .requirements
        .iter()
        .enumerate()
        .filter(|(_, requirement)| requirement.unreachable.is_none() && !requirement.overlap)
        .map(|(index, _)| index)
        .collect();
    let mut plans = Plans::default();
    let mut seen: HashSet<State> = HashSet::from([initial.clone()]);
    let mut nodes = vec![Node { state: initial, parent: None, command: None, depth: 0 }];
    let mut at_node = 0;
    let mut done_at = None;
    while at_node < nodes.len() && at_node < MOST_STATES {
        let depth = nodes[at_node].depth;
        if done_at.is_some_and(|done| depth > done) {
            break;
        }
        let all = depth <= ALL_UP_TO;
        let probes = if depth == 0 { &probes[..] } else { &[] };
        let surroundings = Surroundings { set, at, state: &nodes[at_node].state, probes, seed, all };
        for call in surroundings.calls() {
            try_call(set, operation, &nodes, at_node, &call, &mut plans);
        }
        wanted.retain(|requirement| !plans.by_requirement.contains_key(requirement));
        if wanted.is_empty() && done_at.is_none() {
            // One level more yields variety at little cost.
            done_at = Some(depth + 1);
        }
        if depth < DEEPEST {
            for (command, next) in moves(set, at, &nodes[at_node].state) {
                if seen.insert(next.clone()) {
                    nodes.push(Node { state: next, parent: Some(at_node), command: Some(command), depth: depth + 1 });
                }
            }
        }
        at_node += 1;
    }
    plans.n_states = at_node;
    plans
}

/// Moves of the search with the states that they lead to.
fn moves(set: &SpecSet, at: OpRef, state: &State) -> Vec<(Command, State)> {
    let mut found = Vec::new();
    for pending in &state.pending {
        if let Some(command) = wait_for(set, at.service, state, pending) {
            let next = simulate::after_waiting(state, &command);
            found.push((command, next));
        }
    }
    let own_calls = Surroundings { set, at, state, probes: &[], seed: 0, all: false };
    let documented = own_calls.calls().into_iter().filter(|call| is_plain(set.operation(at), call)).map(|mut call| {
        call.purpose = Purpose::Setup;
        (call, 0)
    });
    for (command, _) in companions(set, at.service, state).into_iter().chain(documented) {
        let request = command.request(set, &Script::home());
        let success = outcomes(set, state, &request, &Choices::default())
            .into_iter()
            .find(|outcome| outcome.due && outcome.answer == Answer::Success && !(outcome.changes.is_empty() && outcome.later.is_empty()));
        if let Some(outcome) = success {
            found.push((command, simulate::after(state, &outcome)));
        }
    }
    found
}

/// A documented call that changes something in the ordinary way, which later calls may build on.
fn is_plain(operation: &Operation, call: &Command) -> bool {
    call.caller == Caller::Main
        && operation.params.iter().zip(&call.arguments).enumerate().all(|(index, (param, value))| {
            param.binding.is_some()
                || param.region
                || value.is_none()
                || *value == param.value
                || (operation.token == Some(index) && *value == Some("$token1".into()))
        })
}

fn try_call(set: &SpecSet, operation: &Operation, nodes: &[Node], node: usize, call: &Command, plans: &mut Plans) {
    let state = &nodes[node].state;
    let request = call.request(set, &Script::home());
    let permitted = outcomes(set, state, &request, &Choices::default());
    let mut path = None;
    for outcome in permitted.iter().filter(|outcome| outcome.due) {
        let due: Vec<usize> = permitted
            .iter()
            .filter(|other| other.due && other.choices == outcome.choices)
            .filter_map(row_of)
            .collect();
        for claim in &outcome.claims {
            if !is_provable(operation, state, &request, claim.aspect, claim.requirement, &due) {
                continue;
            }
            let known = plans.by_requirement.entry(claim.requirement).or_default();
            let is_new = match operation.questions.iter().find(|question| question.requirement == claim.requirement) {
                // Each set of codes that compete is a plan of its own.
                Some(question) if question.precedence => {
                    let due: BTreeSet<usize> = due.iter().copied().collect();
                    !known.iter().any(|plan| competing(set, nodes, plan, &due))
                }
                Some(_) => known.is_empty(),
                None => !known.iter().any(|plan| plan.assumed == outcome.choices),
            };
            if is_new && known.len() < MOST_PLANS && !known.iter().any(|plan| plan.call == *call) {
                let setup = path.get_or_insert_with(|| path_to(nodes, node)).clone();
                known.push(Plan { setup, call: call.clone(), assumed: outcome.choices.clone() });
            }
        }
    }
    plans.by_requirement.retain(|_, plans| !plans.is_empty());
}

/// Whether a plan of the precedence question lets just these rows compete.
fn competing(set: &SpecSet, nodes: &[Node], plan: &Plan, due: &BTreeSet<usize>) -> bool {
    let states = simulate::run(set, &nodes[0].state, &plan.setup, &Choices::default());
    let Some(state) = states.last() else { return false };
    let request = plan.call.request(set, &Script::home());
    let rows: BTreeSet<usize> = outcomes(set, state, &request, &plan.assumed)
        .iter()
        .filter(|outcome| outcome.due && outcome.choices == plan.assumed)
        .filter_map(row_of)
        .collect();
    rows == *due
}

fn row_of(outcome: &Outcome) -> Option<usize> {
    match outcome.answer {
        Answer::Refused(Refused::Row(row)) => Some(row),
        _ => None,
    }
}

/// Whether seeing the outcome, and reading back what can be read, would exercise the requirement.
fn is_provable(
    operation: &Operation,
    state: &State,
    request: &Request,
    aspect: Aspect,
    requirement: usize,
    due: &[usize],
) -> bool {
    let named = || request.targets.iter().flatten();
    let precedence = operation.questions.iter().any(|question| question.precedence && question.requirement == requirement);
    match aspect {
        // A row shows itself only when no other may answer in its place.
        Aspect::Answer if precedence => due.len() > 1,
        Aspect::Answer => due.len() < 2 || !operation.rows.iter().any(|row| row.documented && row.requirement == Some(requirement)),
        Aspect::Unchanged | Aspect::Gone => named().any(|key| state.living(key).is_some() && !key.starts_with("$given.")),
        Aspect::Others => state
            .resources
            .iter()
            .any(|(key, found)| !found.deleted && !key.starts_with("$given.") && !named().any(|named| named == key)),
    }
}

fn path_to(nodes: &[Node], node: usize) -> Vec<Command> {
    let mut path = Vec::new();
    let mut at = Some(node);
    while let Some(index) = at {
        path.extend(nodes[index].command.clone());
        at = nodes[index].parent;
    }
    path.reverse();
    path
}
