//! Tree → [`Expr`]: names become indices, and what means nothing is reported.

use std::ops::Range;

use super::{
    Comparison, Expr, Fact, Function, TokenFact,
    parser::{Node, Tree, parse},
};
use crate::{
    spec::{
        Caller,
        diagnostic::{Diagnostics, did_you_mean},
        reading::Word,
        resource::{AttributeType, ResourceKind},
        source::Span,
    },
    value::Atom,
};

/// What names mean where a condition stands.
#[derive(Clone, Default)]
pub struct Names<'a> {
    pub kinds: &'a [ResourceKind],
    /// Names of variables in scope with their kinds: bindings first.
    pub variables: Vec<(String, usize)>,
    /// Parameter names.
    pub params: Vec<String>,
    /// Question ids and the ids of their answers.
    pub questions: Vec<(String, Vec<String>)>,
    /// Defined conditions, compiled.
    pub defined: Vec<(String, Expr)>,
    /// Names of conditions that are defined further down.
    pub later: Vec<String>,
    /// The condition is about one resource, whose attributes need no prefix.
    pub own: Option<usize>,
    /// The operation has an idempotency token.
    pub token: bool,
}

/// Compiles the text of a condition; a problem is reported and the condition counts as `false`.
pub fn compile(word: &Word, names: &Names<'_>, problems: &mut Diagnostics) -> Expr {
    // The place inside the file: after the opening quotes. Escapes would shift it; conditions need none.
    let quoted = &word.span.file.text[word.span.range.clone()];
    let long = quoted.starts_with("\"\"\"") || quoted.starts_with("'''");
    let opening = if long { 3 + quoted[3..].len() - quoted[3..].trim_start_matches(['\r', '\n']).len() } else { 1 };
    let place = |range: Range<usize>| {
        let start = word.span.range.start + opening;
        let range = start + range.start..start + range.end.max(range.start + 1);
        Span::new(&word.span.file, range)
    };
    match parse(&word.text) {
        Ok(tree) => Compiler { names: names.clone(), problems, place: &place }.expr(&tree),
        Err(mistake) => {
            problems.report("condition", &place(mistake.range), mistake.message, "here", mistake.help);
            Expr::Constant(Atom::Bool(false))
        }
    }
}

struct Compiler<'a, 'p> {
    names: Names<'a>,
    problems: &'p mut Diagnostics,
    place: &'p dyn Fn(Range<usize>) -> Span,
}

impl Compiler<'_, '_> {
    fn expr(&mut self, tree: &Tree) -> Expr {
        let never = Expr::Constant(Atom::Bool(false));
        match &tree.node {
            Node::Text(text) => Expr::Constant(Atom::text(text)),
            Node::Integer(number) => Expr::Constant(Atom::Integer(*number)),
            Node::Boolean(flag) => Expr::Constant(Atom::Bool(*flag)),
            Node::Path(parts) => self.path(parts),
            Node::Call(name, arguments) => self.call(name, arguments, tree),
            Node::Not(inner) => Expr::Not(Box::new(self.expr(inner))),
            Node::And(left, right) => Expr::And(Box::new(self.expr(left)), Box::new(self.expr(right))),
            Node::Or(left, right) => Expr::Or(Box::new(self.expr(left)), Box::new(self.expr(right))),
            Node::Compare(comparison, left, right) => {
                let (compiled, other) = (self.expr(left), self.expr(right));
                if matches!(comparison, Comparison::Equal | Comparison::Unequal) {
                    self.check_value(&compiled, right);
                }
                Expr::Compare(*comparison, Box::new(compiled), Box::new(other))
            }
            Node::In(left, list) => {
                let compiled = self.expr(left);
                for element in list {
                    self.check_value(&compiled, element);
                }
                Expr::In(Box::new(compiled), list.iter().map(|element| self.expr(element)).collect())
            }
            Node::Quantified { all_of_kind: true, name: (name, range), body } => {
                let Some(kind) = self.names.kinds.iter().position(|kind| kind.name == *name) else {
                    let help = did_you_mean(name, self.names.kinds.iter().map(|kind| kind.name.as_str()));
                    self.report("unknown-name", range, format!("no kind of resource is called `{name}`"), help);
                    return never;
                };
                self.names.variables.push((name.clone(), kind));
                let body = Box::new(self.expr(body));
                self.names.variables.pop();
                Expr::Any { kind, body }
            }
            Node::Quantified { all_of_kind: false, name: (name, range), body } => {
                let Some(binding) = self.names.variables.iter().position(|(known, _)| known == name) else {
                    let help = did_you_mean(name, self.names.variables.iter().map(|(known, _)| known.as_str()));
                    self.report("unknown-name", range, format!("the call names no `{name}`"), help);
                    return never;
                };
                self.names.variables.push((name.clone(), self.names.variables[binding].1));
                let body = Box::new(self.expr(body));
                self.names.variables.pop();
                Expr::Named { binding, body }
            }
        }
    }

