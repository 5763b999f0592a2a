//! One operation with arguments, handles still symbolic.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    model::{Caller, Request},
    spec::{Operation, SpecSet, operation::Param, resource::Template, service::OpRef},
    value::{Arguments, Key, plain},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub operation: OpRef,
    /// By parameter; values hold places to fill.
    pub arguments: Arguments,
    /// Handles of what it creates, in the order of the operation's effects.
    pub creates: Vec<Key>,
    pub caller: Caller,
    /// Repeat until the answer shows this, within patience.
    pub until: Option<Until>,
    pub purpose: Purpose,
    /// It runs at the same time as commands of other lanes; none for one that runs alone.
    pub lane: Option<u8>,
}

/// What a repeated read waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Until {
    /// Index of the operation's view.
    pub view: usize,
    /// Of each of these, at least one.
    pub keys: Vec<Key>,
    pub expected: Expected,
    pub wait: Wait,
}

/// How long to repeat a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// Until it comes about, within patience.
    Patient,
    /// The same when the last documented call succeeded; otherwise one look.
    AfterSuccess,
    /// The same; otherwise for a while, because it may come about all the same.
    AfterSuccessOrLinger,
    /// For a while: it should not come about.
    Linger,
}

impl Wait {
    /// Names in files.
    pub const ALL: [(&str, Wait); 4] = [
        ("patient", Wait::Patient),
        ("after-success", Wait::AfterSuccess),
        ("after-success-or-linger", Wait::AfterSuccessOrLinger),
        ("linger", Wait::Linger),
    ];
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// The resource is no longer shown.
    Gone,
    /// It is shown with these fields, each in one of these spellings.
    Shown(Vec<(String, Vec<String>)>),
    /// A set has this member, or no longer has it.
    Member { member: Key, present: bool },
}

/// Why a command is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Reaches a state.
    Setup,
    /// Is judged.
    Call,
    /// Shows what became of it.
    Read,
}

/// Region of calls that say none: the run's own.
pub const HOME: &str = "$given.region";

impl Command {
    /// The command as the model sees it: places are keys.
    pub fn request(&self, set: &SpecSet, home: &Arc<str>) -> Request {
        Request::new(set, self.operation, self.arguments.clone(), self.caller, self.creates.clone(), home)
    }

    /// The same command on other resources: handle → handle.
    #[must_use]
    pub fn renamed(&self, names: &BTreeMap<Key, Key>) -> Self {
        let name = |key: &Key| names.get(key).unwrap_or(key).clone();
        let mut fill_in = |place: &str| Some(names.get(place).map_or(place, |name| &**name).to_owned());
        let until = self.until.clone().map(|until| Until {
            keys: until.keys.iter().map(name).collect(),
            expected: match until.expected {
                Expected::Member { member, present } => Expected::Member { member: name(&member), present },
                expected => expected,
            },
            ..until
        });
        Self {
            arguments: self.arguments.iter().map(|value| fill(value.as_ref()?, &mut fill_in)).collect(),
            creates: self.creates.iter().map(name).collect(),
            until,
            ..self.clone()
        }
    }

    /// Whether a read shows all that another one shows which comes shortly before.
    pub fn covers(&self, other: &Self) -> bool {
        let is_same = self.operation == other.operation && self.arguments == other.arguments;
        let waits = |until: &Until| until.wait == Wait::Linger && self.until.as_ref() == Some(until);
        is_same && other.until.as_ref().is_none_or(waits)
    }

    /// A read of several things without some of them; none where nothing would be left, or it needs them.
    pub fn without(&self, lost: &BTreeSet<&Key>) -> Option<Self> {
        let is_left = |value: &Value| value.as_str().is_none_or(|place| !lost.contains(&Key::from(place)));
        let mut spared = self.clone();
        for value in spared.arguments.iter_mut().flatten() {
            if let Value::Array(list) = value {
                let n_before = list.len();
                list.retain(is_left);
                if list.is_empty() && n_before > 0 {
                    return None;
                }
            }
        }
        if let Some(until) = &mut spared.until {
            until.keys.retain(|key| !lost.contains(key));
            if until.keys.is_empty() {
                return None;
            }
        }
        let needs_none = |command: &Self| !command.uses().iter().any(|key| lost.contains(key));
        (self.purpose == Purpose::Read && needs_none(&spared)).then_some(spared)
    }

