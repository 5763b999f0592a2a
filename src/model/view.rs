//! What a read shows of a state, and what an answer shows of resources.

use std::{borrow::Cow, cell::Cell};

use serde_json::{Map, Value};

use super::{
    evaluate::{Choices, Scope, Variables},
    request::Request,
    state::{Resource, State},
};
use crate::{
    spec::{
        Operation, Service, SpecSet,
        operation::{Showable, Shown, View},
    },
    value::{Atom, Key, at_path, plain},
};

/// What one view of an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Ids of the elements, with their fields.
    pub elements: Vec<(String, Map<String, Value>)>,
}

/// Reads a view from an answer's fields; none when the list is missing or no list.
pub fn observe(view: &View, answer: &Map<String, Value>) -> Option<Observation> {
    let whole = Value::Object(answer.clone());
    let list = at_path(&whole, &view.list);
    let elements = match list {
        Some(Value::Array(list)) => list.clone(),
        // An empty list in XML is no list at all; so may it be in JSON.
        None | Some(Value::Null) if view.total.as_deref().is_none_or(|total| is_zero(&whole, total)) => Vec::new(),
        Some(single @ Value::Object(_)) => vec![single.clone()],
        _ => return None,
    };
    let elements = elements
        .into_iter()
        .filter_map(|element| match element {
            Value::Object(fields) => Some((plain(fields.get(&view.id)?), fields)),
            scalar => Some((plain(&scalar), Map::new())),
        })
        .collect();
    Some(Observation { elements })
}

fn is_zero(whole: &Value, total: &str) -> bool {
    at_path(whole, total).is_none_or(|total| plain(total) == "0")
}

/// Resources that a view of a request is about: those that it names, or all of the kind.
pub fn subjects(operation: &Operation, view: &View, state: &State, request: &Request) -> Vec<Key> {
    let binding = operation.bindings.iter().position(|binding| binding.kind == view.kind);
    let named = binding.map(|binding| request.targets[binding].clone()).unwrap_or_default();
    if view.set.is_some() || !named.is_empty() {
        return named;
    }
    state.resources.iter().filter(|(_, found)| found.kind == view.kind).map(|(key, _)| key.clone()).collect()
}

/// Whether a read shows a resource.
pub fn shows(set: &SpecSet, state: &State, request: &Request, view: &View, key: &Key) -> bool {
    let service = set.service(request.operation);
    let operation = set.operation(request.operation);
    let Some(found) = state.living(key) else { return false };
    let reach = service.kinds[found.kind].scope;
    if reach == crate::spec::resource::Scope::Region && found.region != request.region {
        return false;
    }
    let Some(when) = &view.when else { return true };
    let choices = Choices::default();
    let n_before = operation.bindings.len() + request.created.len();
    let variables: Variables<'_> = std::iter::repeat_n(None, n_before).chain([Some(key)]).collect();
    let scope = Scope {
        service,
        operation,
        state,
        request,
        choices: &choices,
        obstructed: &[],
        variables: variables.into(),
        chose: Cell::new(false),
    };
    // Reads ask no open questions; one that did would show everything.
    scope.holds(when).unwrap_or(true)
}

/// Value of a shown attribute.
pub fn shown_value(service: &Service, state: &State, found: &Resource, key: &Key, shown: &Shown) -> Atom {
    match shown.attribute {
        Showable::Attribute(attribute) => found.attributes.get(attribute).cloned().unwrap_or_default(),
        Showable::Derived(derived) => {
            let Some(rule) = service.kinds[found.kind].derived.get(derived) else { return Atom::None };
            derived_value(service, state, key, &rule.expr)
        }
    }
}

fn derived_value(service: &Service, state: &State, key: &Key, expr: &crate::spec::expression::Expr) -> Atom {
    let Some(operation) = service.operations.first() else { return Atom::None };
    let request = Request {
        operation: crate::spec::OpRef { service: 0, operation: 0 },
        arguments: Vec::new(),
        targets: Vec::new(),
        region: "".into(),
        caller: super::Caller::Main,
        created: Vec::new(),
    };
    let choices = Choices::default();
    let variables: Variables<'_> = [Some(key)].into_iter().collect();
    let scope = Scope {
        service,
        operation,
        state,
        request: &request,
        choices: &choices,
        obstructed: &[],
        variables: variables.into(),
        chose: Cell::new(false),
    };
    scope.value(expr).map(Cow::into_owned).unwrap_or_default()
}

/// Spellings of a value: those listed, or the value itself.
pub fn spellings(shown: &Shown, value: &Atom) -> Vec<String> {
    let text = value.to_string();
    match shown.spellings.iter().find(|(known, _)| *known == text) {
        Some((_, list)) if !list.is_empty() => list.clone(),
        _ => vec![text],
    }
}

/// Whether a field of an element shows the value; absent fields and unknown spellings say nothing.
pub fn agrees(shown: &Shown, value: &Atom, field: &Value) -> bool {
    let text = plain(field);
    let known = shown.spellings.is_empty() || shown.spellings.iter().any(|(_, list)| list.contains(&text));
    if !known || field.is_null() {
        return true;
    }
    match value {
        Atom::Bool(flag) => match text.to_lowercase().as_str() {
            "true" => *flag,
            "false" => !*flag,
            _ => true,
        },
        // References are ids of the endpoint; comparing them needs the handles and is left to presence.
        Atom::Ref(_) | Atom::None => true,
        _ => spellings(shown, value).contains(&text),
    }
}
