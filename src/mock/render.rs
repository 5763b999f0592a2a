//! Outcomes → answers.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    history::Reply,
    model::{Answer, Outcome, Refused, Request, Resource, State, view},
    spec::{
        Operation, Service, SpecSet,
        operation::{Code, View},
        service::Means,
    },
    value::Atom,
};

/// A UUID that is different for each number.
pub fn request_id(serial: u64) -> String {
    let hash = Sha256::digest(serial.to_be_bytes());
    let digits = hash.iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]);
    let mut id = String::with_capacity(36);
    for (place, digit) in digits.enumerate() {
        if let 8 | 12 | 16 | 20 = place {
            id.push('-');
        }
        id.push(match place {
            12 => '4',
            16 => 'A',
            _ => char::from(b"0123456789ABCDEF"[usize::from(digit)]),
        });
    }
    id
}

/// The answer that an outcome earns; `state` is the one after it.
pub fn reply(set: &SpecSet, state: &State, request: &Request, outcome: &Outcome, request_id: &str) -> Reply {
    let operation = set.operation(request.operation);
    match &outcome.answer {
        Answer::Success => {
            let mut fields = fields(operation, request, request_id);
            views(set, operation, state, request, &mut fields);
            Reply::Success { status: 200, fields }
        }
        Answer::Refused(refused) => {
            refusal(set.service(request.operation), operation, refused, request, request_id.to_owned())
        }
    }
}

/// Documented fields of a success: ids of what was created, constants, the request's id.
fn fields(operation: &Operation, request: &Request, request_id: &str) -> Map<String, Value> {
    let mut whole = Value::Object(Map::new());
    for field in &operation.fields {
        let created = field.creates.and_then(|var| request.created.get(var - operation.bindings.len()));
        let value = match (created, &field.value) {
            (Some(key), _) => Value::String(key.to_string()),
            (None, Some(value)) => value.clone(),
            (None, None) if field.name == "RequestId" => Value::String(request_id.into()),
            (None, None) => continue,
        };
        put(&mut whole, &field.name, value);
    }
    match whole {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the operation's views show.
fn views(set: &SpecSet, operation: &Operation, state: &State, request: &Request, fields: &mut Map<String, Value>) {
    let mut whole = Value::Object(std::mem::take(fields));
    for shown in &operation.views {
        let list = elements(set, operation, state, request, shown);
        if let Some(total) = &shown.total {
            put(&mut whole, total, Value::from(list.len()));
        }
        put(&mut whole, &shown.list, Value::Array(list));
    }
    if let Value::Object(found) = whole {
        *fields = found;
    }
}

fn elements(set: &SpecSet, operation: &Operation, state: &State, request: &Request, shown: &View) -> Vec<Value> {
    let service = set.service(request.operation);
    let mut list = Vec::new();
    for key in view::subjects(operation, shown, state, request) {
        let Some(found) = state.living(&key).filter(|_| view::shows(set, state, request, shown, &key)) else {
            continue;
        };
        if let Some(attribute) = shown.set {
            if let Some(Atom::Set(members)) = found.attributes.get(attribute) {
                list.extend(members.iter().map(|member| one(&shown.id, Value::String(member.to_string()))));
            }
            continue;
        }
        let mut element = one(&shown.id, Value::String(key.to_string()));
        for field in &shown.fields {
            let value = view::shown_value(service, state, found, &key, field);
            let spelled = match (&value, field.spellings.is_empty()) {
                (Atom::None, _) => continue,
                (_, true) => value.to_json(),
                (_, false) => Value::String(view::spellings(field, &value).swap_remove(0)),
            };
            element[&field.field] = spelled;
        }
        for (field, value) in &shown.fixed {
            element[field] = value.clone();
        }
        if let (Some(field), Some(Atom::Text(name))) = (&shown.name, name_of(service, found)) {
            element[field] = Value::String(name.to_string());
        }
        list.push(element);
    }
    list
}

/// What was given as its name when it was created.
fn name_of<'a>(service: &Service, found: &'a Resource) -> Option<&'a Atom> {
    let attribute = service.kinds[found.kind].attributes.iter().position(|attribute| attribute.name == "name")?;
    found.attributes.get(attribute)
}

fn one(name: &str, value: Value) -> Value {
    let mut element = Map::new();
    element.insert(name.into(), value);
    Value::Object(element)
}

/// A refusal with the code, status and message that the spec has for it.
fn refusal(
    service: &Service,
    operation: &Operation,
    refused: &Refused,
    request: &Request,
    request_id: String,
) -> Reply {
    let Refused::Row(row) = refused else { return failure(request_id) };
    let row = &operation.rows[*row];
    let field = operation.bindings.first().map_or("Parameter", |binding| &operation.params[binding.param].name);
    let field = operation
        .params
        .iter()
        .zip(&request.arguments)
        .find(|(param, value)| param.required && value.is_none())
        .map_or(field, |(param, _)| &param.name);
    let (code, message) = match row.codes.first() {
        Some(Code::Exact(code)) => (code.clone(), row.message.clone()),
        Some(Code::Pattern { before, after }) => (format!("{before}{field}{after}"), row.message.replace("%s", field)),
        _ => {
            let means = if row.key.ends_with("/required") { Means::Missing } else { Means::Invalid };
            let common = service.common.iter().find(|common| common.means == means);
            match common {
                Some(common) => (
                    common.text.replace('*', "Parameter").replace("ParameterParameter", "Parameter"),
                    common.message.clone(),
                ),
                None => ("InvalidParameter".into(), String::new()),
            }
        }
    };
    let message = if message.is_empty() { format!("The request is refused: {code}.") } else { message };
    Reply::Refused { status: row.status.unwrap_or(400), code, message, request_id: Some(request_id) }
}

/// The answer when no outcome is wanted, which a checked spec never brings about.
pub fn failure(request_id: String) -> Reply {
    Reply::Refused {
        status: 500,
        code: "InternalError".into(),
        message: "The mock has no outcome for this call.".into(),
        request_id: Some(request_id),
    }
}

/// Puts a value at a path of dot-separated names; numbers are positions in lists.
fn put(whole: &mut Value, path: &str, value: Value) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if let Ok(index) = name.parse::<usize>() {
        if !whole.is_array() {
            *whole = Value::Array(Vec::new());
        }
        let Value::Array(list) = whole else { return };
        while list.len() <= index {
            list.push(Value::Null);
        }
        match rest {
            Some(rest) => put(&mut list[index], rest, value),
            None => list[index] = value,
        }
        return;
    }
    if !whole.is_object() {
        *whole = Value::Object(Map::new());
    }
    let Value::Object(map) = whole else { return };
    match rest {
        Some(rest) => put(map.entry(name).or_insert(Value::Null), rest, value),
        None => {
            map.insert(name.into(), value);
        }
    }
}
