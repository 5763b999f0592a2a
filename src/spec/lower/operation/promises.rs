//! What is promised beside the error table: by every document, and by the prose of this one.

use super::super::level;
use super::Lowering;
use crate::spec::{
    operation::{Basics, Expectation, Promise},
    reading::Entry,
    requirement::{Kind, Level, Requirement},
};

impl Lowering<'_> {
    pub(super) fn basics(&mut self, head: &Entry) {
        if !self.operation.is_documented() {
            return;
        }
        let mut add = |id: &str, level, text: &str, source: &str| {
            let requirement = Requirement {
                id: format!("{}/{id}", self.operation.id),
                kind: Kind::Promise,
                level,
                text: text.into(),
                document: None,
                source: source.into(),
                span: head.span.clone(),
                unreachable: None,
                overlap: false,
            };
            self.operation.requirements.push(requirement);
            self.operation.requirements.len() - 1
        };
        self.operation.basics = Some(Basics {
            success: add(
                "success",
                Level::Must,
                "a call that no documented condition forbids succeeds",
                "the document as a whole",
            ),
            effect: add(
                "effect",
                Level::Must,
                "what a success announces is then shown by reads",
                "the document as a whole",
            ),
            unchanged: add("unchanged", Level::Should, "a refused call changes nothing", "the error codes as a whole"),
            others: add(
                "others",
                Level::Should,
                "resources that the call does not name stay as they are",
                "the document as a whole",
            ),
        });
    }

    pub(super) fn promises(&mut self) {
        for entry in self.file.tables("promise") {
            let Some(id) = entry.word("id") else { continue };
            if !entry.has("expect") && !entry.has("unreachable") {
                self.problems.report(
                    "unchecked",
                    &entry.span,
                    format!("nothing checks the promise `{}`", id.text),
                    "this promise",
                    "add `expect`, or `unreachable` with the reason",
                );
            }
            let when = self.condition(entry, "when");
            let expect = match entry.text("expect").as_str() {
                "success" => Some(Expectation::Success),
                "refusal" => Some(Expectation::Refusal),
                "unchanged" => Some(Expectation::Unchanged),
                "gone" => Some(Expectation::Gone),
                "others" => Some(Expectation::Others),
                "kept" => Some(Expectation::Kept),
                _ => None,
            };
            if let Some(requirement) =
                self.requirement(&format!("promise/{}", id.text), Kind::Promise, entry, level(entry))
            {
                let each = when.as_ref().map(|when| when.bindings(self.operation.bindings.len())).unwrap_or_default();
                self.operation.promises.push(Promise { when, each, expect, requirement });
            }
        }
    }
}
