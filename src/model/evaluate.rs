//! Conditions → values, stopping at open questions that matter.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    sync::Arc,
};

use serde_json::Value;

use super::{
    choices::Choices,
    looked::Looked,
    request::{Request, Shape, fits},
    state::{Resource, State},
};
use crate::{
    spec::{
        Operation, Service,
        expression::{Comparison, Expr, Fact, Function, TokenFact},
        operation::ParamType,
    },
    value::{Atom, Key, as_text},
};

/// Evaluation needs the answer to this question of the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask(pub usize);

/// What a variable stands for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub key: &'a Key,
    /// Position in the list that named it.
    pub index: usize,
    /// What the state knows of it, whether it still exists or not.
    found: Option<&'a Resource>,
}

impl<'a> Target<'a> {
    pub fn new(state: &'a State, key: &'a Key, index: usize) -> Self {
        Self { key, index, found: state.resource(key) }
    }

    fn living(self) -> Option<&'a Resource> {
        self.found.filter(|found| !found.deleted)
    }
}

/// Bindings and created resources with what each of them stands for.
pub type Named<'a> = Vec<Option<Target<'a>>>;

/// Values of variables: bindings, created resources, then those of quantifiers.
#[derive(Debug, Clone, Default)]
pub struct Variables<'a> {
    named: Cow<'a, [Option<Target<'a>>]>,
    /// One of them that stands for something else for a while.
    stand_in: StandIn<'a>,
    inner: Named<'a>,
    /// Where those in sight begin; a derived attribute sees its own resource only.
    base: usize,
}

/// A variable, with what it stands for instead.
type StandIn<'a> = Option<(usize, Target<'a>)>;

/// Everything that a condition can look at.
pub struct Scope<'a> {
    pub service: &'a Service,
    pub operation: &'a Operation,
    pub state: &'a State,
    pub request: &'a Request,
    pub choices: &'a Choices,
    /// Which named resources are obstructed (in effects).
    pub obstructed: &'a [bool],
    pub variables: RefCell<Variables<'a>>,
    /// Some answer to an open question was used. Where none was, a value is the same whatever the answers are.
    pub chose: Cell<bool>,
    /// What is known of defined conditions; none where nobody keeps it.
    pub defined: Option<&'a Defined>,
    /// Notes what was looked at, for whoever wants to know.
    pub looked: Option<&'a Looked>,
}

/// Which defined conditions hold, by number, as far as that is the same whatever is answered to open questions.
pub type Defined = RefCell<Vec<Option<bool>>>;

impl<'a> Variables<'a> {
    /// What the call names, each list by its first.
    pub fn named(state: &'a State, request: &'a Request) -> Self {
        Self::of(first_of(state, request.targets.iter().map(|keys| keys.first())))
    }

    pub fn of(named: impl Into<Cow<'a, [Option<Target<'a>>]>>) -> Self {
        Self { named: named.into(), ..Self::default() }
    }

    fn get(&self, var: usize) -> Option<Target<'a>> {
        let place = self.base + var;
        match self.stand_in {
            Some((var, target)) if var == place => Some(target),
            _ => match place.checked_sub(self.named.len()) {
                Some(inner) => self.inner.get(inner).copied().flatten(),
                None => self.named[place],
            },
        }
    }
}

/// These resources, each the first of its list.
pub fn first_of<'a>(state: &'a State, keys: impl Iterator<Item = Option<&'a Key>>) -> Named<'a> {
    keys.map(|key| Some(Target::new(state, key?, 0))).collect()
}

