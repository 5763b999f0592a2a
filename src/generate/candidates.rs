//! Calls of a documented operation that are worth trying in a state, simple ones first.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    model::{Caller, State},
    sequence::{Command, Purpose, command::HOME},
    spec::{Operation, SpecSet, id::mint, operation::ParamType, resource::ResourceKind, service::OpRef},
    value::{Atom, Key, is_given},
};

/// A region that no cloud has.
pub const NOWHERE: &str = "aswritten-nowhere";
/// Ids that cannot be ids: spaces, letters of other scripts, reserved characters, nothing at all.
pub const MALFORMED: &[&str] = &["not an id", "m-测试 a+b*c~d/e&f=g%h'(!)é", "../", "<id>&"];
/// Lists that are longer are tried by themselves only.
const LONG: usize = 4;

/// What the candidates may name.
pub struct Surroundings<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    pub state: &'a State,
    /// Probes (other people's resources) that may be named.
    pub probes: &'a [Key],
    /// Those that may be named in a batch with something that the run made.
    pub mixed: &'a [Key],
    /// Chooses unknown ids.
    pub seed: u64,
    /// Also what is wrong in ways that do not depend on the state: strange ids, regions, types.
    pub all: bool,
}

/// Candidates that are not spelled out yet: whoever needs only one of them need not spell out the others.
pub struct Drafts {
    bases: Vec<Command>,
    drafts: Vec<Draft>,
}

/// A call as it differs from another.
struct Draft {
    base: usize,
    caller: Caller,
    /// Values of parameters.
    values: Vec<(usize, Option<Value>)>,
}

impl Drafts {
    /// The position of each, with whoever sends it.
    pub fn callers(&self) -> impl Iterator<Item = (usize, Caller)> {
        self.drafts.iter().map(|draft| draft.caller).enumerate()
    }

    pub fn spelled(&self, index: usize) -> Command {
        let Draft { base, caller, values } = &self.drafts[index];
        let mut command = Command { caller: *caller, ..self.bases[*base].clone() };
        values.iter().for_each(|(param, value)| command.arguments[*param] = value.clone());
        command
    }
}

