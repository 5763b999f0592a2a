//! Values of attributes and arguments as the model sees them.
//!
//! [`Atom`] is small and cheap to copy: texts are shared. Arguments and answers travel as JSON; absent is not null.

use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde_json::{Map, Value};

/// Key of a resource: its handle while planning, its handle while judging, its id inside the mock.
pub type Key = Arc<str>;

/// Place of something that an endpoint must already have: `$given.snapshot`.
pub fn given_place(name: &str) -> Key {
    Key::from(format!("$given.{name}").as_str())
}

/// Whether a key is such a place, and so nothing that a run has made.
pub fn is_given(key: &str) -> bool {
    key.starts_with("$given.")
}

/// Arguments of a call, by parameter; absent is not null. Copies share them until one of them is changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments(Arc<[Option<Value>]>);

impl Deref for Arguments {
    type Target = [Option<Value>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Arguments {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Option<Value>>> for Arguments {
    fn from(arguments: Vec<Option<Value>>) -> Self {
        Self(arguments.into())
    }
}

impl<'a> IntoIterator for &'a Arguments {
    type Item = &'a Option<Value>;
    type IntoIter = std::slice::Iter<'a, Option<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl FromIterator<Option<Value>> for Arguments {
    fn from_iter<I: IntoIterator<Item = Option<Value>>>(arguments: I) -> Self {
        Self(arguments.into_iter().collect())
    }
}

/// A value that conditions compute with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Atom {
    /// Absent.
    #[default]
    None,
    Bool(bool),
    Integer(i64),
    Text(Arc<str>),
    /// Members in order, without repetition.
    Set(Vec<Arc<str>>),
    /// Another resource.
    Ref(Key),
}

impl Atom {
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// What counts as true in a condition: `true`, and anything that is there and not empty or zero.
    pub fn truth(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Integer(number) => *number != 0,
            Self::Text(text) => !text.is_empty(),
            Self::Set(members) => !members.is_empty(),
            Self::Ref(_) => true,
        }
    }

    /// The value as an argument that travels: texts that spell a boolean are kept as texts.
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => number.as_i64().map_or_else(|| Self::text(&number.to_string()), Self::Integer),
            Value::String(text) => Self::text(text),
            Value::Array(list) => Self::Set(list.iter().map(|element| Arc::from(&*as_text(element))).collect()),
            Value::Object(_) => Self::text(&value.to_string()),
        }
    }

    /// The value in words.
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Ref(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// The value in an answer.
    pub fn to_json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Integer(number) => Value::from(*number),
            Self::Text(text) | Self::Ref(text) => Value::String(text.to_string()),
            Self::Set(members) => {
                Value::Array(members.iter().map(|member| Value::String(member.to_string())).collect())
            }
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => out.write_str("none"),
            Self::Bool(flag) => write!(out, "{flag}"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Text(text) | Self::Ref(text) => out.write_str(text),
            Self::Set(members) => write!(out, "{{{}}}", members.join(", ")),
        }
    }
}

/// A scalar as plain text, without quotes.
pub fn plain(value: &Value) -> String {
    as_text(value).into_owned()
}

/// The same, borrowed where the value is a text.
pub fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

/// The value at a path of dot-separated names; numbers are positions in lists.
pub fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(value, |value, part| match value {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

/// The same in the fields of an answer.
pub fn field_at<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    at_path(fields.get(first)?, rest)
}
