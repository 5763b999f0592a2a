//! Moves of the search: companions that make sense in a state, and waiting for what is under way.

use std::cell::Cell;

use serde_json::Value;

use super::dice::Dice;
use crate::{
    model::{
        Answer, Caller, Change, Choices, Pending, State,
        evaluate::{Scope, Variables},
        outcomes_with, view,
    },
    sequence::{Command, Expected, Purpose, Script, Until, Wait, command::HOME},
    spec::{
        Operation, SpecSet,
        operation::{Action, Showable, Use, View},
        service::OpRef,
    },
    value::{Atom, Key, is_given},
};

/// Every companion call that makes sense in the state, with its weight in random walks.
///
/// No more than `of_a_kind` resources of a kind are made; a call that makes one from another may make one more.
pub fn companions(set: &SpecSet, service: usize, state: &State, of_a_kind: usize) -> Vec<Command> {
    let ways = ways(set, service, state, of_a_kind);
    ways.iter().filter_map(|way| way.command(set, state)).collect()
}

/// One companion call that makes sense in the state and is admitted, by weight.
pub fn random(
    set: &SpecSet,
    service: usize,
    state: &State,
    of_a_kind: usize,
    dice: &mut Dice,
    admits: impl Fn(&Command) -> bool,
) -> Option<Command> {
    let mut ways = ways(set, service, state, of_a_kind);
    // What makes no sense is found out only for what was drawn; the others are as probable as if it had never been there.
    loop {
        let total: u32 = ways.iter().map(|way| way.described.weight).sum();
        let mut drawn = dice.below(total as usize) as u32;
        let place = ways.iter().position(|way| {
            let is_it = drawn < way.described.weight;
            drawn = drawn.saturating_sub(way.described.weight);
            is_it
        })?;
        let command = ways.swap_remove(place).command(set, state);
        if let Some(command) = command.filter(&admits) {
            return Some(command);
        }
    }
}

/// A way to call a companion, with the resources that it names.
struct Way<'a> {
    at: OpRef,
    described: &'a Use,
    chosen: Vec<Option<Key>>,
}

impl Way<'_> {
    /// The call, if it makes sense.
    fn command(&self, set: &SpecSet, state: &State) -> Option<Command> {
        command(set, self.at, self.described, state, &self.chosen, Purpose::Setup)
            .filter(|command| makes_sense(set, self.described, state, command))
    }
}

/// All ways to call companions in a state, whether they make sense or not.
fn ways<'a>(set: &'a SpecSet, service: usize, state: &State, of_a_kind: usize) -> Vec<Way<'a>> {
    let mut found = Vec::new();
    for (operation, described) in set.services[service].operations.iter().enumerate() {
        if described.is_documented() || !described.changes() {
            continue;
        }
        let at = OpRef { service, operation };
        if creates_too_many(set, at, state, of_a_kind) {
            continue;
        }
        for described in &described.uses {
            let chosen = named(set, at, described, state).into_iter();
            found.extend(chosen.map(|chosen| Way { at, described, chosen }));
        }
    }
    found
}

fn creates_too_many(set: &SpecSet, at: OpRef, state: &State, of_a_kind: usize) -> bool {
    let operation = set.operation(at);
    operation.effects.iter().any(|effect| match effect.action {
        Action::Create { kind, .. } => {
            let from_another = operation.bindings.iter().any(|binding| binding.kind == kind);
            count(state, kind) >= of_a_kind + usize::from(from_another)
        }
        _ => false,
    })
}

/// Resources of a kind that were made, living or not.
fn count(state: &State, kind: usize) -> usize {
    state.resources.iter().filter(|(key, found)| found.kind == kind && !is_given(key)).count()
}

