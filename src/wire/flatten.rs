//! Structured arguments as flat pairs (`Filter.1.Value.2`), and back.
//!
//! Protocols differ only in the number of the first element of a list.
//! Spelling follows the value, so that a deliberately wrong argument travels too; reading follows the shape, and what
//! does not fit it stays text under its full name, so that nothing that was sent is lost.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Call, Draft, Placement, Shape, Transport};

/// Documented parameter names have two dots at most (`SystemDisk.Category`); one more is room to spare. The bound
/// keeps a name made of dots from costing more than its length.
const MAX_DOTS_IN_NAME: usize = 3;

/// Spells a call: flat pairs, or one JSON object for [`Placement::PostJson`].
pub fn draft(call: &Call, shape: &dyn Fn(&str) -> Option<Shape>, transport: Transport, first_index: u64) -> Draft {
    let (parameters, json) = match transport.placement {
        Placement::PostJson => (Vec::new(), Some(Value::Object(call.arguments.clone()).to_string().into_bytes())),
        Placement::Get | Placement::PostQuery | Placement::PostForm => {
            (spell(&call.arguments, shape, first_index), None)
        }
    };
    Draft {
        action: call.action.clone(),
        version: call.version.clone(),
        region: call.region.clone(),
        transport,
        parameters,
        json,
    }
}

/// Spells arguments as pairs. An empty list or object leaves no trace, as in every vendor SDK.
pub fn spell(
    arguments: &Map<String, Value>,
    shape: &dyn Fn(&str) -> Option<Shape>,
    first_index: u64,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in arguments {
        spell_value(name.clone(), value, shape(name).as_ref(), first_index, &mut pairs);
    }
    pairs
}

fn spell_value(
    name: String,
    value: &Value,
    shape: Option<&Shape>,
    first_index: u64,
    pairs: &mut Vec<(String, String)>,
) {
    match (value, shape) {
        (Value::Array(_) | Value::Object(_), Some(Shape::JsonText(_))) => {
            pairs.push((name, value.to_string()));
        }
        (Value::Array(items), Some(Shape::CommaText(_))) => {
            let items: Vec<_> = items.iter().map(text_of).collect();
            pairs.push((name, items.join(",")));
        }
        (Value::Array(items), _) => {
            let inner = match shape {
                Some(Shape::List(inner)) => Some(&**inner),
                _ => None,
            };
            for (index, item) in (first_index..).zip(items) {
                spell_value(format!("{name}.{index}"), item, inner, first_index, pairs);
            }
        }
        (Value::Object(members), _) => {
            for (member, item) in members {
                let inner = match shape {
                    Some(Shape::Object(shapes)) => member_shape(shapes, member),
                    _ => None,
                };
                spell_value(format!("{name}.{member}"), item, inner, first_index, pairs);
            }
        }
        _ => pairs.push((name, text_of(value))),
    }
}

/// Text of a value: a string as it is, everything else as JSON, hence booleans in lower case.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Reads pairs into arguments, by the shapes of the parameters.
pub fn read<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    shape: &dyn Fn(&str) -> Option<Shape>,
    first_index: u64,
) -> Map<String, Value> {
    let mut groups: IndexMap<&str, Group<'_>> = IndexMap::new();
    for (name, text) in pairs {
        let (head, rest, shape) = split(name, shape);
        let group = groups.entry(head).or_insert_with(|| Group { shape, entries: Vec::new() });
        group.entries.push(Entry { name, rest, text });
    }
    let mut arguments = Map::new();
    for (head, group) in groups {
        let value = group.shape.as_ref().and_then(|shape| read_value(shape, &group.entries, first_index));
        match value {
            Some(value) => {
                arguments.insert(head.to_owned(), value);
            }
            None => {
                arguments.extend(group.entries.iter().map(|entry| (entry.name.to_owned(), Value::from(entry.text))))
            }
        }
    }
    arguments
}

