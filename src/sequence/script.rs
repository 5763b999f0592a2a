//! An ordered list of commands, and its text form.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value, json};

use super::command::{Command, Expected, HOME, Purpose, Until, Wait};
use crate::{
    model::Caller,
    spec::{SpecSet, service::OpRef},
    value::Key,
};

/// What one test case does.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub commands: Vec<Command>,
    /// Requirements that it was made for: operation and index. Free sequences have none.
    pub aims: Vec<(OpRef, usize)>,
    /// In which of their ways its lanes take turns, where the endpoint is in this process; without a number, by chance.
    pub turns: Option<u64>,
}

impl Script {
    /// Commands for these requirements.
    pub fn new(commands: Vec<Command>, aims: Vec<(OpRef, usize)>) -> Self {
        Self { commands, aims, turns: None }
    }

    /// Other commands in its place; without lanes that could take turns, one after the other.
    #[must_use]
    pub fn with(&self, commands: Vec<Command>) -> Self {
        Self { commands, aims: self.aims.clone(), turns: self.turns }.simplified()
    }

    /// Region of calls that say none.
    pub fn home() -> Arc<str> {
        static SHARED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(HOME));
        SHARED.clone()
    }

    /// Positions of the commands that run in lanes; empty for a mere sequence.
    pub fn race(&self) -> Range<usize> {
        let laned = |command: &Command| command.lane.is_some();
        let start = self.commands.iter().position(laned).unwrap_or(self.commands.len());
        let end = self.commands.iter().rposition(laned).map_or(start, |last| last + 1);
        start..end
    }

    /// Positions of the commands of each lane, in order.
    pub fn lanes(&self) -> Vec<Vec<usize>> {
        let race = self.race();
        let names: BTreeSet<u8> = self.commands[race.clone()].iter().filter_map(|command| command.lane).collect();
        let of = |name: u8| race.clone().filter(|index| self.commands[*index].lane == Some(name)).collect();
        names.into_iter().map(of).collect()
    }

    /// The same with its commands one after the other, where only one lane is left.
    fn simplified(mut self) -> Self {
        if self.lanes().len() < 2 {
            self.commands.iter_mut().for_each(|command| command.lane = None);
            self.turns = None;
        }
        self
    }

    /// The commands of a race are together, and none of them waits: a wait would hold up nobody but its own lane.
    fn check_lanes(&self) -> Result<(), String> {
        for index in self.race() {
            let command = &self.commands[index];
            if command.lane.is_none() {
                return Err(format!("command {} stands between lanes, and has none", index + 1));
            }
            if command.until.is_some() {
                return Err(format!("command {} has a lane, and waits", index + 1));
            }
        }
        Ok(())
    }

    /// The commands as JSON, with names instead of indices, so that it outlives changes of the spec.
    pub fn to_json(&self, set: &SpecSet) -> Value {
        Value::Array(self.commands.iter().map(|command| command_json(set, command)).collect())
    }

    /// Reads what [`Script::to_json`] wrote.
    ///
    /// # Errors
    /// A sentence that says which command is wrong, and why.
    pub fn from_json(set: &SpecSet, value: &Value) -> Result<Self, String> {
        let list = value.as_array().ok_or("the script is not a list of commands")?;
        let commands = list
            .iter()
            .enumerate()
            .map(|(index, value)| command(set, value).map_err(|why| format!("command {}: {why}", index + 1)))
            .collect::<Result<_, _>>()?;
        let script = Self::new(commands, Vec::new());
        script.check_lanes()?;
        let mut services = script.commands.iter().map(|command| command.operation.service);
        match services.next() {
            Some(first) if services.any(|service| service != first) => {
                Err("its commands call more than one service".into())
            }
            _ => Ok(script),
        }
    }
}

