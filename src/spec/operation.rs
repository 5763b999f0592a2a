//! An operation, checked: every name is an index, every rule has its requirement.

use std::sync::Arc;

use serde_json::Value;

use super::{
    expression::{Comparison, Expr},
    rate::Rate,
    requirement::Requirement,
    resource::Template,
    source::Span,
};
use crate::value::{Arguments, Atom};

/// One operation of one edition of its document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `ecs/DeleteImage`, `ecs/DeleteImage@legacy`.
    pub id: String,
    /// Action on the wire.
    pub name: String,
    pub edition: Option<String>,
    pub role: Role,
    pub summary: String,
    pub document: Document,
    pub span: Span,
    pub params: Vec<Param>,
    /// Parameters that the protocol sends by itself; they are shown, and never varied.
    pub carried: Vec<Param>,
    pub fields: Vec<Field>,
    /// Resources that the call names; variables 0… of its conditions. Created resources follow.
    pub bindings: Vec<Binding>,
    pub rows: Vec<Row>,
    pub overrides: Vec<Override>,
    pub questions: Vec<Question>,
    pub promises: Vec<Promise>,
    /// What holds of calls that overlap, with the requirements.
    pub laws: Vec<(Law, usize)>,
    pub effects: Vec<Effect>,
    pub views: Vec<View>,
    pub uses: Vec<Use>,
    /// Parameter that is the idempotency token.
    pub token: Option<usize>,
    /// Parameter that is the region.
    pub region: Option<usize>,
    pub requirements: Vec<Requirement>,
    /// Requirements that every operation has, by index.
    pub basics: Option<Basics>,
    /// It costs money: called on a real account by consent only.
    pub paid: bool,
    /// Most calls that are documented.
    pub rate: Option<Rate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Judged.
    Documented,
    /// Used to reach and to observe states; its refusals cost coverage only.
    Companion,
}

#[derive(Debug, Clone)]
pub struct Document {
    pub title: String,
    pub updated: String,
    pub page: String,
}

/// Requirements that follow for every documented operation.
#[derive(Debug, Clone, Copy)]
pub struct Basics {
    /// A call that nothing forbids succeeds.
    pub success: usize,
    /// What a success says is then shown by reads.
    pub effect: usize,
    /// A refused call changes nothing.
    pub unchanged: usize,
    /// Nothing else changes.
    pub others: usize,
}

#[derive(Debug, Clone)]
pub struct Param {
    pub name: String,
    pub kind: ParamType,
    pub spelling: Spelling,
    pub members: Vec<Param>,
    pub header: bool,
    pub required: bool,
    pub default: Option<Value>,
    /// Binding that the value names.
    pub binding: Option<usize>,
    pub region: bool,
    /// The call changes nothing when it is true.
    pub dry: bool,
    /// The call removes things that the suite did not make when it is true.
    pub takes_along: bool,
    pub words: Vec<String>,
    pub max_length: Option<usize>,
    pub max_count: Option<usize>,
    pub ascii: bool,
    /// What the suite sends when nothing else is asked.
    pub value: Option<Value>,
    pub text: String,
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    Text,
    Integer,
    Boolean,
    Texts,
    Objects,
}

impl Param {
    /// The suite may turn it on: a call that it is a part of does something, and to nothing but what the suite made.
    pub fn is_switch(&self) -> bool {
        self.kind == ParamType::Boolean && !self.dry && !self.takes_along
    }
}

impl ParamType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Texts => "texts",
            Self::Objects => "objects",
        }
    }
}

/// How a list travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As the protocol spells lists.
    Native,
    /// One text with a JSON array.
    Json,
    /// One text, joined by commas.
    Comma,
}

/// A resource that a call names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub name: String,
    pub kind: usize,
    pub param: usize,
}