/// The resources that a use can name: for each binding one, or none where it need not.
fn named(set: &SpecSet, at: OpRef, way: &Use, state: &State) -> Vec<Vec<Option<Key>>> {
    let operation = set.operation(at);
    let mut choices: Vec<Vec<Option<Key>>> = vec![Vec::new()];
    for (index, binding) in operation.bindings.iter().enumerate() {
        let needed = operation.params[binding.param].required || asks_for(way, &binding.name);
        let candidates: Vec<Option<Key>> = if needed {
            let own = state.resources.iter().filter(|(key, found)| {
                found.kind == binding.kind && !found.deleted && !is_given(key) && !state.is_leaving(key)
            });
            own.map(|(key, _)| Some(key.clone())).collect()
        } else {
            vec![None]
        };
        choices = choices
            .into_iter()
            .flat_map(|chosen| {
                candidates.iter().map(move |candidate| {
                    let mut chosen = chosen.clone();
                    chosen.truncate(index);
                    chosen.push(candidate.clone());
                    chosen
                })
            })
            .collect();
    }
    choices
}

fn asks_for(way: &Use, name: &str) -> bool {
    let is_place = |text: &str| text.strip_prefix('$') == Some(name);
    way.arguments.iter().any(|(_, value)| match value {
        Value::String(text) => is_place(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(is_place),
        _ => false,
    })
}

fn command(
    set: &SpecSet,
    at: OpRef,
    way: &Use,
    state: &State,
    chosen: &[Option<Key>],
    purpose: Purpose,
) -> Option<Command> {
    let operation = set.operation(at);
    let place = |text: &str| {
        let binding = operation.bindings.iter().position(|binding| text.strip_prefix('$') == Some(&*binding.name))?;
        chosen.get(binding)?.clone()
    };
    let mut arguments = Vec::with_capacity(operation.params.len());
    for (index, param) in operation.params.iter().enumerate() {
        let listed = way.arguments.iter().find(|(named, _)| *named == index).map(|(_, value)| value);
        let value = match (listed.or(param.value.as_ref()), param.binding) {
            (Some(value), _) => Some(with_keys(value, &place)),
            (None, Some(binding)) if param.required => {
                let key = Value::String(chosen.get(binding)?.clone()?.to_string());
                Some(if param.kind == crate::spec::operation::ParamType::Texts { Value::Array(vec![key]) } else { key })
            }
            (None, _) if param.region => {
                let home =
                    chosen.iter().flatten().find_map(|key| state.living(key)).map(|found| found.region.to_string());
                Some(Value::String(home.unwrap_or_else(|| HOME.into())))
            }
            (None, _) => None,
        };
        arguments.push(value);
    }
    let creates = handles(operation, set, at, state);
    let arguments = arguments.into();
    Some(Command { operation: at, arguments, creates, caller: Caller::Main, until: None, purpose, lane: None })
}

/// Fresh handles for what a call creates: `$image1`, `$image2`.
fn handles(operation: &Operation, set: &SpecSet, at: OpRef, state: &State) -> Vec<Key> {
    let kinds = &set.service(at).kinds;
    let mut made: Vec<usize> = Vec::new();
    operation
        .effects
        .iter()
        .filter_map(|effect| match effect.action {
            Action::Create { kind, .. } => Some(kind),
            _ => None,
        })
        .map(|kind| {
            let before = made.iter().filter(|known| **known == kind).count();
            made.push(kind);
            Key::from(format!("${}{}", kinds[kind].name, count(state, kind) + before + 1).as_str())
        })
        .collect()
}

fn with_keys(value: &Value, place: &dyn Fn(&str) -> Option<Key>) -> Value {
    match value {
        Value::String(text) => place(text).map_or_else(|| value.clone(), |key| Value::String(key.to_string())),
        Value::Array(list) => Value::Array(list.iter().map(|value| with_keys(value, place)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), with_keys(value, place))).collect())
        }
        other => other.clone(),
    }
}

