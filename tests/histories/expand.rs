//! A history as written → the script and the history that the oracle judges.

use std::collections::BTreeMap;

use aswritten::{
    execute::Givens,
    history::{self, History, Reply, Trouble, TroubleKind},
    model::Caller,
    sequence::{
        Command, Purpose, Script,
        command::{HOME, fill, is_handle},
    },
    spec::{
        Operation, Service, SpecSet,
        operation::{Action, Field, FieldType, View},
        service::OpRef,
    },
    value::{Arguments, Key, plain},
};
use serde_json::{Map, Value, json};

use crate::notation::{Entry, Exchange, File, duration_ms};

/// Time between two steps where nothing is said, and how long each takes.
const GAP_MS: u64 = 100;
const CALL_MS: u64 = 50;
/// How long is watched whether something happens that need not.
const LINGER_MS: u64 = 5_000;

/// Writes a history out.
///
/// # Errors
/// A sentence that says which step is wrong, and why.
pub fn expand(set: &SpecSet, file: &File, entry: &Entry) -> Result<(Script, History), String> {
    let at = set.find(&file.operation).ok_or_else(|| format!("nothing is called `{}`", file.operation))?;
    let service = set.service(at);
    let givens = Givens::defaults(set);
    let mut filled = BTreeMap::new();
    for given in &service.givens {
        let value = givens.get(at.service, &given.name).unwrap_or_default();
        filled.insert(Key::from(format!("$given.{}", given.name).as_str()), value.to_owned());
    }
    let patience_ms = entry.patience.as_deref().map_or(Ok(service.patience_ms), duration_ms)?;
    let lag_ms = entry.lag.as_deref().map_or(Ok(0), duration_ms)?;
    let history = History { filled, patience_ms, linger_ms: LINGER_MS, lag_ms, ..History::default() };
    let mut writer = Writer {
        set,
        at,
        ids: &entry.ids,
        history,
        script: Script::new(Vec::new(), Vec::new()),
        now_ms: 0,
        lanes_left_ms: None,
    };
    for (index, step) in file.exchanges(entry)?.iter().enumerate() {
        writer.step(step).map_err(|why| format!("step {} (preludes written out): {why}", index + 1))?;
    }
    Ok((writer.script, writer.history))
}

struct Writer<'a> {
    set: &'a SpecSet,
    /// The documented operation.
    at: OpRef,
    ids: &'a BTreeMap<String, String>,
    script: Script,
    history: History,
    now_ms: u64,
    /// When the overlapping calls began.
    lanes_left_ms: Option<u64>,
}

impl<'a> Writer<'a> {
    fn step(&mut self, step: &Exchange) -> Result<(), String> {
        let (at, mut arguments) = match (&step.call, &step.read) {
            (Some(name), None) => (self.called(name)?, Map::new()),
            (None, Some(what)) => self.read(what)?,
            _ => return Err("it has to have either `call` or `read`".into()),
        };
        arguments.extend(step.with.clone());
        let (set, service) = (self.set, self.set.service(at));
        let operation = set.operation(at);
        let command = Command {
            operation: at,
            arguments: self.arguments(operation, arguments, &step.without)?,
            creates: step.creates.iter().map(|key| Key::from(key.as_str())).collect(),
            caller: match step.by.as_deref() {
                None => Caller::Main,
                Some(name) => Caller::parse(name).ok_or_else(|| format!("nobody is called `{name}`"))?,
            },
            until: None,
            purpose: match (step.shows.is_some(), operation.is_documented()) {
                (true, _) => Purpose::Read,
                (false, true) => Purpose::Call,
                (false, false) => Purpose::Setup,
            },
            lane: step.lane,
        };
        let creating = operation.effects.iter().filter(|effect| matches!(effect.action, Action::Create { .. })).count();
        if !command.creates.is_empty() && command.creates.len() != creating {
            return Err(format!("{} creates {creating} resources", operation.name));
        }
        let reply = self.reply(step, service, operation, &command)?;
        let unbound = command.uses().into_iter().find(|key| is_handle(key) && !self.history.filled.contains_key(key));
        if let (Some(key), false) = (unbound, matches!(reply, Reply::NotSent { .. })) {
            return Err(format!("nothing made {key}: its answer has to be \"not sent\""));
        }
        let (start, end) = match (step.lane, step.during) {
            (None, None) => {
                let start = self.now_ms + step.after.as_deref().map_or(Ok(GAP_MS), duration_ms)?;
                (start, start + CALL_MS)
            }
            (Some(_), Some([start, end])) => {
                let left = *self.lanes_left_ms.get_or_insert(self.now_ms + GAP_MS);
                (left + start, left + end)
            }
            _ => return Err("`lane` and `during` go together".into()),
        };
        self.history.exchanges.push(history::Exchange {
            command: self.script.commands.len(),
            arguments: self.sent(operation, &command),
            started_ms: start,
            ended_ms: end,
            stamps: history::Stamps { start, end },
            reply,
        });
        self.now_ms = self.now_ms.max(end);
        self.script.commands.push(command);
        Ok(())
    }

