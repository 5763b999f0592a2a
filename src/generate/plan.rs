//! The shortest ways from nothing to each requirement, found by searching the model.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use indexmap::IndexMap;

use super::{
    candidates::Surroundings,
    exercise::{Doubt, Exercise, exercises, matters},
    moves::{companions, wait_for},
    pairs,
    permit::Permit,
    relevance, simulate,
};
use crate::{
    model::{Answer, Caller, Choices, State, outcomes_with},
    sequence::{Command, Purpose, Script},
    spec::{Operation, SpecSet, service::OpRef},
    value::{Atom, Key, is_given},
};

/// A search: most resources of a kind, longest way in commands, most states looked at.
struct Pass {
    of_a_kind: usize,
    deepest: usize,
    most_states: usize,
    /// Also try calls that are wrong in ways that do not depend on the state.
    thorough: bool,
}

/// First deep with one resource of a kind, then shallow with two, for batches and bystanders.
const PASSES: [Pass; 2] = [
    Pass { of_a_kind: 1, deepest: 7, most_states: 500, thorough: true },
    Pass { of_a_kind: 2, deepest: 6, most_states: 200, thorough: false },
];
/// The search for what the others did not find, with related companions only.
const FAR: [Pass; 2] = [
    Pass { of_a_kind: 1, deepest: 7, most_states: 250, thorough: false },
    Pass { of_a_kind: 2, deepest: 6, most_states: 150, thorough: false },
];
/// Calls that are wrong in ways that do not depend on the state are tried at first, and with so many different resources.
const MOST_THOROUGH: usize = 5;
/// Different plans that are kept for one requirement.
const MOST_PLANS: usize = 8;
/// So many are kept even when they differ only in their calls.
const FEW_PLANS: usize = 2;

/// A way to exercise a requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub setup: Vec<Command>,
    pub call: Command,
    /// Answers to open questions under which it does.
    pub assumed: Choices,
    /// Rows that are due then.
    pub due: BTreeSet<usize>,
    pub doubt: Doubt,
}

/// Plans of one operation.
#[derive(Debug, Default)]
pub struct Plans {
    /// By requirement, shortest first.
    pub by_requirement: BTreeMap<usize, Vec<Plan>>,
    /// States that the search looked at.
    pub n_states: usize,
}

impl Plans {
    /// There is a plan that needs no unlikely answer to questions that have nothing to do with the requirement.
    fn is_sure(&self, operation: &Operation, requirement: usize) -> bool {
        let matters = matters(operation, requirement);
        let mut plans = self.by_requirement.get(&requirement).into_iter().flatten();
        // An open question is told apart only when nothing else is open in the same call.
        let open = operation.questions.iter().any(|question| question.requirement == requirement);
        plans.any(|plan| {
            !plan.doubt.passing
                && plan.assumed.iter().all(|(question, choice)| (choice == 0 && !open) || matters.contains(&question))
        })
    }
}

struct Node {
    state: State,
    /// Something is under way while something else was waited for: who knows whether it still is.
    racy: bool,
    parent: Option<usize>,
    command: Option<Command>,
    depth: usize,
}

/// Searches plans for every requirement of a documented operation.
///
/// Only what is permitted is called. `probes` are other people's resources that exist in the model; whether an endpoint has them is for the caller to know.
pub fn search(set: &SpecSet, at: OpRef, seed: u64, permit: &Permit) -> Plans {
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
    let reachable = wanted.clone();
    let mut plans = Plans::default();
    let everything: BTreeSet<usize> = (0..set.services[at.service].operations.len()).collect();
    for pass in &PASSES {
        run_pass(set, at, seed, permit, pass, &everything, &initial, &probes, &mut wanted, &mut plans);
    }
    // What is far away is looked for with only those companions that have to do with it.
    let mut far: IndexMap<BTreeSet<usize>, Vec<usize>> = IndexMap::new();
    for requirement in wanted {
        far.entry(relevance::related(set, at, requirement)).or_default().push(requirement);
    }
    for (related, requirements) in far {
        for pass in &FAR {
            let unsure = requirements.iter().copied().filter(|requirement| !plans.is_sure(operation, *requirement));
            let mut wanted: BTreeSet<usize> = unsure.collect();
            if !wanted.is_empty() {
                run_pass(set, at, seed, permit, pass, &related, &initial, &probes, &mut wanted, &mut plans);
            }
        }
    }
    let is_unsure = |requirement: &usize| !plans.is_sure(operation, *requirement);
    let unsure: BTreeSet<usize> = reachable.into_iter().filter(is_unsure).collect();
    pairs::mix(set, at, &initial, permit, &unsure, &mut plans);
    pairs::compose(set, at, &initial, &mut plans);
    plans
}