    fn path(&mut self, parts: &[(String, Range<usize>)]) -> Expr {
        let (first, range) = &parts[0];
        // Inner variables hide outer ones of the same name.
        if let Some(var) = self.names.variables.iter().rposition(|(name, _)| name == first) {
            return match parts {
                [] | [_] => Expr::Var(var),
                [_, (attribute, range)] => self.attribute(var, attribute, range),
                [_, whole, part, ..] => self.no_parts(whole, part),
            };
        }
        if first == "caller" && parts.len() == 1 {
            return Expr::Caller;
        }
        if first == "region_known" && parts.len() == 1 {
            return Expr::RegionKnown;
        }
        if let ("token", true, [_, (fact, range)]) = (first.as_str(), self.names.token, parts) {
            return match fact.as_str() {
                "same" => Expr::Token(TokenFact::Same),
                "other" => Expr::Token(TokenFact::Other),
                _ => {
                    let help = did_you_mean(fact, ["same", "other"]);
                    self.report("unknown-name", range, format!("a token is never `{fact}`"), help);
                    Expr::Constant(Atom::None)
                }
            };
        }
        if let [(name, range)] = parts {
            if let Some(param) = self.names.params.iter().position(|known| known == name) {
                return Expr::Param(param);
            }
            if let Some(number) = self.names.defined.iter().position(|(known, _)| known == name) {
                return Expr::Defined { number, body: Box::new(self.names.defined[number].1.clone()) };
            }
            if let Some(question) = self.names.questions.iter().position(|(known, _)| known == name) {
                return Expr::Question(question);
            }
            if let Some(own) = self.names.own {
                return self.attribute(own, name, range);
            }
        }
        let known = self.known();
        if let [whole, part, ..] = parts
            && known.contains(first)
        {
            return self.no_parts(whole, part);
        }
        let (message, help) = if self.names.later.contains(first) {
            (format!("`{first}` is not defined yet"), "move its definition up, above those that use it".into())
        } else if first == "token" {
            ("the operation has no token".into(), "name the parameter that is one: `token` in `[operation]`".into())
        } else {
            let help = did_you_mean(first, known.iter().map(String::as_str));
            (format!("nothing here is called `{first}`"), help)
        };
        self.report("unknown-name", range, message, help);
        Expr::Constant(Atom::None)
    }

    fn no_parts(&mut self, (whole, _): &(String, Range<usize>), (part, range): &(String, Range<usize>)) -> Expr {
        self.report("unknown-name", range, format!("`{whole}` has no parts"), format!("remove `.{part}`"));
        Expr::Constant(Atom::None)
    }

    fn attribute(&mut self, var: usize, name: &str, range: &Range<usize>) -> Expr {
        let kind = self.names.variables[var].1;
        let resource = &self.names.kinds[kind];
        if let Some(attribute) = resource.attributes.iter().position(|attribute| attribute.name == name) {
            return Expr::Attribute { var, attribute };
        }
        if let Some(derived) = resource.derived.iter().position(|derived| derived.name == name) {
            return Expr::Derived { var, kind, derived };
        }
        if let Some((_, fact)) = Fact::ALL.iter().find(|(known, _)| *known == name) {
            return Expr::Fact { var, fact: *fact };
        }
        let known = resource
            .attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .chain(resource.derived.iter().map(|derived| derived.name.as_str()))
            .chain(Fact::ALL.iter().map(|(name, _)| *name));
        let help = did_you_mean(name, known);
        let message = format!("`{}` has no attribute `{name}`", resource.name);
        self.report("unknown-attribute", range, message, help);
        Expr::Constant(Atom::None)
    }