impl Surroundings<'_> {
    fn operation(&self) -> &Operation {
        self.set.operation(self.at)
    }

    fn kind(&self, param: usize) -> Option<(usize, &ResourceKind)> {
        let binding = self.operation().params[param].binding?;
        let kind = self.operation().bindings[binding].kind;
        Some((kind, &self.set.service(self.at).kinds[kind]))
    }

    /// Keys of a kind: those the run made, then probes.
    fn keys(&self, kind: usize) -> Vec<Key> {
        let of_kind = |key: &&Key| self.state.resources.get(key).is_some_and(|found| found.kind == kind);
        let own = self.state.resources.keys().filter(|key| !is_given(key)).filter(of_kind);
        own.chain(self.probes.iter().filter(of_kind)).cloned().collect()
    }

    fn unknown(&self, kind: &ResourceKind, number: u64) -> String {
        mint(&kind.id, self.seed.wrapping_mul(1009).wrapping_add(number))
    }

    /// Every candidate call.
    pub fn calls(&self) -> Vec<Command> {
        let drafts = self.drafts();
        (0..drafts.drafts.len()).map(|index| drafts.spelled(index)).collect()
    }

    pub fn drafts(&self) -> Drafts {
        let operation = self.operation();
        let main = operation.params.iter().position(|param| param.binding.is_some());
        let mut bases = vec![self.base()];
        if let Some(main) = main {
            let values = self.named(main);
            bases = values
                .into_iter()
                .map(|value| {
                    let mut command = self.base();
                    self.follow(&mut command, value.as_ref());
                    command.arguments[main] = value;
                    command
                })
                .collect();
        }
        let draft = |base, values| Draft { base, caller: Caller::Main, values };
        let mut drafts: Vec<Draft> = (0..bases.len()).map(|base| draft(base, Vec::new())).collect();
        let others: Vec<usize> = (0..operation.params.len()).filter(|param| Some(*param) != main).collect();
        let is_long = |base: &Command| {
            base.arguments.iter().flatten().any(|value| value.as_array().is_some_and(|list| list.len() > LONG))
        };
        // What a batch does hardly depends on the other arguments; one resource shows that as well.
        let is_batch = |base: &Command| {
            base.arguments.iter().flatten().any(|value| value.as_array().is_some_and(|list| list.len() > 1))
        };
        let values: Vec<_> = others.iter().map(|param| self.values(*param)).collect();
        let is_varied = |base: &Command| !is_long(base) && (self.all || !is_batch(base));
        for (base, _) in bases.iter().enumerate().filter(|(_, base)| is_varied(base)) {
            for (position, param) in others.iter().enumerate() {
                for value in &values[position] {
                    let one = (*param, value.clone());
                    for other in &others[position + 1..] {
                        let both = &operation.params[*other];
                        if both.kind == ParamType::Boolean && !both.takes_along && *value == Some(Value::Bool(true)) {
                            drafts.push(draft(base, vec![one.clone(), (*other, value.clone())]));
                        }
                    }
                    drafts.push(draft(base, vec![one]));
                }
            }
            if self.all {
                // A switch excuses nothing that is wrong with the region.
                let is_switch = |param: &&usize| {
                    let described = &operation.params[**param];
                    described.kind == ParamType::Boolean && !described.takes_along
                };
                for region in others.iter().filter(|param| operation.params[**param].region) {
                    let wrong = self.values(*region);
                    let both = |switch, value: &Option<Value>| {
                        draft(base, vec![(*region, value.clone()), (switch, Some(true.into()))])
                    };
                    let switches = others.iter().filter(is_switch);
                    drafts.extend(switches.flat_map(|switch| wrong.iter().map(move |value| both(*switch, value))));
                }
                drafts.push(Draft { caller: Caller::Restricted, ..draft(base, Vec::new()) });
            }
        }
        if self.all {
            let as_is: Vec<Command> =
                main.into_iter().flat_map(|main| self.mixed(main)).chain(self.impostors()).collect();
            let of = |(index, command): (usize, &Command)| Draft { caller: command.caller, ..draft(index, Vec::new()) };
            drafts.extend((bases.len()..).zip(&as_is).map(of));
            bases.extend(as_is);
        }
        Drafts { bases, drafts }
    }

    /// Batches of something that the run made, and of an id that is none or belongs to someone else, in both orders: whoever
    /// looks at one of them only answers otherwise.
    fn mixed(&self, main: usize) -> Vec<Command> {
        let Some((kind, _)) = self.kind(main).filter(|_| self.operation().params[main].kind == ParamType::Texts) else {
            return Vec::new();
        };
        let of_kind = |key: &&Key| self.state.resources.get(key).is_some_and(|found| found.kind == kind);
        let others = self.mixed.iter().filter(of_kind).map(|key| &**key);
        let own = self.keys(kind).into_iter().find(|key| !is_given(key));
        let strange = MALFORMED.iter().take(1).copied().chain(others);
        let pairs = own.iter().flat_map(|own| strange.clone().flat_map(move |id| [[&**own, id], [id, &**own]]));
        let named = pairs.map(|pair| {
            let mut command = self.base();
            self.follow(&mut command, own.as_ref().map(|key| key.to_string().into()).as_ref());
            command.arguments[main] = Some(pair.into_iter().map(Value::from).collect());
            command
        });
        named.collect()
    }

    /// Calls that do not prove who sends them. Should one be carried out all the same, it costs nobody anything: it names
    /// an id that does not exist, or, where the run has made something, that; never what belongs to someone else.
    fn impostors(&self) -> Vec<Command> {
        let operation = self.operation();
        let mut command = self.base();
        let mut made = self.state.resources.keys().filter(|key| !is_given(key)).peekable();
        let is_first = made.peek().is_none();
        if let Some(main) = operation.params.iter().position(|param| param.binding.is_some())
            && let Some((kind, described)) = self.kind(main)
        {
            let id = if is_first {
                self.unknown(described, 1)
            } else {
                let is_idle = |key: &&Key| {
                    let found = self.state.living(key).is_some_and(|found| found.kind == kind);
                    found && !self.state.pending.iter().any(|pending| pending.key == **key)
                };
                // What is still under way may block the call, which then proves less.
                let Some(key) = made.find(is_idle) else { return Vec::new() };
                key.to_string()
            };
            let is_list = operation.params[main].kind == ParamType::Texts;
            let value = if is_list { Value::Array(vec![id.into()]) } else { id.into() };
            self.follow(&mut command, Some(&value));
            command.arguments[main] = Some(value);
        }
        let callers = self.set.service(self.at).access.iter().map(|access| access.caller);
        // A script that begins with a used nonce would depend on what others have sent.
        callers
            .filter(|caller| !is_first || *caller != Caller::Replayed)
            .map(|caller| Command { caller, ..command.clone() })
            .collect()
    }

    /// The call with nothing but what it must have.
    fn base(&self) -> Command {
        let operation = self.operation();
        let arguments = operation
            .params
            .iter()
            .map(|param| {
                if param.region {
                    return Some(Value::String(HOME.into()));
                }
                param.value.clone()
            })
            .collect();
        Command {
            operation: self.at,
            arguments,
            creates: Vec::new(),
            caller: Caller::Main,
            until: None,
            purpose: Purpose::Call,
            lane: None,
        }
    }

    /// A call is made in the region of what it names.
    fn follow(&self, command: &mut Command, value: Option<&Value>) {
        let first = match value {
            Some(Value::Array(list)) => list.first().and_then(Value::as_str),
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let found = first.and_then(|key| self.state.living(key));
        if let (Some(found), Some(region)) = (found, self.operation().region) {
            command.arguments[region] = Some(Value::String(found.region.to_string()));
        }
    }

    /// Values of the parameter that names resources.
    fn named(&self, param: usize) -> Vec<Option<Value>> {
        let Some((kind, described)) = self.kind(param) else { return vec![None] };
        let keys = self.keys(kind);
        let text = |text: &str| Value::String(text.into());
        let unknown = |number| Value::String(self.unknown(described, number));
        let odd = format!("{}a", self.unknown(described, 7));
        let singles: Vec<Value> = keys.iter().filter(|key| !is_given(key)).map(|key| text(key)).collect();
        let others: Vec<Value> = keys.iter().filter(|key| is_given(key)).map(|key| text(key)).collect();
        if !self.all && self.operation().params[param].kind == ParamType::Text {
            return singles.into_iter().map(Some).collect();
        }
        let strange: Vec<Value> = MALFORMED.iter().map(|id| text(id)).chain([text(&odd), text("")]).collect();
        if self.operation().params[param].kind == ParamType::Text {
            let pairs = singles.iter().take(2).map(|first| joined(first, &unknown(8)));
            let unknown_pair = Value::String(format!("{},{}", self.unknown(described, 1), self.unknown(described, 2)));
            let all =
                singles.iter().cloned().chain([unknown(1), unknown_pair]).chain(strange).chain(pairs).chain(others);
            return all.map(Some).chain([None]).collect();
        }
        let list = |list: Vec<Value>| Some(Value::Array(list));
        let mut values: Vec<Option<Value>> = singles.iter().map(|single| list(vec![single.clone()])).collect();
        values.push(list(vec![unknown(1)]));
        for (position, first) in singles.iter().enumerate() {
            for second in &singles[position + 1..] {
                values.push(list(vec![first.clone(), second.clone()]));
                values.push(list(vec![second.clone(), first.clone()]));
            }
            values.push(list(vec![first.clone(), unknown(1)]));
            values.push(list(vec![unknown(1), first.clone()]));
            values.push(list(vec![first.clone(), first.clone()]));
        }
        if let [first, second, ..] = singles.as_slice() {
            values.push(Some(joined(first, second)));
        }
        if !self.all {
            return values;
        }
        if let [first, second, ..] = singles.as_slice() {
            values.push(list(vec![first.clone(), unknown(1), second.clone()]));
        }
        values.extend(strange.into_iter().map(|id| list(vec![id])));
        values.push(list(vec![unknown(1), unknown(1)]));
        values.push(list(Vec::new()));
        // One text where a list belongs.
        values.push(Some(text("")));
        values.push(Some(unknown(1)));
        values.push(Some(Value::String(format!("{},{}", self.unknown(described, 1), self.unknown(described, 2)))));
        values.extend(singles.iter().take(2).cloned().map(Some));
        values.extend(singles.first().map(|first| Some(joined(first, &unknown(2)))));
        let limit = self.operation().params[param].max_count;
        for count in limit.into_iter().flat_map(|limit| [limit, limit + 1]).chain([101]) {
            values.push(list((0..count as u64).map(unknown).collect()));
        }
        if let Some(first) = singles.first() {
            let limit = limit.unwrap_or(100) as u64;
            values.push(list(std::iter::once(first.clone()).chain((0..limit).map(unknown)).collect()));
        }
        values.push(None);
        values.extend(others.into_iter().map(|other| list(vec![other])));
        values
    }

    /// Other values of the other parameters.
    fn values(&self, param: usize) -> Vec<Option<Value>> {
        let operation = self.operation();
        let described = &operation.params[param];
        let text = |text: &str| Some(Value::String(text.into()));
        let mut values = Vec::new();
        if !self.all && (described.region || described.kind != ParamType::Boolean) && operation.token != Some(param) {
            return values;
        }
        if described.region {
            values.push(None);
            values.extend(self.state.regions.iter().filter(|region| &***region != HOME).map(|region| text(region)));
            values.push(text(NOWHERE));
            return values;
        }
        if operation.token == Some(param) {
            // The first is fresh, or one that was used before; the second is another.
            values.push(text("$token1"));
            values.push(text("$token2"));
            for length in described.max_length.into_iter().flat_map(|limit| [limit, limit + 1]) {
                values.push(Some(longest(true, length)));
            }
            if described.ascii {
                values.push(text("$token3~测试é"));
            }
            return values;
        }
        match described.kind {
            ParamType::Boolean if described.takes_along => values.push(Some(Value::Bool(false))),
            ParamType::Boolean => {
                values.extend([Some(Value::Bool(true)), Some(Value::Bool(false))]);
                if self.all {
                    values.extend([text("maybe"), text("True"), text("False")]);
                }
            }
            ParamType::Text => {
                values.push(described.value.as_ref().map_or_else(|| text("x"), |_| None));
                values.push(text(""));
                values.extend(described.max_length.map(|limit| Some(longest(false, limit + 1))));
            }
            ParamType::Integer => values.extend([Some(Value::from(1)), text("many")]),
            ParamType::Texts | ParamType::Objects => {}
        }
        values
    }
}

/// A text of exactly so many characters. That of a token is as long as the place that it fills.
pub fn longest(is_token: bool, length: usize) -> Value {
    Value::String(if is_token { format!("{:=<length$}", "$token3") } else { "x".repeat(length) })
}

fn joined(first: &Value, second: &Value) -> Value {
    Value::String(format!("{},{}", first.as_str().unwrap_or_default(), second.as_str().unwrap_or_default()))
}

/// Value of the reference that an attribute holds.
pub fn reference(atom: &Atom) -> Option<&Arc<str>> {
    match atom {
        Atom::Ref(key) => Some(key),
        _ => None,
    }
}