impl<'a> Scope<'a> {
    pub fn holds(&self, expr: &Expr) -> Result<bool, Ask> {
        Ok(match expr {
            Expr::Fact { var, fact } => self.fact(*var, *fact),
            Expr::RegionKnown => self.state.regions.contains(&self.request.region),
            Expr::Token(fact) => self.token(*fact),
            Expr::Contains(whole, part) => {
                let (whole, part) = (self.value(whole)?, self.value(part)?);
                let part = part.as_text();
                match &*whole {
                    Atom::Set(members) => members.iter().any(|member| **member == *part),
                    Atom::Text(text) => text.contains(&*part),
                    _ => false,
                }
            }
            Expr::Not(inner) => !self.holds(inner)?,
            Expr::And(left, right) => self.both(left, right, false)?,
            Expr::Or(left, right) => self.both(left, right, true)?,
            Expr::Compare(comparison, left, right) => compare(*comparison, &*self.value(left)?, &*self.value(right)?),
            Expr::In(left, list) => {
                let left = self.value(left)?;
                let mut found = false;
                for element in list {
                    found = found || compare(Comparison::Equal, &left, &*self.value(element)?);
                }
                found
            }
            Expr::Any { kind, body } => self.any(*kind, body)?,
            Expr::Named { binding, body } => {
                let named = self.request.targets.get(*binding).map_or(&[][..], Vec::as_slice);
                self.some(named.iter().enumerate().map(|(index, key)| Target::new(self.state, key, index)), body)?
            }
            Expr::Defined { number, body } => self.defined(*number, body)?,
            Expr::Call(function, param) => self.call(*function, *param).truth(),
            Expr::Constant(_)
            | Expr::Param(_)
            | Expr::Attribute { .. }
            | Expr::Derived { .. }
            | Expr::Var(_)
            | Expr::Question(_)
            | Expr::Caller
            | Expr::Count(_) => self.value(expr)?.truth(),
        })
    }

    /// The value of an expression; borrowed where it is stored somewhere, for most are only compared.
    pub fn value<'v>(&'v self, expr: &'v Expr) -> Result<Cow<'v, Atom>, Ask> {
        Ok(Cow::Owned(match expr {
            Expr::Constant(atom) => return Ok(Cow::Borrowed(atom)),
            Expr::Attribute { var, attribute } => {
                if let (Some(looked), Some(target)) = (self.looked, self.target(*var)) {
                    looked.at_attribute(target.key, *attribute);
                }
                let found = self.resource(*var).and_then(|found| found.attributes.get(*attribute));
                return Ok(found.map_or(Cow::Owned(Atom::None), Cow::Borrowed));
            }
            Expr::Param(param) => self.param(*param),
            Expr::Derived { var, kind, derived } => self.derived(*var, *kind, *derived)?,
            Expr::Var(var) => self.target(*var).map_or(Atom::None, |target| Atom::Ref(target.key.clone())),
            Expr::Question(question) => return self.question(*question).map(Cow::Borrowed),
            Expr::Defined { body, .. } => return self.value(body),
            Expr::Caller => Atom::text(self.request.caller.name()),
            Expr::Call(function, param) => self.call(*function, *param),
            Expr::Count(inner) => match &*self.value(inner)? {
                Atom::Set(members) => Atom::Integer(members.len() as i64),
                Atom::None => Atom::Integer(0),
                _ => Atom::Integer(1),
            },
            Expr::Fact { .. }
            | Expr::RegionKnown
            | Expr::Token(_)
            | Expr::Contains(..)
            | Expr::Not(_)
            | Expr::And(..)
            | Expr::Or(..)
            | Expr::Compare(..)
            | Expr::In(..)
            | Expr::Any { .. }
            | Expr::Named { .. } => Atom::Bool(self.holds(expr)?),
        }))
    }