fn command_json(set: &SpecSet, command: &Command) -> Value {
    let operation = set.operation(command.operation);
    let arguments: Map<String, Value> = operation
        .params
        .iter()
        .zip(&command.arguments)
        .filter_map(|(param, value)| Some((param.name.clone(), value.clone()?)))
        .collect();
    let mut object = json!({ "operation": operation.id, "arguments": arguments });
    if !command.creates.is_empty() {
        object["creates"] = command.creates.iter().map(|key| key.to_string()).collect();
    }
    if command.caller != Caller::Main {
        object["caller"] = command.caller.name().into();
    }
    if let Some(lane) = command.lane {
        object["lane"] = lane.into();
    }
    object["purpose"] = match command.purpose {
        Purpose::Setup => "setup",
        Purpose::Call => "call",
        Purpose::Read => "read",
    }
    .into();
    if let Some(until) = &command.until {
        let keys = || until.keys.iter().map(|key| key.to_string());
        let key = if let [key] = &until.keys[..] { Value::from(&**key) } else { keys().collect() };
        let mut described = match &until.expected {
            Expected::Gone => json!({ "view": until.view, "key": key, "gone": true }),
            Expected::Shown(fields) => {
                let fields: Map<String, Value> =
                    fields.iter().map(|(field, spellings)| (field.clone(), spellings.clone().into())).collect();
                json!({ "view": until.view, "key": key, "shown": fields })
            }
            Expected::Member { member, present } => {
                json!({ "view": until.view, "key": key, "member": &**member, "present": present })
            }
        };
        let wait = Wait::ALL.iter().find(|(_, wait)| *wait == until.wait);
        described["wait"] = wait.map_or("patient", |(name, _)| name).into();
        object["until"] = described;
    }
    object
}

fn command(set: &SpecSet, value: &Value) -> Result<Command, String> {
    let id = value["operation"].as_str().ok_or("it has no `operation`")?;
    let at = set.find(id).ok_or_else(|| format!("the specs have no operation `{id}`"))?;
    let operation = set.operation(at);
    let mut arguments = vec![None; operation.params.len()];
    for (name, value) in value["arguments"].as_object().into_iter().flatten() {
        let param = operation.param(name).ok_or_else(|| format!("`{id}` has no parameter `{name}`"))?;
        arguments[param] = Some(value.clone());
    }
    let creates = value["creates"].as_array().into_iter().flatten();
    Ok(Command {
        operation: at,
        arguments: arguments.into(),
        creates: creates.filter_map(|key| key.as_str()).map(Key::from).collect(),
        caller: caller(set, at, &value["caller"])?,
        until: until(&value["until"], operation.views.len())?,
        purpose: match value["purpose"].as_str() {
            Some("setup") => Purpose::Setup,
            Some("read") => Purpose::Read,
            _ => Purpose::Call,
        },
        lane: lane(&value["lane"])?,
    })
}

fn caller(set: &SpecSet, at: OpRef, value: &Value) -> Result<Caller, String> {
    let Some(name) = value.as_str() else { return Ok(Caller::Main) };
    let caller = Caller::parse(name).ok_or_else(|| format!("no caller is called `{name}`"))?;
    let operation = set.operation(at);
    let is_described = set.service(at).access.iter().any(|access| access.caller == caller);
    if caller.is_authentic() || (operation.is_documented() && is_described) {
        return Ok(caller);
    }
    Err(format!("the specs do not say what `{name}` earns from `{}`", operation.id))
}

fn lane(value: &Value) -> Result<Option<u8>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let lane = value.as_u64().and_then(|lane| u8::try_from(lane).ok());
    lane.map(Some).ok_or_else(|| format!("{value} is no lane; lanes are small numbers"))
}

