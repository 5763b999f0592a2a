//! What the document leaves open, and names for conditions.

use std::{collections::BTreeSet, sync::Arc};

use super::Lowering;
use crate::{
    spec::{
        expression::compile,
        operation::{Choice, Question},
        requirement::{Kind, Level},
    },
    value::Atom,
};

impl Lowering<'_> {
    pub(super) fn questions(&mut self) {
        for entry in self.file.tables("open") {
            let Some(id) = entry.word("id") else { continue };
            let answers: Vec<Choice> = entry
                .tables("answers")
                .iter()
                .map(|answer| {
                    let id: Arc<str> = answer.text("id").into();
                    let (value, text, source) = (Atom::Text(id.clone()), answer.text("text"), answer.text("source"));
                    Choice { id, value, text, source }
                })
                .collect();
            if !id.text.contains('-') && !entry.flag("precedence") {
                self.problems.report(
                    "question-id",
                    &id.span,
                    format!("the question `{}` has no hyphen", id.text),
                    "its id",
                    "questions have a hyphen, so that nobody takes them for a parameter or resource",
                );
            }
            if answers.len() < 2 {
                self.problems.report(
                    "one-answer",
                    &entry.span,
                    format!("`{}` has {} answer", id.text, if answers.is_empty() { "no" } else { "only one" }),
                    "not open",
                    "a question has at least two answers; what has one is a promise or an error row",
                );
            }
            if entry.flag("precedence") {
                for answer in entry.tables("answers").iter().filter_map(|answer| answer.word("id")) {
                    if !["listed", "reversed"].contains(&answer.text.as_str()) {
                        self.problems.report(
                            "unknown-value",
                            &answer.span,
                            format!("`{}` is no order of codes", answer.text),
                            "not an order",
                            "the answers of a question of precedence are `listed` and `reversed`",
                        );
                    }
                }
            }
            if let Some(twice) = repeated(answers.iter().map(|answer| &*answer.id)) {
                let message = format!("two answers of `{}` are called `{twice}`", id.text);
                self.problems.report("duplicate", &entry.span, message, "the question", "rename one");
            }
            if self.operation.questions.iter().any(|question| question.id == id.text) {
                self.duplicate(entry, &format!("question `{}`", id.text));
                continue;
            }
            let requirement = self.requirement(&format!("open/{}", id.text), Kind::Open, entry, Level::Open);
            self.names.questions.push((id.text.clone(), answers.iter().map(|answer| answer.id.to_string()).collect()));
            self.operation.questions.push(Question {
                id: id.text,
                question: entry.text("question"),
                answers,
                precedence: entry.flag("precedence"),
                varies: entry.flag("varies"),
                requirement: requirement.unwrap_or_default(),
            });
        }
    }

    pub(super) fn definitions(&mut self) {
        let Some(table) = self.file.table("define") else { return };
        self.names.later = table.items().into_iter().map(|(name, _)| name.to_owned()).collect();
        for (name, _) in table.items() {
            let Some(word) = table.word(name) else { continue };
            let expr = compile(&word, &self.names, self.problems);
            self.names.later.retain(|later| later != name);
            self.names.defined.push((name.to_owned(), expr));
        }
    }
}

fn repeated<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}
