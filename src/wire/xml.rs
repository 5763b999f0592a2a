//! The little XML that answers are made of: elements and text, no attributes, no mixed content.
//!
//! XML has no types: numbers and booleans are read as text, and a list of one looks like a single value, until
//! [`coerce`] is told the shape.

use quick_xml::Reader;
use quick_xml::escape::{partial_escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};

use super::{Shape, Unreadable, flatten};

/// Documented answers nest five deep; beyond this a body is taken for an attack on the reader.
const MAX_DEPTH: usize = 64;

/// Writes a document. A list repeats its element; an empty one leaves no trace.
pub fn write(root: &str, fields: &Map<String, Value>) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    write_members(&mut text, root, fields);
    text
}

fn write_element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            for item in items {
                write_element(out, name, item);
            }
        }
        Value::Object(members) => write_members(out, name, members),
        Value::Null => write_text(out, name, ""),
        Value::String(text) => write_text(out, name, text),
        Value::Bool(_) | Value::Number(_) => write_text(out, name, &value.to_string()),
    }
}

fn write_members(out: &mut String, name: &str, members: &Map<String, Value>) {
    let name = element_name(name);
    out.push_str(&format!("<{name}>"));
    for (member, value) in members {
        write_element(out, member, value);
    }
    out.push_str(&format!("</{name}>"));
}

fn write_text(out: &mut String, name: &str, text: &str) {
    let name = element_name(name);
    // XML 1.0 has no way to write most control characters, not even as references.
    let allowed: String = text
        .chars()
        .map(|char| match char {
            '\t' | '\n' | '\r' => char,
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            _ => char,
        })
        .collect();
    // A bare carriage return would be read as a line feed.
    let escaped = partial_escape(allowed).replace('\r', "&#13;");
    out.push_str(&format!("<{name}>{escaped}</{name}>"));
}

fn element_name(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|char| match char {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '.' => char,
            _ => '_',
        })
        .collect();
    if !text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        text.insert(0, '_');
    }
    text
}

/// Reads a document into the name of its root and the root's members.
///
/// A repeated element becomes a list, an element without elements its text. Entities that a document type would have
/// to define, and the definition itself, are refused.
pub fn read(body: &[u8]) -> Result<(String, Value), Unreadable> {
    let mut reader = Reader::from_reader(body);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|error| unreadable(format!("broken XML: {error}")))?;
        let closed = match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() => {
                return Err(unreadable("XML with more than one root element"));
            }
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err(unreadable(format!("XML nested deeper than {MAX_DEPTH}")));
                }
                open.push(Element::named(start.name().as_ref()));
                None
            }
            Event::Empty(start) => Some(Element::named(start.name().as_ref())),
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                add_text(&mut open, &text.xml10_content().map_err(not_utf8)?)?;
                None
            }
            Event::CData(text) => {
                add_text(&mut open, &text.xml10_content().map_err(not_utf8)?)?;
                None
            }
            Event::GeneralRef(reference) => {
                add_text(&mut open, &resolve(&reference)?)?;
                None
            }
            Event::DocType(_) => return Err(unreadable("XML with a document type")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => None,
            Event::Eof => break,
        };
        if let Some(element) = closed {
            match open.last_mut() {
                Some(parent) => parent.add(element),
                None => root = Some(element),
            }
        }
    }
    match root {
        Some(element) => Ok((element.name.clone(), element.value())),
        None => Err(unreadable("XML that ends before its root element does")),
    }
}

struct Element {
    name: String,
    members: Map<String, Value>,
    text: String,
}

impl Element {
    fn named(name: &[u8]) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), members: Map::new(), text: String::new() }
    }

    fn add(&mut self, child: Element) {
        let name = child.name.clone();
        let value = child.value();
        match self.members.get_mut(&name) {
            None => {
                self.members.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => {
                let items = vec![first.take(), value];
                *first = Value::Array(items);
            }
        }
    }

    fn value(self) -> Value {
        if self.members.is_empty() { Value::String(self.text) } else { Value::Object(self.members) }
    }
}

fn add_text(open: &mut [Element], text: &str) -> Result<(), Unreadable> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(unreadable("text outside the root element")),
    }
    Ok(())
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Unreadable> {
    let character = reference.resolve_char_ref().map_err(|error| unreadable(format!("broken XML: {error}")))?;
    if let Some(character) = character {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(not_utf8)?;
    resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| unreadable(format!("unknown XML entity `{name}`")))
}

fn not_utf8(error: impl std::fmt::Display) -> Unreadable {
    unreadable(format!("XML that is not UTF-8: {error}"))
}

fn unreadable(reason: impl Into<String>) -> Unreadable {
    Unreadable { reason: reason.into() }
}

/// Gives a value read from XML the types of a shape; what does not fit stays as it is.
pub fn coerce(value: Value, shape: &Shape) -> Value {
    match (shape, value) {
        (Shape::Integer, Value::String(text)) => flatten::read_integer(&text).unwrap_or(Value::String(text)),
        (Shape::Boolean, Value::String(text)) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text),
        },
        (Shape::List(inner), Value::Array(items)) => items.into_iter().map(|item| coerce(item, inner)).collect(),
        (Shape::List(_), Value::String(text)) if text.trim().is_empty() => Value::Array(Vec::new()),
        (Shape::List(inner), single) => Value::Array(vec![coerce(single, inner)]),
        (Shape::Object(_), Value::String(text)) if text.trim().is_empty() => Value::Object(Map::new()),
        (Shape::Object(shapes), Value::Object(mut members)) => {
            for (name, shape) in shapes {
                if let Some(member) = members.get_mut(name) {
                    *member = coerce(member.take(), shape);
                }
            }
            Value::Object(members)
        }
        (_, value) => value,
    }
}
