//! Entries → a checked [`SpecSet`]: every name is resolved, every problem is reported.

mod operation;
mod service;

use std::sync::Arc;

use super::{
    diagnostic::{Diagnostics, did_you_mean},
    operation::Operation,
    rate::Rate,
    reading::{Entry, Word},
    requirement::Level,
    resource::{Attribute, AttributeType, Template},
    service::{Service, SpecSet},
    source::Span,
};
use crate::value::Atom;

/// The files of one service, read.
pub struct ServiceFiles {
    pub service: Entry,
    /// File name without its ending, and the entry.
    pub operations: Vec<(String, Entry)>,
}

/// Lowers all services; what could not be resolved is reported and left out.
pub fn lower(files: &[ServiceFiles], problems: &mut Diagnostics) -> SpecSet {
    let mut set = SpecSet::default();
    for files in files {
        let Some(mut service) = service::lower(&files.service, problems) else { continue };
        for (stem, entry) in &files.operations {
            if let Some(operation) = operation::lower(entry, stem, &service, problems) {
                service.operations.push(operation);
            }
        }
        service::check_templates(&files.service, &service, problems);
        unique_operations(&service, problems);
        set.services.push(service);
    }
    unique_services(&set, files, problems);
    set
}

fn unique_operations(service: &Service, problems: &mut Diagnostics) {
    for (index, operation) in service.operations.iter().enumerate() {
        if let Some(first) = service.operations[..index].iter().find(|first| first.id == operation.id) {
            problems.report(
                "duplicate",
                &operation.span,
                format!("`{}` is specified twice", operation.id),
                "the second",
                format!("the first is {}; remove one, or give this one an `edition`", first.span),
            );
        }
    }
}

fn unique_services(set: &SpecSet, files: &[ServiceFiles], problems: &mut Diagnostics) {
    for (index, service) in set.services.iter().enumerate() {
        if set.services[..index].iter().any(|first| first.name == service.name)
            && let Some(files) = files.get(index)
        {
            problems.report(
                "duplicate",
                &files.service.span,
                format!("service `{}` is specified twice", service.name),
                "the second",
                "rename or remove one",
            );
        }
    }
}

/// Finds a name in a list, or reports it.
fn resolve<'a, T>(
    word: &Word,
    list: &'a [T],
    name: impl Fn(&T) -> &str,
    what: &str,
    problems: &mut Diagnostics,
) -> Option<(usize, &'a T)> {
    let found = list.iter().enumerate().find(|(_, item)| name(item) == word.text);
    if found.is_none() {
        problems.report(
            "unknown-name",
            &word.span,
            format!("no {what} is called `{}`", word.text),
            "unknown",
            did_you_mean(&word.text, list.iter().map(&name)),
        );
    }
    found
}

fn template(entry: &Entry) -> Template {
    let arguments = entry.table("arguments").map(|arguments| {
        arguments
            .items()
            .into_iter()
            .filter_map(|(name, _)| Some((name.to_owned(), arguments.value(name)?.clone())))
            .collect()
    });
    Template {
        operation: entry.text("operation"),
        undo: entry.item("undo").is_some(),
        arguments: arguments.unwrap_or_default(),
    }
}

/// Reports parameters of a template that its operation lacks.
fn check_arguments(entry: &Entry, operation: &Operation, problems: &mut Diagnostics) {
    let Some(arguments) = entry.table("arguments") else { return };
    for (name, item) in arguments.items() {
        if operation.param(name).is_none() {
            problems.report(
                "unknown-name",
                &item.key,
                format!("`{}` has no parameter `{name}`", operation.id),
                "unknown",
                did_you_mean(name, operation.params.iter().map(|param| param.name.as_str())),
            );
        }
    }
}

/// Reports places to fill that nothing fills.
fn check_places(value: &serde_json::Value, span: &Span, service: &Service, extra: &[&str], problems: &mut Diagnostics) {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            let Some(place) = text.strip_prefix('$') else { return };
            let known = ["region", "name", "run"].contains(&place)
                || extra.contains(&place)
                || place.strip_prefix("given.").is_some_and(|name| service.given(name).is_some());
            if !known {
                let names: Vec<String> = service
                    .givens
                    .iter()
                    .map(|given| format!("$given.{}", given.name))
                    .chain(["$region".into(), "$name".into(), "$run".into()])
                    .chain(extra.iter().map(|name| format!("${name}")))
                    .collect();
                problems.report(
                    "unknown-place",
                    span,
                    format!("nothing fills `{text}`"),
                    "a place to fill",
                    did_you_mean(text, names.iter().map(String::as_str)),
                );
            }
        }
        Value::Array(list) => list.iter().for_each(|value| check_places(value, span, service, extra, problems)),
        Value::Object(map) => map.values().for_each(|value| check_places(value, span, service, extra, problems)),
        _ => {}
    }
}

/// Reports a word that an attribute never holds; says whether all is well.
fn check_value(attribute: &Attribute, value: &Atom, span: &Span, problems: &mut Diagnostics) -> bool {
    let (AttributeType::Word(words), Atom::Text(text)) = (&attribute.kind, value) else { return true };
    if words.contains(text) {
        return true;
    }
    let help = did_you_mean(text, words.iter().map(|word| &**word));
    let message = format!("`{}` cannot be `{text}`", attribute.name);
    problems.report("unknown-value", span, message, "not one of its words", help);
    false
}

/// A rate that an entry gives.
fn rate(entry: &Entry, key: &str, problems: &mut Diagnostics) -> Option<Rate> {
    let word = entry.word(key)?;
    let rate = Rate::parse(&word.text);
    if rate.is_none() {
        let message = format!("`{}` is no rate", word.text);
        problems.report("rate", &word.span, message, "not a rate", "write one such as `10/s`, `60/min` or `1000/h`");
    }
    rate
}

/// Level of what an entry promises.
fn level(entry: &Entry) -> Level {
    if entry.text("level") == "should" { Level::Should } else { Level::Must }
}

/// HTTP status that an entry gives.
fn status(entry: &Entry) -> Option<u16> {
    entry.integer("status").and_then(|status| u16::try_from(status).ok())
}

fn arc(text: &str) -> Arc<str> {
    text.into()
}