    fn called(&self, name: &str) -> Result<OpRef, String> {
        let service = self.set.service(self.at);
        let own = self.set.operation(self.at);
        let edition = own.edition.as_deref().filter(|_| own.name == name);
        let operation = service.action(name, edition).ok_or_else(|| format!("nothing is called `{name}`"))?;
        Ok(OpRef { service: self.at.service, operation })
    }

    /// The suite's own read of a resource, or of a set that belongs to it.
    fn read(&self, what: &str) -> Result<(OpRef, Map<String, Value>), String> {
        let (of_set, handle) = what.split_once(" of ").map_or((None, what), |(set, handle)| (Some(set), handle));
        let service = self.set.service(self.at);
        let given = handle.strip_prefix("$given.").and_then(|name| service.given(name)?.resource.as_ref());
        let name = handle.trim_start_matches('$').trim_end_matches(|last: char| last.is_ascii_digit());
        let kind = given.map(|(kind, _)| *kind).or_else(|| service.kind(name));
        let kind = kind.ok_or_else(|| format!("no resource is called `{handle}`"))?;
        let set_of = |view: &View| Some(service.kinds[view.kind].attributes[view.set?].name.as_str());
        let wanted = |view: &View| view.kind == kind && set_of(view) == of_set;
        let found = service.operations.iter().enumerate().find_map(|(index, operation)| {
            let read = operation.uses.iter().find(|found| found.read)?;
            operation.views.iter().any(wanted).then_some((index, operation, read))
        });
        let (index, operation, read) = found.ok_or_else(|| format!("nothing reads {what}"))?;
        let mut arguments = Map::new();
        for binding in &operation.bindings {
            arguments.insert(operation.params[binding.param].name.clone(), handle.into());
        }
        let place = format!("${}", service.kinds[kind].name);
        for (param, value) in &read.arguments {
            let value = replaced(value, &place, handle);
            arguments.insert(operation.params[*param].name.clone(), value);
        }
        Ok((OpRef { service: self.at.service, operation: index }, arguments))
    }

    /// By parameter. What companions are always sent is added, and so is the region.
    fn arguments(
        &self,
        operation: &Operation,
        mut given: Map<String, Value>,
        without: &[String],
    ) -> Result<Arguments, String> {
        for name in without {
            operation.param(name).ok_or_else(|| format!("{} has no parameter `{name}`", operation.name))?;
        }
        let arguments = operation.params.iter().map(|param| {
            let usual = if param.region { Some(HOME.into()) } else { param.value.clone() };
            given.remove(&param.name).or_else(|| usual.filter(|_| !without.contains(&param.name)))
        });
        let arguments = arguments.collect();
        match given.keys().next() {
            Some(name) => Err(format!("{} has no parameter `{name}`", operation.name)),
            None => Ok(arguments),
        }
    }

    /// Arguments with places filled as far as they are known.
    fn sent(&self, operation: &Operation, command: &Command) -> Map<String, Value> {
        let mut fill_in = |place: &str| Some(self.id(place));
        let pairs = operation.params.iter().zip(&command.arguments);
        pairs.filter_map(|(param, value)| Some((param.name.clone(), fill(value.as_ref()?, &mut fill_in)?))).collect()
    }

    /// What a place is filled with: a handle with the id that its creation answers.
    fn id(&self, place: &str) -> String {
        let known = self.history.filled.get(place).or_else(|| self.ids.get(place));
        known.cloned().unwrap_or_else(|| place.replace('$', "id-of-"))
    }

    fn reply(
        &mut self,
        step: &Exchange,
        service: &Service,
        operation: &Operation,
        command: &Command,
    ) -> Result<Reply, String> {
        match &step.answer {
            Some(Value::String(text)) if text != "success" => {
                if step.shows.is_some() || !step.lacks.is_empty() {
                    return Err("only a success shows something, or lacks a field".into());
                }
                failure(text)
            }
            None | Some(Value::String(_)) => self.success(step, service, operation, command, Map::new()),
            Some(Value::Object(fields)) => self.success(step, service, operation, command, fields.clone()),
            Some(other) => Err(format!("`{other}` is no answer")),
        }
    }