#[expect(clippy::too_many_arguments, reason = "the two passes share everything")]
fn run_pass(
    set: &SpecSet,
    at: OpRef,
    seed: u64,
    permit: &Permit,
    pass: &Pass,
    related: &BTreeSet<usize>,
    initial: &State,
    probes: &[Key],
    wanted: &mut BTreeSet<usize>,
    plans: &mut Plans,
) {
    let operation = set.operation(at);
    let mut seen: HashSet<(State, bool)> = HashSet::from([(initial.clone(), false)]);
    let mut nodes = vec![Node { state: initial.clone(), racy: false, parent: None, command: None, depth: 0 }];
    let mut at_node = 0;
    let mut looks = HashSet::new();
    let likely = Choices::likely(operation);
    let mut done_at = None;
    while at_node < nodes.len() && at_node < pass.most_states {
        let depth = nodes[at_node].depth;
        if done_at.is_some_and(|done| depth > done) {
            break;
        }
        let all = pass.thorough && (depth == 0 || thorough(operation, &nodes[at_node].state, &mut looks));
        let probes = if depth == 0 { probes } else { &[] };
        let surroundings = Surroundings { set, at, state: &nodes[at_node].state, probes, mixed: &[], seed, all };
        let calls = if nodes[at_node].racy { Vec::new() } else { surroundings.calls() };
        for call in calls {
            if promises_news(set, operation, &nodes[at_node].state, &call, &likely, plans) {
                try_call(set, operation, &nodes, at_node, &call, plans);
            }
        }
        wanted.retain(|requirement| !plans.is_sure(operation, *requirement));
        if wanted.is_empty() && done_at.is_none() {
            // One level more yields variety at little cost.
            done_at = Some(depth + 1);
        }
        if depth < pass.deepest {
            for (command, next) in moves(set, at, &nodes[at_node].state, pass.of_a_kind, related, permit) {
                let racy = !next.pending.is_empty() && (nodes[at_node].racy || command.until.is_some());
                if seen.insert((next.clone(), racy)) {
                    let (parent, command) = (Some(at_node), Some(command));
                    nodes.push(Node { state: next, racy, parent, command, depth: depth + 1 });
                }
            }
        }
        at_node += 1;
    }
    plans.n_states += at_node;
}

/// Whether a state holds a resource to name that looks different from those before; only a few do.
fn thorough(operation: &Operation, state: &State, looks: &mut HashSet<Vec<Atom>>) -> bool {
    let Some(binding) = operation.bindings.first() else { return false };
    let own = state.resources.iter().find(|(key, found)| found.kind == binding.kind && !is_given(key));
    own.is_some_and(|(_, found)| looks.len() < MOST_THOROUGH && looks.insert(found.attributes.clone()))
}

/// Moves of the search with the states that they lead to.
fn moves(
    set: &SpecSet,
    at: OpRef,
    state: &State,
    of_a_kind: usize,
    related: &BTreeSet<usize>,
    permit: &Permit,
) -> Vec<(Command, State)> {
    let mut found = Vec::new();
    for pending in &state.pending {
        if let Some(command) = wait_for(set, at.service, state, pending) {
            let next = simulate::after_waiting(state, &command);
            found.push((command, next));
        }
    }
    let own_calls = Surroundings { set, at, state, probes: &[], mixed: &[], seed: 0, all: false };
    let documented = own_calls.calls().into_iter().filter(|call| is_plain(set.operation(at), call)).map(|mut call| {
        call.purpose = Purpose::Setup;
        call
    });
    for command in companions(set, at.service, state, of_a_kind).into_iter().chain(documented) {
        if !related.contains(&command.operation.operation) || !permit.admits(set, &command) {
            continue;
        }
        let request = command.request(set, &Script::home());
        let succeeds = |answer: &Answer, due: bool| due && *answer == Answer::Success;
        let success = outcomes_with(set, state, &request, &Choices::default(), succeeds)
            .into_iter()
            .find(|outcome| !(outcome.changes.is_empty() && outcome.later.is_empty()));
        if let Some(outcome) = success {
            found.push((command, simulate::after(state, &outcome)));
        }
    }
    found
}

