//! Successes with wrong, missing or constant fields.

use serde_json::{Map, Value};

use super::{Draft, Subject};
use crate::{
    history::Reply,
    mock::fault::Situation,
    mutant::fault::Replies,
    spec::operation::{Field, FieldType},
};

pub fn missing(subject: &Subject<'_>) -> Vec<Draft> {
    let fields = subject.operation.fields.iter().filter(|field| !field.optional);
    drafts(subject, fields, "is left out", |_| None)
}

pub fn wrong_type(subject: &Subject<'_>) -> Vec<Draft> {
    drafts(subject, subject.operation.fields.iter(), "has another type", |field| {
        Some(match field.kind {
            FieldType::Integer | FieldType::Boolean => Value::String("0".into()),
            FieldType::Text | FieldType::List | FieldType::Object => Value::from(7),
        })
    })
}

pub fn empty(subject: &Subject<'_>) -> Vec<Draft> {
    let texts = subject.operation.fields.iter().filter(|field| field.kind == FieldType::Text);
    drafts(subject, texts, "is empty", |_| Some(Value::String(String::new())))
}

/// Only of fields that are promised to differ.
pub fn constant(subject: &Subject<'_>) -> Vec<Draft> {
    let unique = subject.operation.fields.iter().filter(|field| field.unique);
    drafts(subject, unique, "is the same in every answer", |_| {
        Some(Value::String("00000000-0000-4000-A000-000000000000".into()))
    })
}

pub fn other_value(subject: &Subject<'_>) -> Vec<Draft> {
    let fixed = subject.operation.fields.iter().filter(|field| field.value.is_some());
    drafts(subject, fixed, "has another value", |field| {
        Some(match &field.value {
            Some(Value::Number(number)) => Value::from(number.as_i64().unwrap_or_default() + 1),
            Some(Value::Bool(flag)) => Value::Bool(!flag),
            _ => Value::String("otherwise".into()),
        })
    })
}

fn drafts<'a>(
    subject: &Subject<'_>,
    fields: impl Iterator<Item = &'a Field>,
    what: &str,
    value: impl Fn(&Field) -> Option<Value>,
) -> Vec<Draft> {
    let at = subject.at;
    let mut drafts = Vec::new();
    for field in fields {
        let Some(requirement) = field.requirement else { continue };
        let (name, value) = (field.name.clone(), value(field));
        let text = format!("{} of a success {what}", field.name);
        drafts.push(Draft::behaviour(field.name.clone(), requirement, text, move || {
            let (name, value) = (name.clone(), value.clone());
            Replies(at, move |_: &Situation<'_>, reply: &Reply| {
                let Reply::Success { status, fields } = reply else { return None };
                let mut fields = fields.clone();
                put(&mut fields, &name, value.clone());
                Some(Reply::Success { status: *status, fields })
            })
        }));
    }
    drafts
}

/// Puts a value at a path, or takes away what is there.
fn put(fields: &mut Map<String, Value>, path: &str, value: Option<Value>) {
    match (path.split_once('.'), value) {
        (Some((first, rest)), value) => {
            if let Some(Value::Object(inner)) = fields.get_mut(first) {
                put(inner, rest, value);
            }
        }
        (None, Some(value)) => {
            fields.insert(path.to_owned(), value);
        }
        (None, None) => {
            fields.shift_remove(path);
        }
    }
}
