//! Conditions: what they say under the mock's answers, what they say with one thing changed, and how they read.

use crate::{
    spec::{
        Operation, Service,
        expression::{Comparison, Expr, Fact, Function, TokenFact},
    },
    value::Atom,
};

/// A condition that never holds.
pub const NEVER: Expr = Expr::Constant(Atom::Bool(false));

/// What is left of a condition when every open question is answered as the mock does where nothing else is asked.
///
/// Two conditions that leave the same cannot be told apart on that mock.
pub fn settled(expr: &Expr, operation: &Operation) -> Expr {
    let inner = |expr: &Expr| settled(expr, operation);
    let boxed = |expr: &Expr| Box::new(settled(expr, operation));
    match expr {
        Expr::Question(question) => {
            let first = operation.questions.get(*question).and_then(|question| question.answers.first());
            Expr::Constant(first.map_or(Atom::None, |answer| Atom::Text(answer.id.clone())))
        }
        Expr::Not(not) => match inner(not) {
            Expr::Constant(value) => truth(!value.truth()),
            other => Expr::Not(Box::new(other)),
        },
        Expr::And(left, right) => joined(inner(left), inner(right), false),
        Expr::Or(left, right) => joined(inner(left), inner(right), true),
        Expr::Compare(comparison, left, right) => match (comparison, inner(left), inner(right)) {
            (Comparison::Equal, Expr::Constant(left), Expr::Constant(right)) => truth(left == right),
            (Comparison::Unequal, Expr::Constant(left), Expr::Constant(right)) => truth(left != right),
            (comparison, left, right) => Expr::Compare(*comparison, Box::new(left), Box::new(right)),
        },
        Expr::In(left, list) => {
            let list: Vec<Expr> = list.iter().map(inner).collect();
            match inner(left) {
                left @ Expr::Constant(_) if list.iter().all(|element| matches!(element, Expr::Constant(_))) => {
                    truth(list.contains(&left))
                }
                left => Expr::In(Box::new(left), list),
            }
        }
        Expr::Count(of) => Expr::Count(boxed(of)),
        Expr::Contains(whole, part) => Expr::Contains(boxed(whole), boxed(part)),
        Expr::Any { kind, body } => match inner(body) {
            Expr::Constant(value) if !value.truth() => NEVER,
            body => Expr::Any { kind: *kind, body: Box::new(body) },
        },
        Expr::Named { binding, body } => match inner(body) {
            Expr::Constant(value) if !value.truth() => NEVER,
            body => Expr::Named { binding: *binding, body: Box::new(body) },
        },
        Expr::Defined { body, .. } => inner(body),
        other => other.clone(),
    }
}

/// `and`, decided by false, or `or`, decided by true.
fn joined(left: Expr, right: Expr, decisive: bool) -> Expr {
    match (&left, &right) {
        (Expr::Constant(value), _) if value.truth() == decisive => truth(decisive),
        (_, Expr::Constant(value)) if value.truth() == decisive => truth(decisive),
        (Expr::Constant(_), _) => right,
        (_, Expr::Constant(_)) => left,
        _ if decisive => Expr::Or(Box::new(left), Box::new(right)),
        _ => Expr::And(Box::new(left), Box::new(right)),
    }
}

fn truth(value: bool) -> Expr {
    Expr::Constant(Atom::Bool(value))
}

/// One place of a condition changed.
pub struct Edit {
    pub expr: Expr,
    /// What was there.
    pub from: Expr,
    /// It is denied: where more holds of the place, less holds of the whole.
    pub negated: bool,
}

/// Every condition that differs from this one in one place; `edit` says what a place may become.
pub fn edits(expr: &Expr, edit: &dyn Fn(&Expr) -> Vec<(Expr, Expr)>) -> Vec<Edit> {
    let expr = expr.meant();
    let mut found: Vec<Edit> = edit(expr).into_iter().map(|(expr, from)| Edit { expr, from, negated: false }).collect();
    let denies = matches!(expr, Expr::Not(_));
    let mut inside = |child: &Expr, rebuild: &dyn Fn(Box<Expr>) -> Expr| {
        for edited in edits(child, edit) {
            found.push(Edit { expr: rebuild(Box::new(edited.expr)), negated: edited.negated != denies, ..edited });
        }
    };
    match expr {
        Expr::Not(inner) => inside(inner, &Expr::Not),
        Expr::Count(inner) => inside(inner, &Expr::Count),
        Expr::And(left, right) => {
            inside(left, &|left| Expr::And(left, right.clone()));
            inside(right, &|right| Expr::And(left.clone(), right));
        }
        Expr::Or(left, right) => {
            inside(left, &|left| Expr::Or(left, right.clone()));
            inside(right, &|right| Expr::Or(left.clone(), right));
        }
        Expr::Any { kind, body } => inside(body, &|body| Expr::Any { kind: *kind, body }),
        Expr::Named { binding, body } => inside(body, &|body| Expr::Named { binding: *binding, body }),
        _ => {}
    }
    found
}