/// A documented call that changes something in the ordinary way, which later calls may build on.
pub(super) fn is_plain(operation: &Operation, call: &Command) -> bool {
    call.caller == Caller::Main
        && operation.params.iter().zip(&call.arguments).enumerate().all(|(index, (param, value))| {
            param.binding.is_some()
                || param.region
                || value.is_none()
                || *value == param.value
                || (operation.token == Some(index) && *value == Some("$token1".into()))
        })
}

/// Whether a call may exercise something that has too few plans: judged by one likely course, which asks the same questions
/// as the others and is much cheaper than all of them.
fn promises_news(
    set: &SpecSet,
    operation: &Operation,
    state: &State,
    call: &Command,
    likely: &Choices,
    plans: &Plans,
) -> bool {
    let lacks = |requirement: usize| {
        let n_plans = plans.by_requirement.get(&requirement).map_or(0, Vec::len);
        n_plans < FEW_PLANS || !plans.is_sure(operation, requirement)
    };
    let request = call.request(set, &Script::home());
    outcomes_with(set, state, &request, likely, |_, due| due).iter().flat_map(|outcome| &outcome.claims).any(|claim| {
        let question = operation.questions.iter().position(|question| question.requirement == claim.requirement);
        lacks(claim.requirement)
            || question.is_some_and(|question| {
                operation.questions[question].precedence
                    || operation.rows.iter().any(|row| {
                        let asks = row.due.as_ref().is_some_and(|due| due.questions().contains(&question));
                        asks && row.requirement.is_some_and(lacks)
                    })
            })
    })
}

fn try_call(set: &SpecSet, operation: &Operation, nodes: &[Node], node: usize, call: &Command, plans: &mut Plans) {
    let mut path = None;
    for Exercise { requirement, assumed, due } in exercises(set, &nodes[node].state, call) {
        let known = plans.by_requirement.entry(requirement).or_default();
        // Plans differ in the answers that the requirement itself depends on, and in which codes compete.
        let matters = matters(operation, requirement);
        let project = |assumed: &Choices| assumed.only(|question| matters.contains(&question));
        let projected = project(&assumed);
        let question = operation.questions.iter().find(|question| question.requirement == requirement);
        let is_new = match question {
            Some(question) if question.precedence => !known.iter().any(|plan| plan.due == due),
            _ => known.len() < FEW_PLANS || !known.iter().any(|plan| project(&plan.assumed) == projected),
        };
        // A plan that depends on less is worth more than a shorter one.
        let doubt = Doubt::of(operation, requirement, &assumed, &nodes[node].state);
        let alike = |plan: &Plan| project(&plan.assumed) == projected && plan.due == due;
        let worse = known.iter().position(|plan| alike(plan) && plan.doubt > doubt).or_else(|| {
            let full = known.len() >= MOST_PLANS;
            let (worst, plan) = known.iter().enumerate().filter(|_| full).max_by_key(|(_, plan)| plan.doubt.clone())?;
            (plan.doubt > doubt).then_some(worst)
        });
        if worse.is_none() && (!is_new || known.len() >= MOST_PLANS) {
            continue;
        }
        // The same script under other assumptions is no other plan.
        let setup = path.get_or_insert_with(|| path_to(nodes, node)).clone();
        if known.iter().any(|plan| plan.call == *call && plan.setup == setup) {
            continue;
        }
        let plan = Plan { setup, call: call.clone(), assumed, due, doubt };
        match worse {
            Some(worse) => known[worse] = plan,
            None => known.push(plan),
        }
    }
    plans.by_requirement.retain(|_, plans| !plans.is_empty());
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
