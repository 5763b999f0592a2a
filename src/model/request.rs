//! A call as the model sees it: arguments by parameter, and the resources that they name.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::state::{State, TokenUse};
pub use crate::spec::Caller;
use crate::{
    spec::{Operation, Service, SpecSet, operation::ParamType, resource::ResourceKind, service::OpRef},
    value::{Arguments, Key, as_text},
};

/// A call. Ids of resources are keys of the state that it meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub operation: OpRef,
    /// By parameter; absent is not null.
    pub arguments: Arguments,
    /// By binding: the resources that the call names, in order.
    pub targets: Vec<Vec<Key>>,
    pub region: Arc<str>,
    pub caller: Caller,
    /// Keys for what the call creates, in the order of the effects.
    pub created: Vec<Key>,
    /// Other work was under way on a resource that it names.
    pub overlapped: bool,
    pub(super) shapes: Shapes,
}

/// What the ids look like that a call names, by binding: recognised when someone asks, and only once.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes(OnceLock<Vec<Vec<Shape>>>);

impl PartialEq for Shapes {
    /// Equal ids look the same, whether someone has asked or not.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Request {
    /// A call with its targets worked out.
    ///
    /// `home` is the region of calls that say none.
    pub fn new(
        set: &SpecSet,
        operation: OpRef,
        arguments: Arguments,
        caller: Caller,
        created: Vec<Key>,
        home: &Arc<str>,
    ) -> Self {
        let described = set.operation(operation);
        let targets: Vec<Vec<Key>> = described
            .bindings
            .iter()
            .map(|binding| {
                let kind = described.params[binding.param].kind;
                arguments
                    .get(binding.param)
                    .and_then(Option::as_ref)
                    .map(|value| named(kind, value))
                    .unwrap_or_default()
            })
            .collect();
        let region = described
            .region
            .and_then(|param| arguments.get(param)?.as_ref())
            .map_or_else(|| home.clone(), |value| shared(value, home));
        Self { operation, arguments, targets, region, caller, created, overlapped: false, shapes: Shapes::default() }
    }

    /// The same call as if it named these resources.
    #[must_use]
    pub fn naming(&self, binding: usize, keys: Vec<Key>) -> Self {
        let mut other = Self { shapes: Shapes::default(), ..self.clone() };
        other.targets[binding] = keys;
        other
    }

    pub fn argument(&self, param: usize) -> Option<&Value> {
        self.arguments.get(param)?.as_ref()
    }

    /// What a named id looks like.
    pub fn shape(&self, service: &Service, operation: &Operation, binding: usize, index: usize) -> Shape {
        let shapes = self.shapes.0.get_or_init(|| {
            let bindings = operation.bindings.iter().zip(&self.targets);
            let of = |kind: usize, keys: &[Key]| keys.iter().map(|key| shape(&service.kinds[kind], key)).collect();
            bindings.map(|(binding, keys)| of(binding.kind, keys)).collect()
        });
        shapes.get(binding).and_then(|shapes| shapes.get(index)).copied().unwrap_or(Shape::PLACE)
    }

    /// Value of the idempotency token.
    pub fn token(&self, operation: &Operation) -> Option<Arc<str>> {
        self.argument(operation.token?).map(|value| Arc::from(&*as_text(value)))
    }

    /// When its token was used before for the same, as far as a state knows.
    pub fn used_before<'s>(&self, operation: &Operation, state: &'s State) -> impl Iterator<Item = &'s TokenUse> {
        let own = self.token(operation).map(|token| (token, self.fingerprint(operation)));
        let is_own = move |used: &&TokenUse| {
            own.as_ref().is_some_and(|(token, arguments)| used.token == *token && used.arguments == *arguments)
        };
        state.tokens.iter().filter(is_own)
    }

    /// It names several resources in one list.
    pub fn is_batch(&self) -> bool {
        self.targets.iter().any(|keys| keys.len() > 1)
    }

    /// All arguments but the token, spelled out: equal for equal calls.
    pub fn fingerprint(&self, operation: &Operation) -> Arc<str> {
        let mut text = String::new();
        for (index, value) in self.arguments.iter().enumerate() {
            if let (Some(value), true) = (value, operation.token != Some(index)) {
                text.push_str(&operation.params[index].name);
                text.push('=');
                text.push_str(&value.to_string());
                text.push(';');
            }
        }
        text.into()
    }
}

/// A region that is asked for: what most calls name is the same text wherever it is.
fn shared(region: &Value, home: &Arc<str>) -> Arc<str> {
    let text = as_text(region);
    if *text == **home { home.clone() } else { Arc::from(&*text) }
}

/// What an id looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// It has the shape of ids.
    pub proper: bool,
    /// It is exactly like those that were seen.
    pub exact: bool,
}

impl Shape {
    /// Places always look right.
    const PLACE: Self = Self { proper: true, exact: true };
}

/// What an id of a kind looks like. Where places are joined, it looks like none.
fn shape(kind: &ResourceKind, key: &str) -> Shape {
    if key.starts_with('$') {
        return if key.contains(',') { Shape { proper: false, exact: false } } else { Shape::PLACE };
    }
    let fits = |pattern: &Option<regex_lite::Regex>| pattern.as_ref().is_none_or(|pattern| pattern.is_match(key));
    let exact = fits(&kind.exact);
    // What is exactly like those that were seen has their shape as well.
    Shape { proper: exact || fits(&kind.shape), exact }
}

/// Ids in an argument. A text where a list belongs may hold several, separated by commas.
fn named(kind: ParamType, value: &Value) -> Vec<Key> {
    match value {
        Value::String(text) if kind == ParamType::Texts => {
            text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(Arc::from).collect()
        }
        Value::Array(list) => list.iter().map(|element| Arc::from(&*as_text(element))).collect(),
        Value::Null => Vec::new(),
        other => vec![Arc::from(&*as_text(other))],
    }
}

/// Whether a value is of a parameter's type, as far as the model distinguishes.
pub fn fits(kind: ParamType, value: &Value) -> bool {
    match kind {
        ParamType::Text => value.is_string(),
        ParamType::Integer => value.is_i64() || value.is_u64(),
        ParamType::Boolean => value.is_boolean(),
        ParamType::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        ParamType::Objects => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
    }
}