    /// Handles that its arguments use.
    pub fn uses(&self) -> Vec<Key> {
        let mut found = Vec::new();
        self.arguments.iter().flatten().for_each(|value| collect(value, &mut found));
        if let Some(until) = &self.until {
            found.extend(until.keys.iter().cloned());
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether a text is a handle, rather than another place or plain text.
pub fn is_handle(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|rest| {
        !rest.contains('.')
            && !rest.starts_with("token")
            && rest != "name"
            && rest != "run"
            && rest.ends_with(|last: char| last.is_ascii_digit())
    })
}

/// A handle without the number that tells it from others of its kind: `$` and the name of the kind.
pub fn stem(handle: &str) -> &str {
    handle.trim_end_matches(|last: char| last.is_ascii_digit())
}

fn collect(value: &Value, found: &mut Vec<Key>) {
    match value {
        Value::String(text) => found.extend(text.split(',').filter(|part| is_handle(part)).map(Key::from)),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::Object(map) => map.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// Replaces every place in a value.
pub fn fill(value: &Value, fill_in: &mut dyn FnMut(&str) -> Option<String>) -> Option<Value> {
    Some(match value {
        Value::String(text) if text.starts_with('$') => {
            if !text.contains(',') {
                return fill_in(text).map(Value::String);
            }
            // Places may be joined by commas, with ordinary texts between them.
            let parts: Option<Vec<String>> = text
                .split(',')
                .map(|part| if part.starts_with('$') { fill_in(part) } else { Some(part.to_owned()) })
                .collect();
            Value::String(parts?.join(","))
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| fill(value, fill_in)).collect::<Option<_>>()?),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| Some((key.clone(), fill(value, fill_in)?))).collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

/// Arguments of a template; none when a place in it has nothing to fill it.
pub fn templated(
    operation: &Operation,
    template: &Template,
    region: &str,
    fill_in: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<Arguments> {
    let argument = |param: &Param| match template.argument(&param.name) {
        Some(value) => fill(value, fill_in).map(Some),
        None if param.region => Some(Some(Value::String(region.to_owned()))),
        None => Some(None),
    };
    operation.params.iter().map(argument).collect()
}

/// A command in one line: `DeleteImage(ImageId=$image1, Force=true)`, who sends it, where that is of interest, and whether it
/// comes late on purpose.
pub fn line(set: &SpecSet, command: &Command) -> String {
    let operation = set.operation(command.operation);
    let arguments: Vec<String> = operation
        .params
        .iter()
        .zip(&command.arguments)
        .filter(|(param, _)| !param.region || command.arguments[operation.region.unwrap_or(0)] != Some(HOME.into()))
        .filter_map(|(param, value)| Some(format!("{}={}", param.name, short(value.as_ref()?))))
        .collect();
    let manner = command.caller.manner().map(|manner| format!(" {manner}")).unwrap_or_default();
    // Without a word of it, it would seem to be that of the run.
    let region = operation.region.filter(|param| operation.is_documented() && command.arguments[*param].is_none());
    let region = region.map(|param| format!(" without {}", operation.params[param].name)).unwrap_or_default();
    let lingers = command.until.as_ref().is_some_and(|until| until.wait == Wait::Linger);
    let late = if lingers { ", a while later" } else { "" };
    format!("{}({}){region}{manner}{late}", operation.name, arguments.join(", "))
}

/// A value in few characters.
pub fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.starts_with('$') => text.clone(),
        Value::Array(list) if list.len() > 4 => format!("[{}, … {} in all]", short(&list[0]), list.len()),
        Value::Array(list) => format!("[{}]", list.iter().map(short).collect::<Vec<_>>().join(", ")),
        Value::String(text) => format!("{text:?}"),
        other => plain(other),
    };
    if text.chars().count() > 60 { format!("{}…", text.chars().take(57).collect::<String>()) } else { text }
}
