//! How the mock answers what is open.

use std::collections::BTreeMap;

use crate::{
    model::Choices,
    spec::{SpecSet, diagnostic::did_you_mean, service::OpRef},
};

/// Milliseconds that are long enough to meet another call that was sent at the same time.
const WORK_MS: u64 = 4;

/// Choices of a mock.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Answers to all open questions, by operation.
    pub choices: BTreeMap<OpRef, Choices>,
    /// Operations that are served in an older edition: current → edition.
    pub editions: BTreeMap<OpRef, OpRef>,
    /// When several codes are due, the last of the table wins.
    pub reversed: BTreeMap<OpRef, bool>,
    /// A call on what another is working on is refused, where the document has a row for that.
    pub exclusive: bool,
    /// How long asynchronous work takes.
    pub settle_ms: u64,
    /// The longest that a call works which changes something, behind a socket; 0 for no time at all.
    pub work_ms: u64,
}

impl Policy {
    /// The first answer to every question.
    pub fn new(set: &SpecSet, settle_ms: u64) -> Self {
        let mut policy = Self { settle_ms, work_ms: WORK_MS, exclusive: true, ..Self::default() };
        for (at, operation) in set.operations() {
            policy.choices.insert(at, Choices::likely(operation));
        }
        policy
    }

    /// Answers a question otherwise: `missing-image=ignored` for every operation that asks it,
    /// `ecs/DeleteImage/open/missing-image=ignored` for one.
    ///
    /// # Errors
    /// A sentence that says what there is to choose from.
    pub fn answer(&mut self, set: &SpecSet, text: &str) -> Result<(), String> {
        let (id, choice) = text.split_once('=').ok_or_else(|| format!("`{text}` is not ID=CHOICE"))?;
        let mut known = Vec::new();
        let mut choices = Vec::new();
        let mut done = false;
        for (at, operation) in set.operations() {
            for (index, question) in operation.questions.iter().enumerate() {
                let full = format!("{}/open/{}", operation.id, question.id);
                known.push(question.id.clone());
                if id != question.id && id != full {
                    continue;
                }
                choices.extend(question.answers.iter().map(|answer| answer.id.to_string()));
                let Some(found) = question.answers.iter().position(|answer| &*answer.id == choice) else { continue };
                done = true;
                if question.precedence {
                    self.reversed.insert(at, found == 1);
                }
                let known = self.choices.entry(at).or_default();
                *known = known.with(index, found);
            }
        }
        if done {
            return Ok(());
        }
        if choices.is_empty() {
            return Err(format!(
                "no open question is called `{id}`; {}",
                did_you_mean(id, known.iter().map(String::as_str))
            ));
        }
        Err(format!("`{id}` has no answer `{choice}`; {}", did_you_mean(choice, choices.iter().map(String::as_str))))
    }

    /// Serves an operation in the edition with this id, `ecs/DeleteImage@legacy`.
    ///
    /// # Errors
    /// A sentence that lists the editions.
    pub fn edition(&mut self, set: &SpecSet, id: &str) -> Result<(), String> {
        let editions = || set.operations().filter(|(_, operation)| operation.edition.is_some());
        let found = editions().find(|(_, operation)| operation.id == id);
        let Some((at, operation)) = found else {
            return Err(format!(
                "no edition is called `{id}`; {}",
                did_you_mean(id, editions().map(|(_, operation)| operation.id.as_str()))
            ));
        };
        if let Some(current) = set.service(at).action(&operation.name, None) {
            self.editions.insert(OpRef { service: at.service, operation: current }, at);
        }
        Ok(())
    }
}