    fn success(
        &mut self,
        step: &Exchange,
        service: &Service,
        operation: &Operation,
        command: &Command,
        differing: Map<String, Value>,
    ) -> Result<Reply, String> {
        let mut whole = json!({});
        for field in &operation.fields {
            let made = field.creates.and_then(|var| command.creates.get(var - operation.bindings.len()));
            if let Some(key) = made {
                let id = self.id(key);
                self.history.filled.insert(key.clone(), id.clone());
                put(&mut whole, &field.name, id.into());
            } else if let Some(value) = self.usual(field) {
                put(&mut whole, &field.name, value);
            }
        }
        if let Some(shows) = &step.shows {
            let view = operation.views.first().ok_or_else(|| format!("{} shows nothing", operation.name))?;
            let list = self.elements(service, view, shows, command)?;
            if let Some(total) = &view.total {
                put(&mut whole, total, list.len().into());
            }
            put(&mut whole, &view.list, list.into());
        }
        for (name, value) in differing {
            put(&mut whole, &name, value);
        }
        let Value::Object(mut fields) = whole else { return Err("its fields contradict each other".into()) };
        for name in &step.lacks {
            fields.shift_remove(name).ok_or_else(|| format!("the success has no `{name}` to lack"))?;
        }
        Ok(Reply::Success { status: 200, fields })
    }

    /// What any success has in a field.
    fn usual(&self, field: &Field) -> Option<Value> {
        let request = self.history.exchanges.len() + 1;
        match (&field.value, field.kind) {
            (Some(value), _) => Some(value.clone()),
            (None, FieldType::Text) if field.creates.is_none() => Some(format!("request-{request}").into()),
            _ => None,
        }
    }

    /// The elements of a list.
    fn elements(&self, service: &Service, view: &View, shows: &Value, command: &Command) -> Result<Vec<Value>, String> {
        let status = view.fields.iter().find(|field| field.field.ends_with("Status") || field.field.ends_with("State"));
        let status = status.map_or("Status", |field| field.field.as_str());
        let element = |handle: &str, fields: &Value| -> Result<Value, String> {
            let mut element = Map::new();
            element.insert(view.id.clone(), self.id(handle).into());
            match fields {
                Value::String(text) => drop(element.insert(status.to_owned(), text.clone().into())),
                Value::Object(fields) => element.extend(fields.clone()),
                other => return Err(format!("`{other}` is neither a status nor fields")),
            }
            Ok(Value::Object(element))
        };
        // The resource that a read names, where only its status is said.
        let own = || {
            let kind = &service.kinds[view.kind].name;
            command.uses().into_iter().find(|key| key.trim_start_matches('$').starts_with(kind.as_str()))
        };
        match shows {
            Value::String(nothing) if nothing == "nothing" => Ok(Vec::new()),
            Value::Array(members) => {
                let member = |value: &Value| json!({ view.id.clone(): self.id(&plain(value)) });
                Ok(members.iter().map(member).collect())
            }
            Value::Object(map) if map.keys().all(|key| key.starts_with('$')) => {
                map.iter().map(|(handle, fields)| element(handle, fields)).collect()
            }
            shows => {
                let own = own().ok_or("write { \"$image1\" = … }: it names no resource")?;
                Ok(vec![element(&own, shows)?])
            }
        }
    }
}

/// A reply that is no success.
fn failure(text: &str) -> Result<Reply, String> {
    let trouble = |kind| {
        let may_have_happened = kind != TroubleKind::Unreachable;
        Ok(Reply::Trouble(Trouble { kind, text: "as written".into(), may_have_happened }))
    };
    match text {
        "timeout" => return trouble(TroubleKind::Timeout),
        "broken" => return trouble(TroubleKind::Broken),
        "unreadable" => return trouble(TroubleKind::Unreadable),
        "unreachable" => return trouble(TroubleKind::Unreachable),
        "not sent" => return Ok(Reply::NotSent { reason: "something that it names was never made".into() }),
        _ => {}
    }
    let (answer, message) = text.split_once(": ").unwrap_or((text, ""));
    let parts = answer.split_once(' ').and_then(|(status, code)| Some((status.parse().ok()?, code)));
    let (status, code) = parts.ok_or_else(|| format!("`{text}` is no answer"))?;
    Ok(Reply::Refused { status, code: code.into(), message: message.into(), request_id: Some("request".into()) })
}

/// The value with every text that is the place replaced.
fn replaced(value: &Value, place: &str, handle: &str) -> Value {
    match value {
        Value::String(text) if text == place => handle.into(),
        Value::Array(list) => list.iter().map(|value| replaced(value, place, handle)).collect(),
        other => other.clone(),
    }
}

/// Puts a value at a path of names joined by dots; numbers are positions in lists.
fn put(whole: &mut Value, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        match (path.parse::<usize>(), whole) {
            (Ok(_), Value::Array(list)) => list.push(value),
            (_, whole) => whole[path] = value,
        }
        return;
    };
    let next = if rest.starts_with(|first: char| first.is_ascii_digit()) { json!([]) } else { json!({}) };
    let inner = match (name.parse::<usize>(), whole) {
        (Ok(index), Value::Array(list)) => {
            if index >= list.len() {
                list.push(next.clone());
            }
            &mut list[index]
        }
        (_, whole) => &mut whole[name],
    };
    if inner.is_null() {
        *inner = next;
    }
    put(inner, rest, value);
}
