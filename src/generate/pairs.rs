//! Two ways put together.
//!
//! The search stops at the shortest way to *some* state in which several codes are due. Which code wins is a matter of
//! pairs, and their states lie deep; but a way to one reason followed by the way to the other often leads there. So does a
//! way to something that can be removed, followed by one to something that cannot, to a batch of both.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    exercise::{Doubt, Exercise, exercises},
    join,
    permit::Permit,
    plan::{Plan, Plans, is_plain},
    simulate,
};
use crate::{
    model::{Choices, State},
    sequence::Command,
    spec::{SpecSet, service::OpRef},
};

/// Ways to each row that are put together.
const MOST_EACH: usize = 4;

/// Adds a plan for each pair of documented rows that can be due together.
pub fn compose(set: &SpecSet, at: OpRef, initial: &State, plans: &mut Plans) {
    let operation = set.operation(at);
    let Some(question) = operation.questions.iter().find(|question| question.precedence) else { return };
    let rows: Vec<usize> = (0..operation.rows.len()).filter(|row| operation.rows[*row].documented).collect();
    for (position, one) in rows.iter().enumerate() {
        for other in &rows[position + 1..] {
            let pair = BTreeSet::from([*one, *other]);
            let known = plans.by_requirement.get(&question.requirement).map_or(&[][..], Vec::as_slice);
            if operation.rows[*one].codes == operation.rows[*other].codes
                || known.iter().any(|plan| plan.due == pair && !plan.doubt.passing)
            {
                continue;
            }
            let ways = ways_to(plans, *one);
            let others = ways_to(plans, *other);
            let ways = ways.iter().flat_map(|left| others.iter().flat_map(move |right| [(left, right), (right, left)]));
            let found = ways
                .flat_map(|(first, second)| joined(set, initial, first, second, question.requirement))
                .filter(|plan| plan.due == pair)
                // Which code wins is seen only where both are still due when the call comes.
                .min_by_key(|plan| (plan.doubt.passing, plan.doubt.clone(), plan.setup.len()));
            plans.by_requirement.entry(question.requirement).or_default().extend(found);
        }
    }
    if let Some(known) = plans.by_requirement.get_mut(&question.requirement) {
        known.sort_by(|left, right| left.doubt.cmp(&right.doubt));
    }
}

/// Adds plans by batches of which one part can be removed, and another cannot, where they exercise these requirements more
/// surely than others.
pub fn mix(set: &SpecSet, at: OpRef, initial: &State, permit: &Permit, wanted: &BTreeSet<usize>, plans: &mut Plans) {
    let operation = set.operation(at);
    let (Some(list), Some(basics)) = (operation.list(), operation.basics) else { return };
    let param = operation.bindings[list].param;
    let ids = |call: &Command| call.arguments[param].as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let removable = plans.by_requirement.get(&basics.effect).into_iter().flatten();
    let removable = removable.filter(|plan| is_plain(operation, &plan.call)).min_by_key(|plan| plan.setup.len());
    let Some(free) = removable else { return };
    let blocked = |row: usize| {
        let is_it = |plan: &&Plan| {
            plan.due == BTreeSet::from([row])
                && !plan.setup.is_empty()
                && !plan.doubt.passing
                && is_plain(operation, &plan.call)
                && ids(&plan.call).len() == 1
        };
        let all = plans.by_requirement.values().flatten().filter(is_it);
        all.min_by_key(|plan| (plan.doubt.clone(), plan.setup.len()))
    };
    let rows = (0..operation.rows.len()).filter(|row| operation.rows[*row].documented);
    let mut found: Vec<(usize, Plan)> = Vec::new();
    for blocked in rows.filter_map(blocked) {
        let further: Vec<Command> = blocked.setup.iter().chain([&blocked.call]).cloned().collect();
        let mut setup = [free.setup.clone(), join::renamed(&free.setup, &further)].concat();
        let Some(other) = setup.pop() else { continue };
        let Some(before) = simulate::run(set, initial, &setup, &Choices::default()).pop() else { continue };
        let (first, second) = (ids(&free.call), ids(&other));
        for batch in [[&first[..], &second].concat(), [&second[..], &first].concat()] {
            let mut call = free.call.clone();
            call.arguments[param] = Some(Value::Array(batch));
            if permit.needs_of(set, setup.iter().chain([&call])).is_empty() {
                let all = shown(set, &setup, &before, &call);
                found.extend(all.filter(|(requirement, _)| wanted.contains(requirement)));
            }
        }
    }
    for (requirement, plan) in found {
        let known = plans.by_requirement.entry(requirement).or_default();
        // What is no surer than something shorter is of no use.
        if known.iter().all(|other| plan.doubt < other.doubt) {
            known.insert(0, plan);
        }
    }
}

/// Plans, whatever for, by which a row is due: the shortest, each in a state of its own.
fn ways_to(plans: &Plans, row: usize) -> Vec<&Plan> {
    let mut ways: Vec<&Plan> = plans.by_requirement.values().flatten().filter(|plan| plan.due.contains(&row)).collect();
    ways.sort_by_key(|plan| (plan.doubt.clone(), plan.setup.len()));
    let mut states: Vec<&[Command]> = Vec::new();
    ways.retain(|plan| {
        let is_new = !states.contains(&plan.setup.as_slice());
        states.push(&plan.setup);
        is_new
    });
    ways.truncate(MOST_EACH);
    ways
}

/// Plans that go one way and then what the other has beyond it, for the call of either.
fn joined(set: &SpecSet, initial: &State, first: &Plan, second: &Plan, requirement: usize) -> Vec<Plan> {
    let common = first.setup.iter().zip(&second.setup).take_while(|(left, right)| left == right).count();
    let further = &second.setup[common..];
    let makes =
        |commands: &[Command]| -> BTreeSet<_> { commands.iter().flat_map(|command| command.creates.clone()).collect() };
    if !makes(&first.setup).is_disjoint(&makes(further)) {
        return Vec::new();
    }
    let setup: Vec<Command> = first.setup.iter().chain(further).cloned().collect();
    let states = simulate::run(set, initial, &setup, &Choices::default());
    // What is under way must not be over before the call, so nothing is waited for meanwhile.
    let races =
        setup.iter().zip(&states[1..]).any(|(command, after)| command.until.is_some() && !after.pending.is_empty());
    let Some(before) = states.last().filter(|_| !races) else { return Vec::new() };
    let calls = [&first.call, &second.call].into_iter();
    let all = calls.flat_map(|call| shown(set, &setup, before, call));
    all.filter(|(shown, _)| *shown == requirement).map(|(_, plan)| plan).collect()
}

/// What a call exercises after a set-up, which leads to this state, each with a plan for it.
fn shown<'a>(
    set: &'a SpecSet,
    setup: &'a [Command],
    before: &'a State,
    call: &'a Command,
) -> impl Iterator<Item = (usize, Plan)> + 'a {
    exercises(set, before, call).into_iter().map(|Exercise { requirement, assumed, due }| {
        let doubt = Doubt::of(set.operation(call.operation), requirement, &assumed, before);
        (requirement, Plan { setup: setup.to_vec(), call: call.clone(), assumed, due, doubt })
    })
}
