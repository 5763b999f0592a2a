//! What a call must be like to pass, as a pure function.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    budget::Budget,
    ledger::Ledger,
    names::{is_pattern, named},
    reads::is_read,
};
use crate::{
    endpoint::Call,
    execute::Givens,
    spec::{
        Operation, Service, SpecSet,
        operation::{Action, Param, ParamType},
    },
};

/// Who may be asked about other people's things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Probes {
    /// Nobody's are named.
    Off,
    /// In dry runs only.
    #[default]
    DryRun,
    /// Freely: the endpoint is a mock of ours, and there is nobody else.
    Free,
}

/// What a run may do.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub givens: Givens,
    pub probes: Probes,
    pub budget: Budget,
    /// How long to wait at most for what a case left to be gone.
    pub patience_ms: u64,
}

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It changes nothing.
    Read,
    /// It may pass once none of these ids, each with its kind, is there.
    Change(BTreeSet<(usize, String)>),
    /// It is not sent.
    Held(String),
}

/// Judges a call, whoever made it and whoever sends it.
pub fn ruling(set: &SpecSet, call: &Call, rules: &Rules, ledger: &Ledger) -> Ruling {
    let operation = set.operation(call.operation);
    if is_read(operation) {
        return Ruling::Read;
    }
    match change(set, call, operation, rules, ledger) {
        Ok(unknown) => Ruling::Change(unknown),
        Err(reason) => Ruling::Held(reason),
    }
}

fn change(
    set: &SpecSet,
    call: &Call,
    operation: &Operation,
    rules: &Rules,
    ledger: &Ledger,
) -> Result<BTreeSet<(usize, String)>, String> {
    let service = set.service(call.operation);
    if call.arguments.len() != operation.params.len() {
        return Err("its arguments are not those of the operation".into());
    }
    let run = ledger.run();
    let probes = probes_of(call, service, operation, rules);
    let mut unknown = BTreeSet::new();
    for (param, value) in operation.params.iter().zip(&call.arguments) {
        let Some(value) = value else { continue };
        let names = named(value);
        let Some(binding) = param.binding else {
            let allowed =
                Allowed { service, service_index: call.operation.service, operation, rules, ledger, run: &run };
            allowed.beside(param, value)?;
            continue;
        };
        let kind = operation.bindings[binding].kind;
        for id in names {
            if ledger.owns(&service.name, &id) {
                continue;
            }
            if probes.contains(&id) {
                continue;
            }
            // No read need show what is known to be somebody else's.
            if is_foreign(&id, service, call.operation.service, rules) {
                return Err(format!("`{}` is somebody else's, and this is no dry run", short(&id)));
            }
            if is_pattern(&id) {
                return Err(format!("`{}` may stand for things that the run did not make", short(&id)));
            }
            unknown.insert((kind, id));
        }
    }
    let creates = || operation.effects.iter().any(|effect| matches!(effect.action, Action::Create { .. }));
    if creates()
        && let Some(number) = numbers(call).into_iter().find(|number| !constant_numbers(operation).contains(number))
    {
        return Err(format!(
            "{number} is no number that the spec has for {}: it may make more than one",
            operation.name
        ));
    }
    if creates() && !is_marked(call, operation, &run) {
        return Err("what it creates would not carry the run's name".into());
    }
    if let Some(param) = operation.switched(&call.arguments, |param| param.takes_along) {
        return Err(format!("with `{}`, it may remove things that the run did not make", param.name));
    }
    if operation.paid && !rules.budget.paid {
        return Err(format!("{} costs money, to which nobody agreed", operation.name));
    }
    Ok(unknown)
}

/// Ids of other people's things that this call may name.
fn probes_of(call: &Call, service: &Service, operation: &Operation, rules: &Rules) -> BTreeSet<String> {
    let allowed = match rules.probes {
        Probes::Off => false,
        Probes::DryRun => call.caller.is_authentic() && operation.is_dry(&call.arguments),
        Probes::Free => true,
    };
    let probes = service.givens.iter().filter(|given| allowed && given.probe);
    probes.filter_map(|given| rules.givens.get(call.operation.service, &given.name)).map(str::to_owned).collect()
}

/// It is given as somebody else's.
fn is_foreign(id: &str, service: &Service, index: usize, rules: &Rules) -> bool {
    let probes = service.givens.iter().filter(|given| given.probe);
    let mut values = probes.filter_map(|given| rules.givens.get(index, &given.name));
    values.any(|value| value.eq_ignore_ascii_case(id))
}

/// A name or a tag says whose it is.
fn is_marked(call: &Call, operation: &Operation, run: &str) -> bool {
    let mut params = operation.params.iter().enumerate().zip(&call.arguments);
    params.any(|((index, param), value)| {
        param.binding.is_none()
            && operation.token != Some(index)
            && value.as_ref().is_some_and(|value| texts(value).iter().any(|text| is_of_run(text, run)))
    })
}

