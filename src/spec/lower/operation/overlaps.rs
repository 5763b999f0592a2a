//! What holds of calls that overlap.

use super::super::level;
use super::Lowering;
use crate::spec::{operation::Law, requirement::Kind};

impl Lowering<'_> {
    pub(super) fn overlaps(&mut self) {
        for entry in self.file.tables("overlap") {
            let Some(word) = entry.word("law") else { continue };
            let Some((name, law)) = Law::ALL.iter().find(|(name, _)| *name == word.text) else { continue };
            let operation = &self.operation;
            let lacks = match law {
                Law::Exclusive if !operation.rows.iter().any(|row| row.overlap) => "a row with `overlap = true`",
                Law::Token if operation.token.is_none() => "a `token`",
                Law::Batch if operation.list().is_none() => "a parameter with a list of ids",
                _ => "",
            };
            if !lacks.is_empty() {
                self.problems.report(
                    "pointless",
                    &word.span,
                    format!("the law `{name}` is about something that the operation does not have"),
                    "about nothing",
                    format!("remove it, or describe {lacks}"),
                );
                continue;
            }
            if let Some(requirement) = self.requirement(&format!("overlap/{name}"), Kind::Overlap, entry, level(entry))
            {
                self.operation.requirements[requirement].overlap = true;
                self.operation.laws.push((*law, requirement));
            }
        }
    }
}
