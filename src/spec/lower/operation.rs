//! An operation's file → [`Operation`].
//!
//! One file for each part, in the order of [`Lowering::run`]; each part may use the names of those before it:
//!
//! 1. [`params`]: what a call takes;
//! 2. [`questions`]: what is open, and names for conditions;
//! 3. [`rows`]: when a call is refused, and what lifts that;
//! 4. [`effects`]: what it changes;
//! 5. [`answers`]: what it answers, and what a read shows;
//! 6. [`promises`]: what is promised beside the error table (what every document promises comes before the questions,
//!    because requirements are told in that order);
//! 7. [`overlaps`]: what holds of calls that overlap;
//! 8. [`access`]: who is refused whatever they ask;
//! 9. [`uses`]: ways to call a companion;
//! 10. [`whole`]: what can only be said of all of it.

mod access;
mod answers;
mod effects;
mod overlaps;
mod params;
mod promises;
mod questions;
mod rows;
mod uses;
mod whole;

use crate::spec::{
    diagnostic::Diagnostics,
    expression::{Expr, Names, compile},
    operation::{Document, Operation, Role},
    reading::Entry,
    requirement::{Kind, Level, Requirement},
    service::Service,
};

pub fn lower(file: &Entry, stem: &str, service: &Service, problems: &mut Diagnostics) -> Option<Operation> {
    let head = file.table("operation")?;
    let name = head.word("name")?;
    let edition = head.word("edition").map(|word| word.text);
    let expected = edition.as_ref().map_or(name.text.clone(), |edition| format!("{}@{edition}", name.text));
    if stem != expected {
        problems.report(
            "file-name",
            &name.span,
            format!("the file `{stem}.toml` describes `{expected}`"),
            "the operation",
            format!("rename the file to `{expected}.toml`"),
        );
    }
    let document = head.table("document");
    let text = |key: &str| document.map(|document| document.text(key)).unwrap_or_default();
    let operation = Operation {
        id: format!("{}/{expected}", service.name),
        name: name.text,
        edition,
        role: if head.text("role") == "documented" { Role::Documented } else { Role::Companion },
        summary: head.text("summary"),
        document: Document { title: text("title"), updated: text("updated"), page: text("page") },
        span: head.span.clone(),
        params: Vec::new(),
        carried: Vec::new(),
        fields: Vec::new(),
        bindings: Vec::new(),
        rows: Vec::new(),
        overrides: Vec::new(),
        questions: Vec::new(),
        promises: Vec::new(),
        laws: Vec::new(),
        effects: Vec::new(),
        views: Vec::new(),
        uses: Vec::new(),
        token: None,
        region: None,
        requirements: Vec::new(),
        basics: None,
        paid: head.flag("creates"),
        rate: super::rate(head, "rate", problems),
    };
    Some(Lowering { file, service, problems, operation, names: Names::default(), created: Vec::new() }.run(head))
}

struct Lowering<'a> {
    file: &'a Entry,
    service: &'a Service,
    problems: &'a mut Diagnostics,
    operation: Operation,
    names: Names<'a>,
    /// Kinds of the variables that effects create.
    created: Vec<(String, usize)>,
}

impl Lowering<'_> {
    fn run(mut self, head: &Entry) -> Operation {
        self.params(head);
        self.names.kinds = &self.service.kinds;
        self.names.params = self.operation.params.iter().map(|param| param.name.clone()).collect();
        self.names.variables =
            self.operation.bindings.iter().map(|binding| (binding.name.clone(), binding.kind)).collect();
        self.names.token = self.operation.token.is_some();
        self.basics(head);
        self.questions();
        self.definitions();
        self.rows();
        self.limits();
        self.overrides();
        self.effects();
        self.fields();
        self.views();
        self.promises();
        self.overlaps();
        self.access();
        self.uses();
        self.unique_requirements();
        self.unused();
        self.operation
    }

    /// The requirement of an entry, by index; none in a companion.
    fn requirement(&mut self, local: &str, kind: Kind, entry: &Entry, level: Level) -> Option<usize> {
        if !self.operation.is_documented() {
            return None;
        }
        let text = ["text", "question", "message"].iter().map(|key| entry.text(key)).find(|text| !text.is_empty());
        self.operation.requirements.push(Requirement {
            id: format!("{}/{local}", self.operation.id),
            kind,
            level,
            text: text.unwrap_or_default(),
            document: None,
            source: entry.text("source"),
            span: entry.span.clone(),
            unreachable: entry.word("unreachable").map(|word| word.text),
            overlap: entry.flag("overlap"),
        });
        Some(self.operation.requirements.len() - 1)
    }

    /// The condition that an entry has under a key.
    fn condition(&mut self, entry: &Entry, key: &str) -> Option<Expr> {
        let word = entry.word(key)?;
        Some(compile(&word, &self.names, self.problems))
    }

    fn duplicate(&mut self, entry: &Entry, what: &str) {
        self.problems.report(
            "duplicate",
            &entry.span,
            format!("{what} is described twice"),
            "the second",
            "rename or remove one",
        );
    }
}