/// A reason to refuse a call: an error row, a promise of the prose, or a limit of a parameter.
#[derive(Debug, Clone)]
pub struct Row {
    /// What overrides call it: the code, or the id.
    pub key: String,
    pub codes: Vec<Code>,
    /// Documented status; none where the document gives none.
    pub status: Option<u16>,
    pub message: String,
    pub text: String,
    /// The call must be refused when this holds.
    pub due: Option<Expr>,
    /// The codes are accepted when this holds.
    pub may: Option<Expr>,
    /// Bindings that `due` looks at: it is judged for each named resource.
    pub each: Vec<usize>,
    /// Bindings that `may` looks at.
    pub may_each: Vec<usize>,
    /// Absent for rows that belong to an open question.
    pub requirement: Option<usize>,
    pub overlap: bool,
    /// It is about who sends the call: when it is due, nothing else of the call is looked at.
    pub access: bool,
    /// Due only when nothing else is.
    pub otherwise: bool,
    /// No caller can provoke it; where it comes, nothing is judged.
    pub unprovokable: bool,
    pub documented: bool,
    pub span: Span,
}

/// A code, or a pattern of codes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    Exact(String),
    /// `before` + any text + `after`; from `InvalidParameter.%s`.
    Pattern {
        before: String,
        after: String,
    },
    /// Any refusal of the caller's making.
    Any,
}

impl Code {
    pub fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::Any;
        }
        for mark in ["%s", "*"] {
            if let Some((before, after)) = text.split_once(mark) {
                return Self::Pattern { before: before.into(), after: after.into() };
            }
        }
        Self::Exact(text.into())
    }

    pub fn matches(&self, code: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == code,
            Self::Pattern { before, after } => {
                code.len() >= before.len() + after.len() && code.starts_with(before) && code.ends_with(after)
            }
            Self::Any => true,
        }
    }

    /// How much of a code it names: of several patterns that match, the most specific one is meant.
    pub fn specificity(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Pattern { before, after } => before.len() + after.len(),
            Self::Any => 0,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Override {
    pub when: Expr,
    /// Bindings that `when` looks at.
    pub each: Vec<usize>,
    pub skips: Vec<String>,
    pub source: String,
    pub span: Span,
}

/// A question that the document leaves open.
#[derive(Debug, Clone)]
pub struct Question {
    pub id: String,
    pub question: String,
    pub answers: Vec<Choice>,
    /// The question is which code wins when several hold.
    pub precedence: bool,
    /// The answer need not be the same each time.
    pub varies: bool,
    pub requirement: usize,
}

impl Question {
    /// Names of alternatives: `copy or both`.
    pub fn names<'a>(&self, choices: impl IntoIterator<Item = &'a usize>) -> String {
        let names: Vec<&str> =
            choices.into_iter().filter_map(|choice| self.answers.get(*choice)).map(|answer| &*answer.id).collect();
        names.join(" or ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub id: Arc<str>,
    /// The id, as conditions compare it.
    pub value: Atom,
    pub text: String,
    pub source: String,
}

#[derive(Debug, Clone)]
pub struct Promise {
    pub when: Option<Expr>,
    /// Bindings that `when` looks at.
    pub each: Vec<usize>,
    pub expect: Option<Expectation>,
    pub requirement: usize,
}

/// What a promise is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expectation {
    Success,
    Refusal,
    /// Reads show what they showed before.
    Unchanged,
    /// Reads no longer show the named resource.
    Gone,
    /// Reads show everything else as before.
    Others,
    /// Reads still show the named resource.
    Kept,
}

/// What holds of calls that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// A resource is removed once.
    Once,
    /// What a call is refused for stays so.
    Stays,
    /// What was told as done is seen by every call that starts afterwards.
    Seen,
    /// The row for overlapping work is answered to nothing else.
    Exclusive,
    /// One token has one effect.
    Token,
    /// Batches that share an id are done whole or not at all.
    Batch,
}

impl Law {
    /// Names in specs and ids.
    pub const ALL: [(&str, Law); 6] = [
        ("once", Law::Once),
        ("stays", Law::Stays),
        ("seen", Law::Seen),
        ("exclusive", Law::Exclusive),
        ("token", Law::Token),
        ("batch", Law::Batch),
    ];
}