/// Pairs that belong to one parameter.
struct Group<'a> {
    shape: Option<Shape>,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    name: &'a str,
    /// What follows the parameter's name and a dot.
    rest: Option<&'a str>,
    text: &'a str,
}

/// Splits a name after the longest known parameter name in it.
fn split<'a>(name: &'a str, shape: &dyn Fn(&str) -> Option<Shape>) -> (&'a str, Option<&'a str>, Option<Shape>) {
    if let Some(found) = shape(name) {
        return (name, None, Some(found));
    }
    let dots: Vec<_> = name.match_indices('.').take(MAX_DOTS_IN_NAME).map(|(dot, _)| dot).collect();
    for dot in dots.into_iter().rev() {
        if let Some(found) = shape(&name[..dot]) {
            return (&name[..dot], Some(&name[dot + 1..]), Some(found));
        }
    }
    (name, None, None)
}

/// Reads one value; none when the entries do not fit the shape. Recursion is as deep as the shape, never as the input.
fn read_value(shape: &Shape, entries: &[Entry<'_>], first_index: u64) -> Option<Value> {
    match shape {
        Shape::List(inner) => read_list(inner, entries, first_index),
        Shape::Object(members) => {
            let pairs: Option<Vec<_>> = entries.iter().map(|entry| Some((entry.rest?, entry.text))).collect();
            let lookup = |name: &str| member_shape(members, name).cloned();
            Some(Value::Object(read(pairs?, &lookup, first_index)))
        }
        _ => match entries {
            [Entry { rest: None, text, .. }] => Some(read_scalar(shape, text)),
            _ => None,
        },
    }
}

/// Elements in the order of their numbers; gaps close up, since no document gives them a meaning.
fn read_list(inner: &Shape, entries: &[Entry<'_>], first_index: u64) -> Option<Value> {
    let mut elements: BTreeMap<u64, Vec<Entry<'_>>> = BTreeMap::new();
    for entry in entries {
        let path = entry.rest?;
        let (number, rest) = match path.split_once('.') {
            Some((number, rest)) => (number, Some(rest)),
            None => (path, None),
        };
        let index: u64 = number.parse().ok()?;
        if index < first_index || index.to_string() != number {
            return None;
        }
        elements.entry(index).or_default().push(Entry { name: entry.name, rest, text: entry.text });
    }
    elements
        .values()
        .map(|entries| read_value(inner, entries, first_index))
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// Reads a text by a shape that is one pair on the wire; a text that does not fit stays text.
pub fn read_scalar(shape: &Shape, text: &str) -> Value {
    let typed = match shape {
        Shape::Text | Shape::List(_) | Shape::Object(_) => None,
        Shape::Integer => read_integer(text),
        // Vendor SDKs for Python spell booleans `True` and `False`.
        Shape::Boolean => match text {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        Shape::JsonText(inner) => match (serde_json::from_str(text), &**inner) {
            (Ok(value @ Value::Array(_)), _) => Some(value),
            (Ok(value @ Value::Object(_)), Shape::Object(_)) => Some(value),
            _ => None,
        },
        Shape::CommaText(_) if text.is_empty() => Some(Value::Array(Vec::new())),
        Shape::CommaText(inner) => {
            let element = match &**inner {
                Shape::List(element) => element,
                _ => inner,
            };
            Some(text.split(',').map(|item| read_scalar(element, item)).collect())
        }
    };
    typed.unwrap_or_else(|| Value::from(text))
}

/// An integer, provided that it prints back the same: `007` and `+7` stay text.
pub fn read_integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_padded = digits.starts_with('0') && text != "0";
    if is_padded || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(number) => Some(Value::from(number)),
        Err(_) => text.parse::<u64>().ok().map(Value::from),
    }
}

fn member_shape<'a>(members: &'a [(String, Shape)], name: &str) -> Option<&'a Shape> {
    members.iter().find(|(member, _)| member == name).map(|(_, shape)| shape)
}