    fn question(&self, question: usize) -> Result<&'a Atom, Ask> {
        let choice = self.choices.get(question).ok_or(Ask(question))?;
        self.chose.set(true);
        let answers = &self.operation.questions[question].answers;
        Ok(answers.get(choice).map_or(&Atom::None, |answer| &answer.value))
    }

    /// A condition that several rules share is worked out for all of them at once.
    fn defined(&self, number: usize, body: &Expr) -> Result<bool, Ask> {
        let is_shared = {
            let variables = self.variables.borrow();
            variables.base == 0 && variables.stand_in.is_none()
        };
        let Some(known) = self.defined.filter(|_| is_shared) else { return self.holds(body) };
        if let Some(holds) = known.borrow().get(number).copied().flatten() {
            return Ok(holds);
        }
        let outer = self.chose.replace(false);
        let holds = self.holds(body);
        if let (Ok(holds), false) = (holds, self.chose.get()) {
            let mut known = known.borrow_mut();
            if known.len() <= number {
                known.resize(number + 1, None);
            }
            known[number] = Some(holds);
        }
        self.chose.set(outer || self.chose.get());
        holds
    }

    /// `and` (decided by false) and `or` (decided by true). A side that decides makes the other's questions moot.
    fn both(&self, left: &Expr, right: &Expr, decisive: bool) -> Result<bool, Ask> {
        match self.holds(left) {
            Ok(value) if value == decisive => Ok(decisive),
            Ok(_) => self.holds(right),
            Err(ask) => match self.holds(right) {
                Ok(value) if value == decisive => Ok(decisive),
                _ => Err(ask),
            },
        }
    }

    fn any(&self, kind: usize, body: &Expr) -> Result<bool, Ask> {
        if let Some(looked) = self.looked {
            looked.at_kind(kind);
        }
        let living = self.state.resources.iter().filter(|(_, found)| found.kind == kind && !found.deleted);
        self.some(living.map(|(key, found)| Target { key, index: 0, found: Some(found) }), body)
    }

    fn some(&self, targets: impl Iterator<Item = Target<'a>>, body: &Expr) -> Result<bool, Ask> {
        let mut asked = None;
        for target in targets {
            self.variables.borrow_mut().inner.push(Some(target));
            let value = self.holds(body);
            self.variables.borrow_mut().inner.pop();
            match value {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(ask) => asked = Some(ask),
            }
        }
        asked.map_or(Ok(false), Err)
    }

    fn derived(&self, var: usize, kind: usize, derived: usize) -> Result<Atom, Ask> {
        let Some(target) = self.target(var).filter(|target| target.living().is_some()) else { return Ok(Atom::None) };
        let Some(rule) = self.service.kinds.get(kind).and_then(|kind| kind.derived.get(derived)) else {
            return Ok(Atom::None);
        };
        let outer = {
            let mut variables = self.variables.borrow_mut();
            let top = variables.named.len() + variables.inner.len();
            variables.inner.push(Some(target));
            std::mem::replace(&mut variables.base, top)
        };
        let value = self.value(&rule.expr).map(Cow::into_owned);
        let mut variables = self.variables.borrow_mut();
        variables.inner.pop();
        variables.base = outer;
        value
    }

    pub fn target(&self, var: usize) -> Option<Target<'a>> {
        self.variables.borrow().get(var)
    }

    /// Works something out while a variable of the call stands for this; no other does in the meantime.
    pub fn standing<T>(&self, var: usize, target: Target<'a>, work_out: impl FnOnce() -> T) -> T {
        let is_named = var < self.variables.borrow().named.len();
        let stand_in = is_named.then_some((var, target));
        let outer = std::mem::replace(&mut self.variables.borrow_mut().stand_in, stand_in);
        let value = work_out();
        self.variables.borrow_mut().stand_in = outer;
        value
    }

    /// What the variables of the call stand for in another state.
    pub fn named_in<'b>(&self, state: &'b State) -> Named<'b>
    where
        'a: 'b,
    {
        let named = self.variables.borrow().named.len();
        let seen = |target: Target<'a>| Target::new(state, target.key, target.index);
        (0..named).map(|var| self.target(var).map(seen)).collect()
    }

    /// The resource, when it exists where the call looks.
    fn resource(&self, var: usize) -> Option<&'a Resource> {
        let found = self.target(var)?.living()?;
        (var >= self.operation.bindings.len() || self.is_here(found)).then_some(found)
    }

    fn is_here(&self, found: &Resource) -> bool {
        use crate::spec::resource::Scope as Reach;
        let (there, asked) = (&found.region, &self.request.region);
        // The same text as a rule, which is cheaper to see than an equal one.
        Arc::ptr_eq(there, asked) || there == asked || self.service.kinds[found.kind].scope == Reach::Account
    }

    fn fact(&self, var: usize, fact: Fact) -> bool {
        let Some(target) = self.target(var) else { return false };
        let (found, living) = (target.found, target.living());
        let here = living.is_some_and(|found| self.is_here(found));
        match fact {
            Fact::Missing => !here,
            Fact::Present => here,
            Fact::Deleted => found.is_some_and(|found| found.deleted),
            Fact::Elsewhere => living.is_some() && !here,
            Fact::Malformed => found.is_none() && !self.shape(var, target.index).proper,
            Fact::Odd => found.is_none() && self.shape(var, target.index) == Shape { proper: true, exact: false },
            Fact::Obstructed => self.obstructed.get(target.index).copied().unwrap_or(false),
            Fact::Ahead => !self.obstructed.iter().take(target.index + 1).any(|obstructed| *obstructed),
            Fact::Leaving => {
                if let Some(looked) = self.looked {
                    looked.at_leaving(target.key);
                }
                self.state.is_leaving(target.key)
            }
        }
    }

    fn shape(&self, var: usize, index: usize) -> Shape {
        self.request.shape(self.service, self.operation, var, index)
    }

    fn param(&self, param: usize) -> Atom {
        match self.request.argument(param) {
            Some(value) => Atom::from_json(value),
            None => self.operation.params[param].default.as_ref().map(Atom::from_json).unwrap_or_default(),
        }
    }

    fn call(&self, function: Function, param: usize) -> Atom {
        let value = self.request.argument(param).filter(|value| !value.is_null());
        let described = &self.operation.params[param];
        let Some(value) = value else {
            return match function {
                Function::Missing | Function::Wellformed | Function::Ascii => Atom::Bool(true),
                Function::Length | Function::Count => Atom::Integer(0),
                _ => Atom::Bool(false),
            };
        };
        match function {
            Function::Given => Atom::Bool(true),
            Function::Missing => Atom::Bool(false),
            Function::Empty => Atom::Bool(match value {
                Value::String(text) => text.is_empty(),
                Value::Array(list) => list.is_empty(),
                _ => false,
            }),
            Function::Length => Atom::Integer(as_text(value).chars().count() as i64),
            Function::Count => Atom::Integer(value.as_array().map_or(0, Vec::len) as i64),
            Function::Ascii => Atom::Bool(as_text(value).is_ascii()),
            Function::Duplicates => {
                Atom::Bool(value.as_array().is_some_and(|list| {
                    list.iter().enumerate().any(|(index, element)| list[..index].contains(element))
                }))
            }
            Function::Wellformed => {
                let among = described.words.is_empty() || described.words.iter().any(|word| *word == as_text(value));
                Atom::Bool(fits(described.kind, value) && among)
            }
            Function::Textual => Atom::Bool(
                described.kind == ParamType::Boolean
                    && value.as_str().is_some_and(|text| matches!(&*text.to_lowercase(), "true" | "false")),
            ),
        }
    }

    fn token(&self, fact: TokenFact) -> bool {
        let is_same = self.request.used_before(self.operation, self.state).any(|used| !used.refused);
        match fact {
            TokenFact::Same => is_same,
            TokenFact::Other => {
                let token = self.request.token(self.operation);
                let is_used = |token| self.state.tokens.iter().any(|used| used.token == token && !used.refused);
                !is_same && token.is_some_and(is_used)
            }
        }
    }
}

