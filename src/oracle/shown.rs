//! What reads show, held against what a world has.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::{
    belief::{StateClaim, World},
    judge::Turn,
};
use crate::{
    history::History,
    model::{Aspect, State, view},
    spec::{Service, SpecSet, operation::View},
    value::{Atom, Key, field_at},
};

/// What no call removes, such as a task, may go with the resource that it belongs to; no document says that it stays.
pub fn goes_with_another(service: &Service, state: &State, key: &Key) -> bool {
    let Some(found) = state.living(key) else { return false };
    let is_gone =
        |value: &Atom| matches!(value, Atom::Ref(other) if state.living(other).is_none() || state.is_leaving(other));
    !service.kinds[found.kind].is_removable() && found.attributes.iter().any(is_gone)
}

/// What a read shows otherwise.
#[derive(Clone)]
pub struct Contradiction {
    pub key: Key,
    pub expected: String,
    /// It is shown although it should be gone.
    pub gone: bool,
    /// It is not shown although it should be there.
    pub missing: bool,
}

/// The first resource that a read shows otherwise than a state has it.
pub fn contradiction(
    set: &SpecSet,
    turn: &Turn<'_>,
    shown: &View,
    seen: &view::Observation<'_>,
    history: &History,
    state: &State,
) -> Option<Contradiction> {
    for key in view::subjects(turn.operation, shown, state, &turn.request) {
        let id = history.id_of(&key);
        if let Some(attribute) = shown.set {
            // What is gone may still be told of, what is not there yet may not.
            let members: &[Key] = match state.resource(&key) {
                None => &[],
                Some(found) if found.deleted => continue,
                Some(found) => match found.attributes.get(attribute) {
                    Some(Atom::Set(members)) => members,
                    _ => continue,
                },
            };
            let mut expected: Vec<&str> = members.iter().map(|member| history.id_of(member)).collect();
            let known = |id: &str| expected.contains(&id) || history.place_of(id).is_some();
            let mut actual: Vec<&str> =
                seen.elements.iter().map(|element| &*element.id).filter(|id| known(id)).collect();
            expected.sort_unstable();
            actual.sort_unstable();
            let agrees =
                if seen.complete { expected == actual } else { actual.iter().all(|member| expected.contains(member)) };
            if !agrees {
                return Some(Contradiction {
                    key,
                    expected: format!("{}: {expected:?}", shown.list),
                    gone: false,
                    missing: false,
                });
            }
            continue;
        }
        let element = seen.find(id);
        let visible = view::shows(set, state, &turn.request, shown, &key);
        match (visible, element) {
            (false, None) => {}
            (true, None) if !seen.complete => {}
            (true, None) if goes_with_another(turn.service, state, &key) => {}
            (true, None) => {
                return Some(Contradiction {
                    key: key.clone(),
                    expected: format!("{key} is shown"),
                    gone: false,
                    missing: true,
                });
            }
            (false, Some(_)) => {
                return Some(Contradiction {
                    key: key.clone(),
                    expected: format!("{key} is not shown"),
                    gone: true,
                    missing: false,
                });
            }
            (true, Some(element)) => {
                let Some(found) = state.living(&key) else { continue };
                for field in &shown.fields {
                    let value = view::shown_value(turn.service, state, found, &key, field);
                    if let Some(actual) = element.field(&field.field)
                        && !view::agrees(field, &value, actual)
                    {
                        let spelled = view::spellings(field, &value).join(" or ");
                        let expected = format!("{key}: {} is {spelled}", field.field);
                        return Some(Contradiction { key, expected, gone: false, missing: false });
                    }
                }
            }
        }
    }
    None
}

/// The claim that a contradiction breaks: of the last call that named the resource, or else of the last call at all.
pub fn responsible(world: &World, contradiction: &Contradiction) -> Option<StateClaim> {
    let claims = || world.evidence.claims.iter().chain(&world.evidence.proved);
    let naming = claims().filter(|claim| claim.named.contains(&contradiction.key) && claim.aspect != Aspect::Others);
    let last = naming.clone().map(|claim| claim.command).max();
    if let Some(last) = last {
        let aspect = if contradiction.gone { Aspect::Gone } else { Aspect::Unchanged };
        let mut of_last: Vec<&StateClaim> = naming.filter(|claim| claim.command == last).collect();
        // Specific promises come after the basic ones; the latest is the most specific.
        of_last.sort_by_key(|claim| (claim.aspect == aspect, claim.requirement));
        return of_last.last().map(|claim| (*claim).clone());
    }
    claims()
        .filter(|claim| claim.aspect == Aspect::Others)
        .max_by_key(|claim| (claim.command, claim.requirement))
        .cloned()
}

/// Marks the claims that a read has shown in this world.
pub fn prove(turn: &Turn<'_>, shown: &View, seen: &view::Observation<'_>, history: &History, world: &mut World) {
    if shown.set.is_some() || world.evidence.claims.is_empty() {
        return;
    }
    let subjects = view::subjects(turn.operation, shown, &world.state, &turn.request);
    let is_seen = |key: &Key| seen.find(history.id_of(key)).is_some();
    let state = Rc::clone(&world.state);
    world.prove(|claim| match claim.aspect {
        Aspect::Unchanged => claim.named.iter().any(|key| subjects.contains(key) && is_seen(key)),
        Aspect::Gone if seen.complete => {
            claim.named.iter().any(|key| subjects.contains(key) && !is_seen(key) && state.living(key).is_none())
        }
        Aspect::Others => subjects.iter().any(|key| !claim.named.contains(key) && is_seen(key)),
        Aspect::Gone | Aspect::Answer => false,
    });
}

/// The part of an answer that a finding shows: its lists, shortened.
pub fn shown_part(turn: &Turn<'_>, fields: &Map<String, Value>) -> Value {
    let lists = turn.operation.views.iter().filter_map(|shown| {
        let list = field_at(fields, &shown.list)?.as_array()?;
        Some((shown.list.clone(), Value::Array(list.iter().take(3).cloned().collect())))
    });
    Value::Object(lists.collect())
}
