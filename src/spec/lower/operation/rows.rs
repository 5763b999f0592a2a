//! When a call is refused: error rows, refusals of the prose, limits of parameters; and what lifts that.

use super::super::{level, status};
use super::Lowering;
use crate::{
    spec::{
        diagnostic::did_you_mean,
        expression::{Comparison, Expr, Function},
        operation::{Code, Override, Row},
        reading::Entry,
        requirement::{Kind, Level},
    },
    value::Atom,
};

/// Limits of parameters.
const LIMITS: &[&str] = &["required", "max_length", "max_count", "ascii"];

impl Lowering<'_> {
    pub(super) fn rows(&mut self) {
        for entry in self.file.tables("error") {
            let code = entry.text("code");
            let requirement = self.requirement(&format!("error/{code}"), Kind::Error, entry, level(entry));
            let (due, may) = (self.condition(entry, "when"), self.condition(entry, "may"));
            let unreachable = entry.item("unreachable").is_some();
            let excused = unreachable || entry.flag("overlap") || code.is_empty() || !self.operation.is_documented();
            if !entry.has("when") && !entry.has("may") && !excused {
                self.problems.report(
                    "no-condition",
                    &entry.span,
                    format!("`{code}` has no condition"),
                    "never due",
                    "add `when`, or `unreachable` with the reason why no caller can earn it",
                );
            }
            self.push_row(entry, code.clone(), vec![Code::parse(&code)], due, may, requirement, true);
        }
        for entry in self.file.tables("refusal") {
            let id = entry.word("id");
            let requirement = id
                .as_ref()
                .and_then(|id| self.requirement(&format!("promise/{}", id.text), Kind::Promise, entry, level(entry)));
            if let Some(id) = &id
                && !entry.has("source")
            {
                self.problems.report(
                    "missing-key",
                    &entry.span,
                    format!("the promise `{}` has no `source`", id.text),
                    "in this table",
                    "add `source`: the place in the document",
                );
            }
            let (due, may) = (self.condition(entry, "when"), self.condition(entry, "may"));
            let codes: Vec<Code> = entry.texts("codes").iter().map(|word| Code::parse(&word.text)).collect();
            if let Some(item) = entry.item("codes")
                && codes.is_empty()
            {
                self.problems.report(
                    "empty",
                    &item.span,
                    "a refusal without codes",
                    "no code",
                    "list codes, or `*` for any",
                );
            }
            let key = id.map_or_else(|| entry.text("key"), |id| id.text);
            self.push_row(entry, key, codes, due, may, requirement, false);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn push_row(
        &mut self,
        entry: &Entry,
        key: String,
        codes: Vec<Code>,
        due: Option<Expr>,
        may: Option<Expr>,
        requirement: Option<usize>,
        documented: bool,
    ) {
        let n_bindings = self.operation.bindings.len();
        let each = due.as_ref().map(|due| due.bindings(n_bindings)).unwrap_or_default();
        let may_each = may.as_ref().map(|may| may.bindings(n_bindings)).unwrap_or_default();
        self.operation.rows.push(Row {
            key,
            codes,
            status: status(entry),
            message: entry.text("message"),
            text: entry.text("text"),
            due,
            may,
            each,
            may_each,
            requirement,
            overlap: entry.flag("overlap"),
            access: false,
            otherwise: entry.flag("otherwise"),
            unprovokable: entry.item("unreachable").is_some(),
            documented,
            span: entry.span.clone(),
        });
    }

    /// Limits of parameters are refusals of their own.
    pub(super) fn limits(&mut self) {
        for entry in self.file.tables("param") {
            let Some(param) = self.operation.param(&entry.text("name")) else { continue };
            let unchecked: Vec<String> = entry.texts("unchecked").into_iter().map(|word| word.text).collect();
            for word in entry.texts("unchecked").iter().filter(|word| !LIMITS.contains(&word.text.as_str())) {
                let message = format!("no limit is called `{}`", word.text);
                let help = did_you_mean(&word.text, LIMITS.iter().copied());
                self.problems.report("unknown-word", &word.span, message, "not a limit", help);
            }
            let may = self.condition(entry, "may");
            let call = |function| Expr::Call(function, param);
            let more = |function, limit: Option<i64>| {
                limit.map(|limit| {
                    let limit = Expr::Constant(Atom::Integer(limit));
                    Expr::Compare(Comparison::More, Box::new(call(function)), Box::new(limit))
                })
            };
            let limits = [
                ("required", entry.flag("required").then(|| call(Function::Missing)), "a call without it is refused"),
                ("max_length", more(Function::Length, entry.integer("max_length")), "a longer text is refused"),
                ("max_count", more(Function::Count, entry.integer("max_count")), "a longer list is refused"),
                (
                    "ascii",
                    entry.flag("ascii").then(|| Expr::Not(Box::new(call(Function::Ascii)))),
                    "other characters are refused",
                ),
            ];
            for (limit, due, text) in limits {
                let Some(due) = due else { continue };
                if unchecked.iter().any(|name| name == limit) {
                    continue;
                }
                let name = entry.text("name");
                let level =
                    if limit == "required" && entry.item("level").is_none() { Level::Should } else { level(entry) };
                let requirement = self.requirement(&format!("param/{name}/{limit}"), Kind::Param, entry, level);
                if let Some(requirement) = requirement {
                    self.operation.requirements[requirement].text = format!("{name}: {text}");
                }
                let mut codes: Vec<Code> = entry.texts("refusal").iter().map(|word| Code::parse(&word.text)).collect();
                if codes.is_empty() {
                    codes.push(Code::Any);
                }
                let both = |other| Expr::And(Box::new(due.clone()), Box::new(other));
                let (due, may) = match &may {
                    Some(may) => (both(Expr::Not(Box::new(may.clone()))), Some(both(may.clone()))),
                    None => (due.clone(), None),
                };
                self.push_row(entry, format!("{name}/{limit}"), codes, Some(due), may, requirement, false);
            }
        }
    }

    pub(super) fn overrides(&mut self) {
        for entry in self.file.tables("override") {
            let Some(when) = self.condition(entry, "when") else { continue };
            let skips = entry.texts("skips");
            for skip in &skips {
                if skip.text != "*" && !self.operation.rows.iter().any(|row| row.key == skip.text) {
                    let help = did_you_mean(&skip.text, self.operation.rows.iter().map(|row| row.key.as_str()));
                    let message = format!("nothing here is refused with `{}`", skip.text);
                    self.problems.report("unknown-name", &skip.span, message, "lifts nothing", help);
                }
            }
            let each = when.bindings(self.operation.bindings.len());
            self.operation.overrides.push(Override {
                when,
                each,
                skips: skips.into_iter().map(|word| word.text).collect(),
                source: entry.text("source"),
                span: entry.span.clone(),
            });
        }
    }
}