fn compare(comparison: Comparison, left: &Atom, right: &Atom) -> bool {
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::Unequal => !equal(left, right),
        _ => {
            let (Atom::Integer(left), Atom::Integer(right)) = (left, right) else { return false };
            match comparison {
                Comparison::Less => left < right,
                Comparison::AtMost => left <= right,
                Comparison::More => left > right,
                _ => left >= right,
            }
        }
    }
}

/// References and texts compare by what they name; absent equals only absent.
fn equal(left: &Atom, right: &Atom) -> bool {
    match (left, right) {
        (Atom::Ref(left) | Atom::Text(left), Atom::Ref(right) | Atom::Text(right)) => left == right,
        _ => left == right,
    }
}

/// Members of a value, for sets.
pub fn members(atom: &Atom) -> Vec<Arc<str>> {
    match atom {
        Atom::Set(members) => members.clone(),
        Atom::None => Vec::new(),
        other => vec![Arc::from(other.to_string().as_str())],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Variables;
    use crate::model::{
        Answer, Caller, Choices, Refused, outcomes,
        shop::{DELETE, call, param, question, row, shop},
    };

    /// Parameters of the conditions below.
    const PARAMS: [(&str, &str, &str); 5] = [
        ("Text", "text", ""),
        ("Word", "text", "enum = [\"red\", \"blue\"]"),
        ("List", "texts", ""),
        ("Flag", "boolean", "default = true"),
        ("Number", "integer", ""),
    ];

    #[test]
    fn conditions_hold_of_arguments() {
        let check = |when: &str, name: &str, argument: Value, expected: bool| {
            let params: String = PARAMS.iter().map(|(name, kind, more)| param(name, kind, more)).collect();
            let set = shop(&(params + &row("Due", when)));
            let others = PARAMS.map(|(param, ..)| (param == name).then(|| argument.clone()));
            let (state, request) = call(&set, &others, Caller::Main);
            let found = outcomes(&set, &state, &request, &Choices::default());
            let is_due = found.iter().any(|outcome| matches!(outcome.answer, Answer::Refused(Refused::Row(_))));
            assert_eq!(is_due, expected, "{when} with {name} = {argument}");
        };
        for (count, [less, at_most, more, at_least]) in
            [(0, [true, true, false, false]), (2, [false, true, false, true]), (3, [false, false, true, true])]
        {
            let list = json!(vec!["a"; count]);
            check("count(List) < 2", "List", list.clone(), less);
            check("count(List) <= 2", "List", list.clone(), at_most);
            check("count(List) > 2", "List", list.clone(), more);
            check("count(List) >= 2", "List", list, at_least);
        }
        check("count(List) == 0", "", json!(null), true);
        check("length(Text) == 0", "", json!(null), true);
        check("length(Text) == 2", "Text", json!("ab"), true);
        check("length(Text) < 1", "Text", json!(null), true);
        check("Text < 1", "Text", json!("0"), false);
        check("given(Text)", "Text", json!(""), true);
        check("given(Text)", "Text", json!(null), false);
        check("missing(Text)", "Text", json!(null), true);
        check("missing(Text)", "Text", json!(""), false);
        check("empty(Text)", "Text", json!(""), true);
        check("empty(Text)", "Text", json!("a"), false);
        check("empty(Text)", "", json!(null), false);
        check("empty(List)", "List", json!([]), true);
        check("empty(List)", "List", json!(["a"]), false);
        check("ascii(Text)", "Text", json!("a"), true);
        check("ascii(Text)", "Text", json!("ä"), false);
        check("ascii(Text)", "", json!(null), true);
        check("duplicates(List)", "List", json!(["a", "b", "a"]), true);
        check("duplicates(List)", "List", json!(["a", "b"]), false);
        check("textual(Flag)", "Flag", json!("True"), true);
        check("textual(Flag)", "Flag", json!("yes"), false);
        check("textual(Flag)", "Flag", json!(true), false);
        check("textual(Text)", "Text", json!("true"), false);
        check("wellformed(Word)", "Word", json!("red"), true);
        check("wellformed(Word)", "Word", json!("green"), false);
        check("wellformed(Flag)", "Flag", json!("true"), false);
        check("wellformed(List)", "List", json!(["a", 1]), false);
        check("wellformed(Number)", "Number", json!(-1), true);
        check("wellformed(Number)", "Number", json!(u64::MAX), true);
        check("wellformed(Number)", "Number", json!("1"), false);
        check("Flag == true", "", json!(null), true);
        check("Flag == true", "Flag", json!(false), false);
        check("Text != 'a'", "", json!(null), true);
        check("Text in ('a', 'b')", "Text", json!("b"), true);
        check("Text in ('a', 'b')", "Text", json!("c"), false);
        check("contains(List, 'a')", "List", json!(["b", "a"]), true);
        check("contains(List, 'a')", "List", json!(["b", "ab"]), false);
        check("contains(Text, 'a')", "Text", json!("bab"), true);
        check("contains(Text, 'a')", "Text", json!("b"), false);
    }

    #[test]
    fn choices_are_as_many_as_are_known() {
        let set = shop(&(question("one-way", &["a", "b"]) + &question("two-ways", &["a", "b"])));
        let likely = Choices::likely(set.operation(DELETE));
        assert_eq!(likely, Choices::default().with(1, 0).with(0, 0));
        assert_eq!(likely.only(|question| [1, 7].contains(&question)), Choices::default().with(1, 0));
        assert_eq!([likely, Choices::default()].map(|choices| choices.is_empty()), [false, true]);
    }

    #[test]
    fn variables_are_the_first_of_what_a_call_names() {
        let set = shop(&(param("List", "texts", "names = \"image\"") + &param("One", "text", "names = \"task\"")));
        let (state, request) = call(&set, &[Some(json!(["img-a", "img-b"])), Some(json!(null))], Caller::Main);
        let named = Variables::named(&state, &request);
        let keys = [0, 1].map(|var| named.get(var).map(|target| (&**target.key, target.index)));
        assert_eq!(keys, [Some(("img-a", 0)), None]);
    }
}
