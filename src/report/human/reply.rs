//! Answers in few words.

use serde_json::{Map, Value};

use crate::{
    history::{Exchange, History, Reply},
    model::view,
    sequence::{Command, command::short},
    spec::{
        Operation, SpecSet,
        operation::{Showable, View},
    },
    value::{Key, at_path, plain},
};

/// What an answer says: its code, or what was made, or what a read shows of what the script is about.
pub fn text(set: &SpecSet, command: &Command, exchange: &Exchange, history: &History, about: &[Key]) -> String {
    let Reply::Success { status, fields } = &exchange.reply else { return exchange.reply.brief() };
    let operation = set.operation(command.operation);
    if let Some(seen) = operation.views.iter().find_map(|view| shown(set, command, view, fields, history, about)) {
        return seen;
    }
    let made = made(operation, command, fields);
    let answer = if *status == 200 { "success".to_owned() } else { format!("{status} success") };
    if made.is_empty() { answer } else { format!("{answer}, {made}") }
}

/// Handles of what was made, with their ids.
fn made(operation: &Operation, command: &Command, fields: &Map<String, Value>) -> String {
    let whole = Value::Object(fields.clone());
    let made = operation.fields.iter().filter_map(|field| {
        let key = command.creates.get(field.creates?.checked_sub(operation.bindings.len())?)?;
        Some(format!("{key} = {}", plain(at_path(&whole, &field.name)?)))
    });
    made.collect::<Vec<_>>().join(", ")
}

/// What a read shows of each resource that the script is about; none when it is about no such resource.
fn shown(
    set: &SpecSet,
    command: &Command,
    view: &View,
    fields: &Map<String, Value>,
    history: &History,
    about: &[Key],
) -> Option<String> {
    let seen = view::observe(view, fields)?;
    if let Some(attribute) = view.set {
        let name = &set.service(command.operation).kinds[view.kind].attributes[attribute].name;
        let members: Vec<String> = seen.elements.iter().map(|element| place(history, &element.id)).collect();
        return Some(if members.is_empty() { format!("no {name}") } else { format!("{name}: {}", members.join(", ")) });
    }
    let named = command.uses();
    let named: Vec<&Key> = if named.is_empty() { about.iter().collect() } else { named.iter().collect() };
    let all_named = !command.uses().is_empty();
    let mut parts = Vec::new();
    for key in named {
        match seen.find(history.id_of(key)) {
            Some(element) => {
                let fields = view
                    .fields
                    .iter()
                    .filter(|field| matches!(field.attribute, Showable::Attribute(_) | Showable::Derived(_)));
                let values: Vec<String> = fields
                    .filter_map(|field| {
                        let value = element.field(&field.field).filter(|value| !value.is_null())?;
                        let text = value
                            .as_str()
                            .and_then(|id| history.place_of(id))
                            .map_or_else(|| short(value), ToString::to_string);
                        Some(format!("{} {text}", field.field))
                    })
                    .collect();
                parts.push(if values.is_empty() {
                    format!("shows {key}")
                } else {
                    format!("{key}: {}", values.join(", "))
                });
            }
            // A read of another kind of resource cannot show this one.
            None if all_named
                || key.starts_with(&format!("${}", set.service(command.operation).kinds[view.kind].name)) =>
            {
                parts.push(format!("{key} is not shown"));
            }
            None => {}
        }
    }
    if parts.is_empty() {
        let number = seen.elements.len();
        return Some(if number == 0 { "shows nothing".into() } else { format!("shows {number}") });
    }
    Some(parts.join("; "))
}

fn place(history: &History, id: &str) -> String {
    history.place_of(id).map_or_else(|| id.to_owned(), ToString::to_string)
}