/// A condition with every place that `replace` knows replaced.
pub fn replaced(expr: &Expr, replace: &dyn Fn(&Expr) -> Option<Expr>) -> Expr {
    let expr = expr.meant();
    if let Some(other) = replace(expr) {
        return other;
    }
    let boxed = |expr: &Expr| Box::new(replaced(expr, replace));
    match expr {
        Expr::Not(inner) => Expr::Not(boxed(inner)),
        Expr::Count(inner) => Expr::Count(boxed(inner)),
        Expr::And(left, right) => Expr::And(boxed(left), boxed(right)),
        Expr::Or(left, right) => Expr::Or(boxed(left), boxed(right)),
        Expr::Compare(comparison, left, right) => Expr::Compare(*comparison, boxed(left), boxed(right)),
        Expr::Contains(whole, part) => Expr::Contains(boxed(whole), boxed(part)),
        Expr::In(left, list) => Expr::In(boxed(left), list.iter().map(|element| replaced(element, replace)).collect()),
        Expr::Any { kind, body } => Expr::Any { kind: *kind, body: boxed(body) },
        Expr::Named { binding, body } => Expr::Named { binding: *binding, body: boxed(body) },
        other => other.clone(),
    }
}

/// Reads a condition out, as specs spell it.
pub fn words(expr: &Expr, service: &Service, operation: &Operation) -> String {
    let kinds = operation.bindings.iter().map(|binding| binding.kind).collect();
    Reader { service, operation, kinds }.read(expr, false)
}

struct Reader<'a> {
    service: &'a Service,
    operation: &'a Operation,
    /// Kinds of the variables in scope: bindings, then those of `any` and `named`.
    kinds: Vec<usize>,
}

impl Reader<'_> {
    fn read(&mut self, expr: &Expr, inside: bool) -> String {
        let whole = match expr {
            Expr::Constant(Atom::Text(text)) => return format!("'{text}'"),
            Expr::Constant(atom) => return atom.to_string(),
            Expr::Param(param) => return self.param(*param),
            Expr::Attribute { var, attribute } => {
                let kind = self.kinds.get(*var).and_then(|kind| self.service.kinds.get(*kind));
                let attribute = kind.and_then(|kind| kind.attributes.get(*attribute));
                return self.part(*var, attribute.map(|attribute| &*attribute.name));
            }
            Expr::Derived { var, kind, derived } => {
                let derived = self.service.kinds.get(*kind).and_then(|kind| kind.derived.get(*derived));
                return self.part(*var, derived.map(|derived| &*derived.name));
            }
            Expr::Fact { var, fact } => {
                let name = Fact::ALL.iter().find(|(_, known)| known == fact).map(|(name, _)| *name);
                return self.part(*var, name);
            }
            Expr::Defined { body, .. } => return self.read(body, inside),
            Expr::Var(var) => return self.var(*var),
            Expr::Question(question) => return self.operation.questions[*question].id.clone(),
            Expr::Caller => return "caller".into(),
            Expr::RegionKnown => return "region_known".into(),
            Expr::Token(TokenFact::Same) => return "token.same".into(),
            Expr::Token(TokenFact::Other) => return "token.other".into(),
            Expr::Call(function, param) => {
                let name = Function::ALL.iter().find(|(_, known)| known == function).map_or("?", |(name, _)| name);
                return format!("{name}({})", self.param(*param));
            }
            Expr::Count(inner) => return format!("count({})", self.read(inner, false)),
            Expr::Contains(whole, part) => {
                return format!("contains({}, {})", self.read(whole, false), self.read(part, false));
            }
            Expr::Any { kind, body } => {
                let name = self.service.kinds.get(*kind).map_or("?", |kind| &*kind.name);
                let body = self.quantified(*kind, body);
                return format!("any({name}: {body})");
            }
            Expr::Named { binding, body } => {
                let (name, kind) = self.operation.bindings.get(*binding).map_or(("?", 0), |it| (&*it.name, it.kind));
                let body = self.quantified(kind, body);
                return format!("named({name}: {body})");
            }
            Expr::Not(inner) => return format!("not {}", self.read(inner, true)),
            Expr::And(left, right) => format!("{} and {}", self.read(left, true), self.read(right, true)),
            Expr::Or(left, right) => format!("{} or {}", self.read(left, true), self.read(right, true)),
            Expr::Compare(comparison, left, right) => {
                let sign = match (comparison, left.meant()) {
                    (Comparison::Equal, Expr::Question(_)) => "is",
                    (Comparison::Equal, _) => "==",
                    (Comparison::Unequal, _) => "!=",
                    (Comparison::Less, _) => "<",
                    (Comparison::AtMost, _) => "<=",
                    (Comparison::More, _) => ">",
                    (Comparison::AtLeast, _) => ">=",
                };
                return format!("{} {sign} {}", self.read(left, true), self.read(right, true));
            }
            Expr::In(left, list) => {
                let list: Vec<String> = list.iter().map(|element| self.read(element, false)).collect();
                return format!("{} in ({})", self.read(left, true), list.join(", "));
            }
        };
        if inside { format!("({whole})") } else { whole }
    }

    fn quantified(&mut self, kind: usize, body: &Expr) -> String {
        self.kinds.push(kind);
        let body = self.read(body, false);
        self.kinds.pop();
        body
    }

    fn param(&self, param: usize) -> String {
        self.operation.params.get(param).map_or_else(|| "?".into(), |param| param.name.clone())
    }

    fn part(&self, var: usize, name: Option<&str>) -> String {
        format!("{}.{}", self.var(var), name.unwrap_or("?"))
    }

    fn var(&self, var: usize) -> String {
        let kind = self.kinds.get(var).and_then(|kind| self.service.kinds.get(*kind));
        match (self.operation.bindings.get(var), kind) {
            (Some(binding), _) => binding.name.clone(),
            (None, Some(kind)) => kind.name.clone(),
            (None, None) => "?".into(),
        }
    }
}
