//! What can only be said of the whole file: nothing is required twice, every question is asked.

use std::collections::BTreeSet;

use super::Lowering;
use crate::spec::{
    expression::{Expr, parse},
    reading::Word,
    requirement::Requirement,
};

impl Lowering<'_> {
    pub(super) fn unique_requirements(&mut self) {
        // An entry without a name is reported already.
        let named = |requirement: &Requirement| !requirement.id.contains("//") && !requirement.id.ends_with('/');
        for (index, requirement) in self.operation.requirements.iter().enumerate().filter(|(_, found)| named(found)) {
            if let Some(first) = self.operation.requirements[..index].iter().find(|first| first.id == requirement.id) {
                let (mut first, mut requirement) = (first, requirement);
                if requirement.span.range.start < first.span.range.start {
                    std::mem::swap(&mut first, &mut requirement);
                }
                self.problems.report(
                    "duplicate",
                    &requirement.span,
                    format!("`{}` is required twice", requirement.id),
                    "the second",
                    format!("the first is in line {}; join them, or give this one another id", first.span.line()),
                );
            }
        }
    }

    /// A question that nothing asks is never answered.
    pub(super) fn unused(&mut self) {
        // What a broken condition would have asked is unknown.
        let tables = ["error", "refusal", "override", "effect", "promise"];
        let entries = tables.iter().flat_map(|table| self.file.tables(table));
        let mut texts: Vec<Word> =
            entries.flat_map(|entry| [entry.word("when"), entry.word("may")]).flatten().collect();
        if let Some(table) = self.file.table("define") {
            texts.extend(table.items().into_iter().filter_map(|(name, _)| table.word(name)));
        }
        if self.file.is_doubtful() || texts.iter().any(|word| parse(&word.text).is_err()) {
            return;
        }
        let operation = &self.operation;
        let conditions = operation
            .rows
            .iter()
            .flat_map(|row| row.due.iter().chain(&row.may))
            .chain(operation.overrides.iter().map(|rule| &rule.when))
            .chain(operation.effects.iter().filter_map(|effect| effect.when.as_ref()))
            .chain(operation.promises.iter().filter_map(|promise| promise.when.as_ref()));
        let asked: BTreeSet<usize> = conditions.flat_map(Expr::questions).collect();
        for (index, question) in operation.questions.iter().enumerate() {
            let excused = question.precedence
                || operation.requirements.get(question.requirement).is_some_and(|found| found.unreachable.is_some());
            if asked.contains(&index) || excused {
                continue;
            }
            let Some(entry) = self.file.tables("open").iter().find(|entry| entry.text("id") == question.id) else {
                continue;
            };
            self.problems.report(
                "unasked",
                &entry.span,
                format!("no condition asks `{}`", question.id),
                "never answered",
                "use it in a condition, such as `… and missing-image is refused`, or say why it is `unreachable`",
            );
        }
    }
}
