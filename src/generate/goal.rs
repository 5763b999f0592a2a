//! What a call can show.
//!
//! Requirements come first. But one way to exercise a requirement leaves much of it untried: a row may be due for several
//! reasons, a refusal does no harm where there is nothing to be harmed, and a question that was asked once can still be
//! answered otherwise. Those are goals of their own, for when all requirements have been exercised.

use std::collections::BTreeMap;

use super::exercise::{Doubt, Exercise, exercises};
use crate::{
    model::{Answer, Choices, Refused, State, deciding, outcomes_with},
    sequence::{Command, Script},
    spec::SpecSet,
    value::Key,
};

/// Something that a call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// It exercises a requirement.
    Requirement(usize),
    /// An open question is asked once more: the answer should be the same.
    Again(usize),
    /// This part of a row's condition decides, alone.
    Decides { row: usize, place: usize },
    /// A row is due, and there is something that a wrong endpoint would change all the same.
    Harmless(usize),
    /// A row is due although a switch is on.
    Despite { row: usize, param: usize },
    /// A call succeeds beside a resource of the same kind, which is not to change.
    Beside,
}

impl Goal {
    /// How much a goal is worth beside others: a removal can go wrong in many ways beside another resource.
    pub fn worth(&self) -> usize {
        if *self == Self::Beside { 4 } else { 1 }
    }
}

/// Everything that a call shows in a state, and how sure that is.
pub fn goals(set: &SpecSet, before: &State, call: &Command, likely: &Choices) -> BTreeMap<Goal, Doubt> {
    let operation = set.operation(call.operation);
    let mut goals: BTreeMap<Goal, Doubt> = BTreeMap::new();
    let mut add = |goal: Goal, doubt: Doubt| {
        let known = goals.entry(goal).or_insert(doubt.clone());
        *known = doubt.min(known.clone());
    };
    for Exercise { requirement, assumed, .. } in exercises(set, before, call) {
        let doubt = Doubt::of(operation, requirement, &assumed, before);
        if operation.questions.iter().any(|question| question.requirement == requirement && !question.varies) {
            add(Goal::Again(requirement), doubt.clone());
        }
        add(Goal::Requirement(requirement), doubt);
    }
    let request = call.request(set, &Script::home());
    let doubt = Doubt::in_state(before);
    let own = |key: &&Key| !key.starts_with("$given.") && before.living(key).is_some();
    let named: Vec<_> = request.targets.iter().flatten().filter(own).collect();
    if named.iter().any(|key| before.is_leaving(key)) {
        return goals;
    }
    let permitted = outcomes_with(set, before, &request, likely, |_, due| due);
    for outcome in &permitted {
        let Answer::Refused(Refused::Row(row)) = outcome.answer else {
            let kinds: Vec<usize> = named.iter().filter_map(|key| before.living(key)).map(|found| found.kind).collect();
            let beside = before
                .resources
                .iter()
                .any(|(key, found)| own(&key) && kinds.contains(&found.kind) && !named.contains(&key));
            if beside && outcome.answer == Answer::Success {
                add(Goal::Beside, doubt.clone());
            }
            continue;
        };
        if !named.is_empty() {
            add(Goal::Harmless(row), doubt.clone());
        }
        for (param, described) in operation.params.iter().enumerate() {
            if call.arguments[param] == Some(true.into()) && described.value != Some(true.into()) {
                add(Goal::Despite { row, param }, doubt.clone());
            }
        }
    }
    for (row, place) in deciding(set, before, &request, likely) {
        add(Goal::Decides { row, place }, doubt.clone());
    }
    goals
}
