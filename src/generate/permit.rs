//! What scripts may ask of an account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    sequence::{Command, Script},
    spec::{SpecSet, operation::Action, service::OpRef},
};

/// What an account lacks, and what nobody agreed to. By default everything is there, and nothing costs anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permit {
    /// Given things that are not there: service and name.
    pub missing: BTreeSet<(usize, String)>,
    /// No operation that costs money may be called.
    pub unpaid: bool,
    /// Scripts that cost little come first, and scripts that cost money run one after the other.
    pub thrifty: bool,
    /// Things of one kind that may stand at the same time: service and kind.
    pub at_once: BTreeMap<(usize, usize), usize>,
}

/// Something that would let a script run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A given thing: service and name.
    Given(usize, String),
    /// Consent to what costs money.
    Money,
    /// A second credential whose policy denies the documented operations of a service.
    Restricted(usize),
    /// Someone else's thing to name, and a dry run to name it in.
    DryRun,
    /// Room for more things at once: service and kind.
    Room(usize, usize),
}

impl Need {
    /// What would enable it, in words.
    pub fn text(&self, set: &SpecSet) -> String {
        match self {
            Self::Given(service, name) => {
                let described = &set.services[*service];
                let about = described.given(name).map(|given| given.text.trim_end_matches('.')).unwrap_or_default();
                format!("a given thing: `{}.{name}` ({about})", described.name)
            }
            Self::Money => "consent to what costs money (`paid`)".into(),
            Self::Restricted(service) => {
                format!("a second credential for {} whose policy denies the call", set.services[*service].name)
            }
            Self::DryRun => "a dry run: a wrong endpoint would change someone else's resource".into(),
            Self::Room(service, kind) => {
                let described = &set.services[*service];
                format!("room for more of {}.{} at once", described.name, described.kinds[*kind].name)
            }
        }
    }
}

impl Permit {
    /// Nothing is restricted.
    pub fn is_free(&self) -> bool {
        self.missing.is_empty() && !self.unpaid && self.at_once.is_empty()
    }

    /// What a command needs that is not there.
    pub fn needs(&self, set: &SpecSet, command: &Command) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        if self.unpaid && set.operation(command.operation).paid {
            needs.insert(Need::Money);
        }
        if !self.missing.is_empty() {
            let mut places = Vec::new();
            command.arguments.iter().flatten().for_each(|value| givens(value, &mut places));
            let service = command.operation.service;
            let missing = places.into_iter().filter(|name| self.missing.contains(&(service, (*name).to_owned())));
            needs.extend(missing.map(|name| Need::Given(service, name.to_owned())));
        }
        needs
    }

    /// Whether a command may be part of a script.
    pub fn admits(&self, set: &SpecSet, command: &Command) -> bool {
        self.needs(set, command).is_empty()
    }

    /// What several commands need.
    pub fn needs_of<'a>(&self, set: &SpecSet, commands: impl IntoIterator<Item = &'a Command>) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        if self.is_free() {
            return needs;
        }
        let mut made = BTreeMap::new();
        for command in commands {
            needs.extend(self.needs(set, command));
            for place in creates(set, command) {
                *made.entry(place).or_insert(0) += 1;
            }
        }
        let over = made.into_iter().filter(|(place, made)| self.at_once.get(place).is_some_and(|most| made > most));
        needs.extend(over.map(|((service, kind), _)| Need::Room(service, kind)));
        needs
    }
}

/// What a command creates: service and kind.
pub fn creates<'a>(set: &'a SpecSet, command: &'a Command) -> impl Iterator<Item = (usize, usize)> + 'a {
    let service = command.operation.service;
    set.operation(command.operation).effects.iter().filter_map(move |effect| match effect.action {
        Action::Create { kind, .. } => Some((service, kind)),
        _ => None,
    })
}

/// What a script makes stand, by service and kind; what it may cost in calls that are paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    pub paid: usize,
    pub made: BTreeMap<(usize, usize), usize>,
    pub commands: usize,
    /// What its commands take in [`requests`].
    pub requests: u64,
}

impl Cost {
    pub fn of(set: &SpecSet, script: &Script) -> Self {
        let mut cost = Self { commands: script.commands.len(), ..Self::default() };
        for command in &script.commands {
            cost.requests += requests(command);
            cost.paid += usize::from(is_paid(set, command.operation));
            for place in creates(set, command) {
                *cost.made.entry(place).or_default() += 1;
            }
        }
        cost
    }
}

/// Requests that a command takes, about: who waits looks twice, and what was made is removed and looked for.
pub fn requests(command: &Command) -> u64 {
    1 + u64::from(command.until.is_some()) + 2 * command.creates.len() as u64
}

fn is_paid(set: &SpecSet, at: OpRef) -> bool {
    set.operation(at).paid
}

/// Names of given things in a value.
fn givens<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.extend(text.split(',').filter_map(|part| part.strip_prefix("$given."))),
        Value::Array(list) => list.iter().for_each(|value| givens(value, found)),
        Value::Object(map) => map.values().for_each(|value| givens(value, found)),
        _ => {}
    }
}