    fn call(&mut self, name: &str, arguments: &[Tree], tree: &Tree) -> Expr {
        if let ("contains", [whole, part]) = (name, arguments) {
            return Expr::Contains(Box::new(self.expr(whole)), Box::new(self.expr(part)));
        }
        if name == "contains" {
            let help = "for example: contains(image.accounts, Account)".into();
            self.report("function-argument", &tree.range, "`contains` takes two values".into(), help);
            return Expr::Constant(Atom::Bool(false));
        }
        let found = Function::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, function)) = found else {
            let known = Function::ALL.iter().map(|(known, _)| *known).chain(["any", "named", "contains"]);
            let help = did_you_mean(name, known);
            self.report("unknown-function", &tree.range, format!("there is no function `{name}`"), help);
            return Expr::Constant(Atom::Bool(false));
        };
        if let [argument] = arguments {
            if let Node::Path(parts) = &argument.node
                && let [(param, _)] = parts.as_slice()
                && let Some(param) = self.names.params.iter().position(|known| known == param)
            {
                return Expr::Call(*function, param);
            }
            if *function == Function::Count {
                return Expr::Count(Box::new(self.expr(argument)));
            }
        }
        let message = format!("`{name}` takes one parameter of the operation");
        let help = match self.names.params.as_slice() {
            [] => "the operation has no parameters".into(),
            params => format!("parameters are: {}", params.join(", ")),
        };
        self.report("function-argument", &tree.range, message, help);
        Expr::Constant(Atom::Bool(false))
    }

    /// Words compared with a question, an enumerated attribute or the caller must be among its values.
    fn check_value(&mut self, left: &Expr, right: &Tree) {
        let Node::Text(word) = &right.node else { return };
        let (valid, message): (Vec<String>, String) = match left.meant() {
            Expr::Question(question) => {
                let (id, answers) = &self.names.questions[*question];
                (answers.clone(), format!("`{id}` has no answer `{word}`"))
            }
            Expr::Attribute { var, attribute } => {
                let kind = &self.names.kinds[self.names.variables[*var].1];
                let attribute = &kind.attributes[*attribute];
                let AttributeType::Word(words) = &attribute.kind else { return };
                let message = format!("`{}` of `{}` is never `{word}`", attribute.name, kind.name);
                (words.iter().map(|word| word.to_string()).collect(), message)
            }
            Expr::Caller => {
                let names = Caller::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
                (names, format!("no caller is called `{word}`"))
            }
            _ => return,
        };
        if !valid.contains(word) {
            let help = did_you_mean(word, valid.iter().map(String::as_str));
            self.report("unknown-value", &right.range, message, help);
        }
    }

    fn known(&self) -> Vec<String> {
        let names = &self.names;
        let mut known: Vec<String> = names.variables.iter().map(|(name, _)| name.clone()).collect();
        known.extend(names.params.iter().cloned());
        known.extend(names.defined.iter().map(|(name, _)| name.clone()));
        known.extend(names.questions.iter().map(|(name, _)| name.clone()));
        known.extend(["caller".into(), "region_known".into()]);
        if let Some(own) = names.own {
            let kind = &names.kinds[names.variables[own].1];
            known.extend(kind.attributes.iter().map(|attribute| attribute.name.clone()));
            known.extend(kind.derived.iter().map(|derived| derived.name.clone()));
        }
        known
    }

    fn report(&mut self, code: &'static str, range: &Range<usize>, message: String, help: String) {
        self.problems.report(code, &(self.place)(range.clone()), message, "here", help);
    }
}
