//! How open questions of the documents are answered.

use crate::spec::Operation;

/// Answers to open questions of one operation, as far as known: question → choice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Choices(Vec<(usize, usize)>);

/// Nothing is known.
pub static NO_CHOICES: Choices = Choices(Vec::new());

impl Choices {
    pub fn get(&self, question: usize) -> Option<usize> {
        self.0.iter().find(|(known, _)| *known == question).map(|(_, choice)| *choice)
    }

    /// The first answer to every question of an operation, which is the likely one.
    pub fn likely(operation: &Operation) -> Self {
        Self((0..operation.questions.len()).map(|question| (question, 0)).collect())
    }

    /// The answers that are not the likely one, each with its question.
    pub fn unlikely(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.iter().filter(|(_, choice)| *choice > 0)
    }

    /// These answers, and the first to every other question.
    #[must_use]
    pub fn completed(&self, operation: &Operation) -> Self {
        if self.0.len() == operation.questions.len() { self.clone() } else { Self::likely(operation).joined(self) }
    }

    #[must_use]
    pub fn with(&self, question: usize, choice: usize) -> Self {
        let mut next = self.with_room(1);
        next.add(question, choice);
        next
    }

    /// A copy to which so many may be added.
    fn with_room(&self, n_more: usize) -> Self {
        let mut next = Vec::with_capacity(self.0.len() + n_more);
        next.extend_from_slice(&self.0);
        Self(next)
    }

    fn add(&mut self, question: usize, choice: usize) {
        match self.0.binary_search_by_key(&question, |(known, _)| *known) {
            Ok(at) => self.0[at].1 = choice,
            Err(at) => self.0.insert(at, (question, choice)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.0.iter().copied()
    }

    /// Only the answers to these questions.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(usize) -> bool) -> Self {
        Self(self.0.iter().filter(|(question, _)| is_wanted(*question)).copied().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what `other` knows.
    #[must_use]
    pub fn joined(&self, other: &Choices) -> Self {
        let mut joined = self.with_room(other.0.len());
        other.iter().for_each(|(question, choice)| joined.add(question, choice));
        joined
    }
}
