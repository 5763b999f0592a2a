//! What a read shows of a state, and what an answer shows of resources.

use std::{borrow::Cow, cell::Cell};

use serde_json::{Map, Value};

use super::{
    choices::Choices,
    evaluate::{Scope, Variables, first_of},
    request::{Request, Shapes},
    state::{Resource, State},
};
use crate::{
    spec::{
        Operation, Service, SpecSet,
        operation::{Showable, Shown, View},
    },
    value::{Atom, Key, as_text, field_at},
};

/// What one view of an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation<'a> {
    pub elements: Vec<Element<'a>>,
    /// The answer does not speak of more elements than it lists; on one page of several, nothing is missing.
    pub complete: bool,
}

/// A resource that an answer shows, or a member of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Element<'a> {
    pub id: Cow<'a, str>,
    /// None where the list holds nothing but ids.
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Element<'a> {
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name)
    }

    fn of(value: &'a Value, id: &str) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self { id: as_text(fields.get(id)?), fields: Some(fields) }),
            scalar => Some(Self { id: as_text(scalar), fields: None }),
        }
    }
}

impl<'a> Observation<'a> {
    pub fn find(&self, id: &str) -> Option<&Element<'a>> {
        self.elements.iter().find(|element| element.id == id)
    }
}

impl View {
    /// The field of an element that says that creating it failed, with its value.
    pub fn failure<'a>(&self, element: &Element<'a>) -> Option<(&str, Cow<'a, str>)> {
        self.fail.iter().find_map(|(field, values)| {
            let value = as_text(element.field(field)?);
            values.iter().any(|one| *one == value).then_some((&**field, value))
        })
    }
}

/// Reads a view from an answer's fields; none when the list is missing or no list.
pub fn observe<'a>(view: &View, answer: &'a Map<String, Value>) -> Option<Observation<'a>> {
    let is_zero = |total: &str| field_at(answer, total).is_none_or(|total| as_text(total) == "0");
    let list = match field_at(answer, &view.list) {
        Some(Value::Array(list)) => list.as_slice(),
        // An empty list in XML is no list at all; so may it be in JSON.
        None | Some(Value::Null) if view.total.as_deref().is_none_or(is_zero) => &[],
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => return None,
    };
    let total = view.total.as_deref().and_then(|total| as_text(field_at(answer, total)?).parse::<usize>().ok());
    let complete = total.is_none_or(|total| total <= list.len());
    Some(Observation { elements: list.iter().filter_map(|value| Element::of(value, &view.id)).collect(), complete })
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
    let named = std::iter::repeat_n(None, n_before).chain([Some(key)]);
    let variables = Variables::of(first_of(state, named));
    let scope = Scope {
        service,
        operation,
        state,
        request,
        choices: &choices,
        obstructed: &[],
        variables: variables.into(),
        chose: Cell::new(false),
        defined: None,
        looked: None,
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

/// Values of all derived attributes of a resource.
pub fn derived(service: &Service, state: &State, key: &Key) -> Vec<Atom> {
    let kind = state.resource(key).and_then(|found| service.kinds.get(found.kind));
    let rules = kind.into_iter().flat_map(|kind| &kind.derived);
    rules.map(|rule| derived_value(service, state, key, &rule.expr)).collect()
}

fn derived_value(service: &Service, state: &State, key: &Key, expr: &crate::spec::expression::Expr) -> Atom {
    let Some(operation) = service.operations.first() else { return Atom::None };
    let request = Request {
        operation: crate::spec::OpRef { service: 0, operation: 0 },
        arguments: Default::default(),
        targets: Vec::new(),
        region: "".into(),
        caller: super::Caller::Main,
        created: Vec::new(),
        overlapped: false,
        shapes: Shapes::default(),
    };
    let choices = Choices::default();
    let variables = Variables::of(first_of(state, [Some(key)].into_iter()));
    let scope = Scope {
        service,
        operation,
        state,
        request: &request,
        choices: &choices,
        obstructed: &[],
        variables: variables.into(),
        chose: Cell::new(false),
        defined: None,
        looked: None,
    };
    scope.value(expr).map(Cow::into_owned).unwrap_or_default()
}

/// Spellings of a value: those listed, or the value itself.
pub fn spellings(shown: &Shown, value: &Atom) -> Vec<String> {
    listed(shown, value).map_or_else(|| vec![value.to_string()], <[String]>::to_vec)
}

fn listed<'a>(shown: &'a Shown, value: &Atom) -> Option<&'a [String]> {
    let text = value.as_text();
    let (_, list) = shown.spellings.iter().find(|(known, _)| *known == text)?;
    (!list.is_empty()).then_some(list)
}