#[derive(Debug, Clone)]
pub struct Field {
    /// Path, parts separated by dots.
    pub name: String,
    pub kind: FieldType,
    pub optional: bool,
    pub value: Option<Value>,
    pub unique: bool,
    /// Variable of the created resource whose id this is.
    pub creates: Option<usize>,
    pub text: String,
    /// Absent for companions.
    pub requirement: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Text,
    Integer,
    Boolean,
    List,
    Object,
}

impl FieldType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    pub fn admits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Effect {
    pub action: Action,
    pub on_refusal: bool,
    pub when: Option<Expr>,
    /// Parameter with the region of what is created.
    pub region: Option<usize>,
    pub set: Vec<(usize, Source)>,
    pub add: Vec<(usize, Source)>,
    pub remove: Vec<(usize, Source)>,
    pub later: bool,
    pub span: Span,
}

/// What an effect does; numbers are variables, kinds are indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Create { kind: usize, var: usize },
    Update(usize),
    Delete(usize),
}

/// Where a value of an effect comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Literal(Atom),
    Param(usize),
    Var(usize),
}

/// What a read shows.
#[derive(Debug, Clone)]
pub struct View {
    pub kind: usize,
    pub list: String,
    pub id: String,
    /// Attribute of the named resource whose members the elements are.
    pub set: Option<usize>,
    /// Which resources it shows; the resource is the variable after the bindings.
    pub when: Option<Expr>,
    pub fields: Vec<Shown>,
    /// Values of fields that say that creating it failed.
    pub fail: Vec<(String, Vec<String>)>,
    pub total: Option<String>,
    /// Field of an element that is the name which it was created with.
    pub name: Option<String>,
    /// Path in an element to its tags.
    pub tags: Option<String>,
    pub fixed: Vec<(String, Value)>,
}

/// How a field shows an attribute.
#[derive(Debug, Clone)]
pub struct Shown {
    pub field: String,
    pub attribute: Showable,
    /// Spellings of each value, the first is the mock's.
    pub spellings: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showable {
    Attribute(usize),
    Derived(usize),
}

/// A way to call a companion.
#[derive(Debug, Clone)]
pub struct Use {
    pub id: String,
    pub arguments: Vec<(usize, Value)>,
    pub when: Option<Expr>,
    pub read: bool,
    /// It lists everything that the account has.
    pub list: Option<Paging>,
    pub weight: u32,
}

impl Effect {
    pub fn removes(&self) -> bool {
        matches!(self.action, Action::Delete(_))
    }
}

/// How a list is asked for piece by piece; numbers are parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    None,
    /// Pages are counted from 1.
    Page(usize),
    /// Elements are passed over.
    Offset(usize),
}

impl Operation {
    pub fn is_documented(&self) -> bool {
        self.role == Role::Documented
    }

    /// Every parameter that the document lists, and whether the protocol sends it by itself.
    pub fn listed(&self) -> impl Iterator<Item = (&Param, bool)> {
        self.carried.iter().map(|param| (param, true)).chain(self.params.iter().map(|param| (param, false)))
    }

    /// Whether an open question decides what a region earns that the endpoint does not have.
    pub fn leaves_region_open(&self) -> bool {
        let asks = |due: &Expr| due.mentions(|part| *part == Expr::RegionKnown) && !due.questions().is_empty();
        self.rows.iter().filter_map(|row| row.due.as_ref()).any(asks)
    }

    /// Whether an open question decides what something earns whose attribute has this value, and any code may be its answer.
    pub fn leaves_open(&self, var: usize, attribute: usize, value: &Atom) -> bool {
        let (attribute, value) = (Expr::Attribute { var, attribute }, Expr::Constant(value.clone()));
        let is_it = |part: &Expr| {
            let Expr::Compare(Comparison::Equal, left, right) = part else { return false };
            *left.meant() == attribute && *right.meant() == value
        };
        let asks = |part: &Expr| matches!(part, Expr::And(..)) && part.mentions(is_it) && !part.questions().is_empty();
        let mut open = self.rows.iter().filter(|row| row.codes.contains(&Code::Any));
        open.any(|row| row.due.as_ref().is_some_and(|due| due.mentions(asks)))
    }

