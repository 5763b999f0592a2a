//! JSON Schema of the spec format, generated from [`super::format`].

use serde_json::{Map, Value, json};

use super::format::{Key, Kind, OPERATION_FILE, SERVICE_FILE, Table};

/// The schema of both kinds of files, as text that ends in a line break.
pub fn schema() -> String {
    let mut service = table(&SERVICE_FILE);
    let mut operation = table(&OPERATION_FILE);
    for (schema, title) in [(&mut service, "service.toml"), (&mut operation, "an operation's file")] {
        schema["title"] = json!(title);
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aswritten specs",
        "description": "A service.toml, or the file of one operation beside it.",
        "type": "object",
        "if": { "required": ["operation"] },
        "then": operation,
        "else": service,
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn table(described: &Table) -> Value {
    let properties: Map<String, Value> =
        described.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = described.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": described.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    if let Value::Object(map) = &mut schema {
        map.insert("description".into(), key.about.into());
    }
    schema
}

fn kind(kind_of: &Kind) -> Value {
    match kind_of {
        Kind::Text | Kind::Expression => json!({ "type": "string", "minLength": 1 }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer => json!({ "type": "integer", "minimum": 0 }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9.]+(ms|s|m|h)$" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Texts => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
        // A parameter has members that are parameters: one level is described, deeper ones are free.
        Kind::Table(inner) | Kind::Tables(inner) if inner.name == "param" => {
            json!({ "type": "array", "items": param(inner) })
        }
        Kind::Table(inner) => table(inner),
        Kind::Tables(inner) => json!({ "type": "array", "items": table(inner) }),
        Kind::Map(inner) => json!({ "type": "object", "additionalProperties": kind(inner) }),
        Kind::Any => json!({}),
    }
}

fn param(described: &Table) -> Value {
    let properties: Map<String, Value> = described
        .keys
        .iter()
        .map(|key| {
            let schema = if key.name == "members" {
                json!({ "type": "array", "items": { "type": "object" }, "description": key.about })
            } else {
                property(key)
            };
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = described.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": described.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