/// The run's name, or a name that begins with it.
pub fn is_of_run(text: &str, run: &str) -> bool {
    !run.is_empty() && text.strip_prefix(run).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Name that a call gives to what it creates.
pub fn name_in(call: &Call, operation: &Operation, run: &str) -> Option<String> {
    let params = operation.params.iter().enumerate().zip(&call.arguments);
    let mut named = params.filter(|((index, _), _)| operation.token != Some(*index));
    let prefix = format!("{run}-");
    named.find_map(|(_, value)| {
        let text = value.as_ref()?.as_str()?;
        text.starts_with(&prefix).then(|| text.to_owned())
    })
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Every key of an object in a value.
fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().flat_map(keys).collect(),
        Value::Object(map) => map.iter().flat_map(|(key, value)| [vec![key.as_str()], keys(value)].concat()).collect(),
        _ => Vec::new(),
    }
}

/// What parameters may hold that name no resource as far as the spec knows. Yet a service may take any text for an id, so
/// that only what is known to be harmless passes.
struct Allowed<'a> {
    service: &'a Service,
    service_index: usize,
    operation: &'a Operation,
    rules: &'a Rules,
    ledger: &'a Ledger,
    run: &'a str,
}

impl Allowed<'_> {
    fn beside(&self, param: &Param, value: &Value) -> Result<(), String> {
        let constants = self.constants();
        let members: BTreeSet<&str> = all_params(&param.members).iter().map(|member| member.name.as_str()).collect();
        if let Some(key) = keys(value).into_iter().find(|key| !members.contains(key)) {
            return Err(format!("{} has no member {}", param.name, short(key)));
        }
        let all = texts(value);
        let mut strange = all.into_iter().filter(|text| {
            let known = text.is_empty()
                || constants.contains(text)
                || is_of_run(text, self.run)
                || self.is_given(text)
                // Regions that nobody has are named after the suite.
                || (param.region && text.starts_with(SUITE))
                || self.ledger.owns(&self.service.name, text)
                || (matches!(param.kind, ParamType::Boolean | ParamType::Integer)
                    && text.chars().all(|letter| letter.is_ascii_alphabetic()));
            !known
        });
        match strange.next() {
            None => Ok(()),
            Some(text) => Err(format!("{}={} may name what the run did not make", param.name, short(text))),
        }
    }

    /// Given things that are there to be used; other people's are not.
    fn is_given(&self, text: &str) -> bool {
        let usable = self.service.givens.iter().filter(|given| !given.probe);
        usable.filter_map(|given| self.rules.givens.get(self.service_index, &given.name)).any(|value| value == text)
    }

    /// Texts that the spec itself has for parameters of the operation.
    fn constants(&self) -> BTreeSet<&str> {
        let params = all_params(&self.operation.params);
        let of_params = params.iter().flat_map(|param| {
            param.value.iter().chain(&param.default).flat_map(texts).chain(param.words.iter().map(String::as_str))
        });
        let of_uses = self.operation.uses.iter().flat_map(|way| &way.arguments).flat_map(|(_, value)| texts(value));
        let templates = self.service.kinds.iter().flat_map(|kind| kind.remove.iter().chain(&kind.stop));
        let of_templates = templates
            .filter(|template| template.operation == self.operation.name)
            .flat_map(|template| &template.arguments)
            .flat_map(|(_, value)| texts(value));
        of_params.chain(of_uses).chain(of_templates).filter(|text| !text.starts_with('$')).collect()
    }
}

/// Numbers that a call holds.
fn numbers(call: &Call) -> Vec<String> {
    call.arguments.iter().flatten().flat_map(numbers_in).collect()
}

/// Numbers that the spec has for the parameters of an operation.
fn constant_numbers(operation: &Operation) -> BTreeSet<String> {
    let params = all_params(&operation.params);
    params.iter().flat_map(|param| param.value.iter().chain(&param.default)).flat_map(numbers_in).collect()
}

fn numbers_in(value: &Value) -> Vec<String> {
    match value {
        Value::Number(number) => vec![number.to_string()],
        Value::Array(list) => list.iter().flat_map(numbers_in).collect(),
        Value::Object(map) => map.values().flat_map(numbers_in).collect(),
        _ => Vec::new(),
    }
}

fn all_params(params: &[Param]) -> Vec<&Param> {
    params.iter().flat_map(|param| std::iter::once(param).chain(all_params(&param.members))).collect()
}

/// How what the suite makes up begins.
const SUITE: &str = "aswritten-";

fn short(text: &str) -> String {
    if text.chars().count() > 40 { format!("{}…", text.chars().take(40).collect::<String>()) } else { text.into() }
}