fn until(value: &Value, n_views: usize) -> Result<Option<Until>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let view = value["view"].as_u64().and_then(|view| usize::try_from(view).ok()).unwrap_or(0);
    if view >= n_views {
        return Err("it waits for a view that the operation no longer has".into());
    }
    let keys: Vec<Key> = match &value["key"] {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(Key::from).collect(),
        key => key.as_str().map(Key::from).into_iter().collect(),
    };
    if keys.is_empty() {
        return Err("`until` has no `key`".into());
    }
    let expected = if let Some(fields) = value["shown"].as_object() {
        let spellings = |value: &Value| {
            value.as_array().into_iter().flatten().filter_map(|text| text.as_str()).map(str::to_owned).collect()
        };
        Expected::Shown(fields.iter().map(|(field, value)| (field.clone(), spellings(value))).collect())
    } else if let Some(member) = value["member"].as_str() {
        Expected::Member { member: member.into(), present: value["present"].as_bool().unwrap_or(true) }
    } else {
        Expected::Gone
    };
    let wait = Wait::ALL.iter().find(|(name, _)| value["wait"] == *name).map_or(Wait::Patient, |(_, wait)| *wait);
    Ok(Some(Until { view, keys, expected, wait }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Script;

    fn check(script: Value, expected: Result<(), &str>) {
        let set = crate::spec::embedded().expect("the embedded specs are sound");
        let read = Script::from_json(&set, &script);
        match (read, expected) {
            (Ok(read), Ok(())) => assert_eq!(Script::from_json(&set, &read.to_json(&set)), Ok(read)),
            (Err(why), Err(expected)) => assert_eq!(why, expected),
            (read, _) => panic!("{script}: {read:?}"),
        }
    }

    #[test]
    fn files_are_read_or_refused_with_the_reason() {
        let delete = json!({ "operation": "ecs/DeleteImage", "arguments": { "ImageId": "$image1" } });
        check(json!([delete]), Ok(()));
        let waits = |key: Value| {
            let until = json!({ "key": key, "gone": true });
            json!([delete, { "operation": "ecs/DescribeImages", "purpose": "read", "until": until }])
        };
        check(waits("$image1".into()), Ok(()));
        check(waits(json!(["$image1", "$image2"])), Ok(()));
        check(waits(json!([])), Err("command 2: `until` has no `key`"));
        check(waits(1.into()), Err("command 2: `until` has no `key`"));
        check(json!({}), Err("the script is not a list of commands"));
        check(json!([{}]), Err("command 1: it has no `operation`"));
        let laned = |lane: Value| json!({ "operation": "ecs/DeleteImage", "arguments": {}, "lane": lane });
        check(json!([delete, laned(json!(1)), laned(json!(2)), delete]), Ok(()));
        check(json!([laned(json!(1)), delete, laned(json!(2))]), Err("command 2 stands between lanes, and has none"));
        check(json!([laned(json!("a"))]), Err("command 1: \"a\" is no lane; lanes are small numbers"));
        check(json!([{ "operation": "ecs/Nothing" }]), Err("command 1: the specs have no operation `ecs/Nothing`"));
        check(
            json!([{ "operation": "ecs/DeleteImage", "arguments": { "Nothing": 1 } }]),
            Err("command 1: `ecs/DeleteImage` has no parameter `Nothing`"),
        );
        check(
            json!([{ "operation": "ecs/DeleteImage", "until": { "key": "$image1" } }]),
            Err("command 1: it waits for a view that the operation no longer has"),
        );
        let by = |operation: &str, caller: &str| json!([{ "operation": operation, "caller": caller }]);
        check(by("ecs/DeleteImage", "restricted"), Ok(()));
        check(by("ecs/DeleteImage", "used-nonce"), Ok(()));
        check(by("ecs/DeleteImage", "nobody"), Err("command 1: no caller is called `nobody`"));
        check(
            by("ecs/DescribeImages", "forged-signature"),
            Err("command 1: the specs do not say what `forged-signature` earns from `ecs/DescribeImages`"),
        );
        check(
            by("cvm/DeleteImages", "used-nonce"),
            Err("command 1: the specs do not say what `used-nonce` earns from `cvm/DeleteImages`"),
        );
        check(json!([delete, { "operation": "ens/DeleteImage" }]), Err("its commands call more than one service"));
    }
}