    /// The requirement of a law of overlapping calls, where the document has it.
    pub fn law(&self, law: Law) -> Option<usize> {
        self.laws.iter().find(|(known, _)| *known == law).map(|(_, requirement)| *requirement)
    }

    /// The first of these parameters that a call sends as anything but `false`.
    pub fn switched(&self, arguments: &Arguments, wanted: impl Fn(&Param) -> bool) -> Option<&Param> {
        let is_on = |value: &Option<Value>| value.as_ref().is_some_and(|value| *value != false);
        let mut given = self.params.iter().zip(arguments);
        given.find(|(param, value)| wanted(param) && is_on(value)).map(|(param, _)| param)
    }

    /// Whether a call is a dry run, beyond doubt.
    pub fn is_dry(&self, arguments: &Arguments) -> bool {
        self.params.iter().zip(arguments).any(|(param, value)| param.dry && *value == Some(true.into()))
    }

    /// The binding that may name several resources.
    pub fn list(&self) -> Option<usize> {
        self.bindings.iter().position(|binding| self.params[binding.param].kind == ParamType::Texts)
    }

    pub fn param(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name == name)
    }

    /// The call changes something when it succeeds.
    pub fn changes(&self) -> bool {
        !self.effects.is_empty()
    }

    /// A companion that changes nothing.
    pub fn only_reads(&self) -> bool {
        !self.is_documented() && !self.changes()
    }
}

impl Template {
    /// Arguments as `name → value`.
    pub fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Action, Code, Effect, FieldType, Template};
    use crate::spec::embedded;

    #[test]
    fn only_deletions_remove() {
        for (action, expected) in [(Action::Delete(0), true), (Action::Update(0), false)] {
            let set = embedded().expect("the specs are sound");
            let effect = set.operations().find_map(|(_, operation)| operation.effects.first()).expect("there is one");
            assert_eq!(Effect { action, ..effect.clone() }.removes(), expected);
        }
    }

    #[test]
    fn arguments_are_found_by_name() {
        let arguments = vec![("One".to_owned(), json!(1)), ("Two".to_owned(), json!(2))];
        let template = Template { operation: "Delete".into(), undo: false, arguments };
        let found = ["One", "Two", "Three"].map(|name| template.argument(name).cloned());
        assert_eq!(found, [Some(json!(1)), Some(json!(2)), None]);
    }

    #[test]
    fn patterns_have_a_beginning_and_an_end() {
        for (pattern, code, expected) in [
            ("Invalid*Id", "InvalidImageId", true),
            ("Invalid*Id", "InvalidId", true),
            ("Invalid%sId", "InvalidImageId", true),
            ("Invalid*dId", "InvalidId", false),
            ("Invalid*", "Invalid", true),
            ("Invalid*", "Valid", false),
            ("*", "", true),
            ("Invalid", "Invalid", true),
            ("Invalid", "InvalidId", false),
        ] {
            assert_eq!(Code::parse(pattern).matches(code), expected, "{pattern} {code}");
        }
    }

    #[test]
    fn types_admit_their_values() {
        let values =
            [json!("1"), json!(-1), json!(u64::MAX), json!(true), json!([]), json!({}), json!(1.5), json!(null)];
        for (kind, admitted) in [
            (FieldType::Text, &[0][..]),
            (FieldType::Integer, &[1, 2]),
            (FieldType::Boolean, &[3]),
            (FieldType::List, &[4]),
            (FieldType::Object, &[5]),
        ] {
            let found: Vec<usize> = (0..values.len()).filter(|index| kind.admits(&values[*index])).collect();
            assert_eq!(found, admitted, "{}", kind.name());
        }
    }
}