fn makes_sense(set: &SpecSet, way: &Use, state: &State, command: &Command) -> bool {
    let request = command.request(set, &Script::home());
    if let Some(when) = &way.when {
        let choices = Choices::default();
        let scope = Scope {
            service: set.service(command.operation),
            operation: set.operation(command.operation),
            state,
            request: &request,
            choices: &choices,
            obstructed: &[],
            variables: Variables::named(state, &request).into(),
            chose: Cell::new(false),
            defined: None,
            looked: None,
        };
        if !scope.holds(when).unwrap_or(false) {
            return false;
        }
    }
    let succeeds = |answer: &Answer, due: bool| due && *answer == Answer::Success;
    !outcomes_with(set, state, &request, &Choices::default(), succeeds).is_empty()
}

/// A plain read of a resource.
pub fn read(set: &SpecSet, service: usize, state: &State, key: &Key) -> Option<Command> {
    let kind = state.resource(key)?.kind;
    reads(set, service, state, key, |view| view.kind == kind && view.set.is_none()).map(|(command, _)| command)
}

/// The read of a set of a resource, such as the accounts that it is shared with.
pub fn read_set(set: &SpecSet, service: usize, state: &State, key: &Key, attribute: usize) -> Option<Command> {
    let kind = state.resource(key)?.kind;
    reads(set, service, state, key, |view| view.kind == kind && view.set == Some(attribute)).map(|(command, _)| command)
}

fn reads(
    set: &SpecSet,
    service: usize,
    state: &State,
    key: &Key,
    wanted: impl Fn(&View) -> bool,
) -> Option<(Command, usize)> {
    for (operation, described) in set.services[service].operations.iter().enumerate() {
        let Some(view) = described.views.iter().position(&wanted) else { continue };
        let at = OpRef { service, operation };
        for way in described.uses.iter().filter(|way| way.read) {
            let kind = described.views[view].kind;
            let chosen: Vec<Option<Key>> =
                described.bindings.iter().map(|binding| (binding.kind == kind).then(|| key.clone())).collect();
            // The region is that of the resource, even when it is gone.
            if let Some(mut command) = command(set, at, way, state, &chosen, Purpose::Read) {
                if let (Some(param), Some(found)) = (described.region, state.resource(key)) {
                    command.arguments[param] = Some(Value::String(found.region.to_string()));
                }
                return Some((command, view));
            }
        }
    }
    None
}

/// A read that is repeated until what is pending has happened.
pub fn wait_for(set: &SpecSet, service: usize, state: &State, pending: &Pending) -> Option<Command> {
    let key = &pending.key;
    let resource = state.resource(key)?;
    let kind = resource.kind;
    for change in &pending.changes {
        let found = match change {
            Change::Delete(_) => reads(set, service, state, key, |view| view.kind == kind && view.set.is_none())
                .map(|(command, view)| (command, view, Expected::Gone)),
            Change::Set { attribute, value, .. } => {
                let shows = |view: &View| {
                    view.kind == kind
                        && view.set.is_none()
                        && view.fields.iter().any(|shown| shown.attribute == Showable::Attribute(*attribute))
                };
                reads(set, service, state, key, shows).map(|(command, view)| {
                    let expected = shown_fields(set, &command, view, *attribute, value);
                    (command, view, expected)
                })
            }
            Change::Add { attribute, members, .. } | Change::Remove { attribute, members, .. } => {
                let present = matches!(change, Change::Add { .. });
                let shows = |view: &View| view.kind == kind && view.set == Some(*attribute);
                let member = members.first()?.clone();
                reads(set, service, state, key, shows)
                    .map(|(command, view)| (command, view, Expected::Member { member, present }))
            }
            Change::Create(..) => None,
        };
        if let Some((mut command, view, expected)) = found {
            command.until = Some(Until { view, keys: vec![key.clone()], expected, wait: Wait::Patient });
            return Some(command);
        }
    }
    None
}

fn shown_fields(set: &SpecSet, command: &Command, view: usize, attribute: usize, value: &Atom) -> Expected {
    let shown = &set.operation(command.operation).views[view];
    let fields = shown.fields.iter().filter(|shown| shown.attribute == Showable::Attribute(attribute));
    Expected::Shown(fields.map(|shown| (shown.field.clone(), view::spellings(shown, value))).collect())
}
