//! Kinds of resources, and what an endpoint must already have.

use std::sync::Arc;

use regex_lite::Regex;
use serde_json::Value;

use super::expression::Expr;
use crate::value::Atom;

/// A kind of resource.
#[derive(Debug, Clone)]
pub struct ResourceKind {
    pub name: String,
    /// Regular expression from which ids are made.
    pub id: String,
    /// The same, anchored, to recognise one.
    pub exact: Option<Regex>,
    /// Ids outside it are malformed.
    pub shape: Option<Regex>,
    pub scope: Scope,
    pub attributes: Vec<Attribute>,
    pub derived: Vec<Derived>,
    /// Calls that remove one.
    pub remove: Vec<Template>,
    /// Calls that end one that is under way.
    pub stop: Vec<Template>,
}

impl ResourceKind {
    /// Some call removes one. What no call removes, such as a task, is a record of what was done.
    pub fn is_removable(&self) -> bool {
        !self.remove.is_empty()
    }
}

/// Where an id of a kind is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Region,
    Account,
}

#[derive(Debug, Clone)]
pub struct Attribute {
    pub name: String,
    pub kind: AttributeType,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AttributeType {
    /// One of these words; the first is the default.
    Word(Vec<Arc<str>>),
    Boolean,
    Text,
    Set,
    /// A reference to a resource of this kind.
    Resource(String),
}

impl AttributeType {
    /// Value of a fresh resource.
    pub fn initial(&self) -> Atom {
        match self {
            Self::Word(words) => words.first().cloned().map_or(Atom::None, Atom::Text),
            Self::Boolean => Atom::Bool(false),
            Self::Set => Atom::Set(Vec::new()),
            Self::Text | Self::Resource(_) => Atom::None,
        }
    }
}

/// An attribute computed from others.
#[derive(Debug, Clone)]
pub struct Derived {
    pub name: String,
    pub expr: Expr,
}

/// A call with places to fill: `$given.x`, `$region`, `$name`, `$self`.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub operation: String,
    /// Only after a script that called the operation.
    pub undo: bool,
    pub arguments: Vec<(String, Value)>,
}

/// A thing that the endpoint must have before a run.
#[derive(Debug, Clone)]
pub struct Given {
    pub name: String,
    /// Value on the mock.
    pub default: String,
    pub text: String,
    /// Kind of resource that it is an id of, and its attributes.
    pub resource: Option<(usize, Vec<(usize, Atom)>)>,
    /// Someone else's: calls name it only where it is known to exist.
    pub probe: bool,
    /// The default is there on the real service as well.
    pub real: bool,
    pub discover: Option<Template>,
}