/// Whether a field of an element shows the value; absent fields and unknown spellings say nothing.
pub fn agrees(shown: &Shown, value: &Atom, field: &Value) -> bool {
    let text = as_text(field);
    let known =
        shown.spellings.is_empty() || shown.spellings.iter().any(|(_, list)| list.iter().any(|one| *one == text));
    if !known || field.is_null() {
        return true;
    }
    match value {
        Atom::Bool(true) => !text.eq_ignore_ascii_case("false"),
        Atom::Bool(false) => !text.eq_ignore_ascii_case("true"),
        // References are ids of the endpoint; comparing them needs the handles and is left to presence.
        Atom::Ref(_) | Atom::None => true,
        _ => listed(shown, value).map_or_else(|| value.as_text() == text, |list| list.iter().any(|one| *one == text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{agrees, observe, spellings};
    use crate::{
        spec::{
            embedded,
            operation::{Showable, Shown},
        },
        value::Atom,
    };

    #[test]
    fn fields_show_values_in_known_spellings() {
        let spelled = [("Available", vec!["Available", "Normal"]), ("Creating", vec!["Creating"]), ("Gone", vec![])];
        let spelled: Vec<(String, Vec<String>)> = spelled
            .into_iter()
            .map(|(value, list)| (value.to_owned(), list.into_iter().map(str::to_owned).collect()))
            .collect();
        let field = |spellings| Shown { field: "Status".into(), attribute: Showable::Attribute(0), spellings };
        let check = |spellings: &[(String, Vec<String>)], value: Atom, shown: Value, expected: bool| {
            assert_eq!(agrees(&field(spellings.to_vec()), &value, &shown), expected, "{value:?} {shown}");
        };
        check(&spelled, Atom::text("Available"), json!("Normal"), true);
        check(&spelled, Atom::text("Available"), json!("Creating"), false);
        check(&spelled, Atom::text("Creating"), json!("Normal"), false);
        // What no list knows says nothing.
        check(&spelled, Atom::text("Available"), json!("Waiting"), true);
        check(&[], Atom::text("a"), json!("a"), true);
        check(&[], Atom::text("a"), json!("b"), false);
        check(&[], Atom::text("a"), json!(null), true);
        check(&[], Atom::Bool(true), json!("True"), true);
        check(&[], Atom::Bool(true), json!(1), true);
        check(&[], Atom::Bool(true), json!(false), false);
        check(&[], Atom::Bool(false), json!("FALSE"), true);
        check(&[], Atom::Bool(false), json!(0), true);
        check(&[], Atom::Bool(false), json!(true), false);
        check(&[], Atom::Ref("$image1".into()), json!("img-1"), true);
        check(&[], Atom::None, json!("x"), true);
        assert_eq!(spellings(&field(spelled.clone()), &Atom::text("Available")), ["Available", "Normal"]);
        assert_eq!(spellings(&field(spelled), &Atom::text("Gone")), ["Gone"]);
        assert_eq!(spellings(&field(Vec::new()), &Atom::Bool(true)), ["true"]);
    }

    #[test]
    fn lists_are_read_in_every_form() {
        let set = embedded().expect("the specs are sound");
        let read = set.operation(set.find("ens/DescribeSelfImages").expect("it is specified"));
        // Ids, and whether the list is complete; none where there is no list.
        let check = |answer: Value, expected: Option<(&[&str], bool)>| {
            let seen = observe(&read.views[0], answer.as_object().expect("an object"));
            let ids: Option<(Vec<&str>, bool)> =
                seen.as_ref().map(|seen| (seen.elements.iter().map(|one| &*one.id).collect(), seen.complete));
            assert_eq!(ids.as_ref().map(|(ids, complete)| (&ids[..], *complete)), expected, "{answer}");
        };
        let image = json!({ "ImageId": "m-1" });
        check(json!({ "Images": { "Image": [image] }, "TotalCount": 1 }), Some((&["m-1"], true)));
        check(json!({ "Images": { "Image": [image] }, "TotalCount": "2" }), Some((&["m-1"], false)));
        check(json!({ "Images": { "Image": [image] } }), Some((&["m-1"], true)));
        check(json!({ "Images": { "Image": image }, "TotalCount": 1 }), Some((&["m-1"], true)));
        check(json!({ "Images": { "Image": [] }, "TotalCount": 0 }), Some((&[], true)));
        check(json!({ "Images": {}, "TotalCount": 0 }), Some((&[], true)));
        check(json!({ "Images": { "Image": null }, "TotalCount": "0" }), Some((&[], true)));
        check(json!({}), Some((&[], true)));
        check(json!({ "Images": {}, "TotalCount": 1 }), None);
        check(json!({ "Images": { "Image": "m-1" }, "TotalCount": 0 }), None);
    }
}
