//! What shows itself only between two cases, and where in the later one.

use crate::{
    history::History,
    oracle::{
        Judged,
        finding::{Contest, Unique},
        judge,
    },
    sequence::Script,
    spec::{SpecSet, service::OpRef},
};

/// What a case says that an earlier one contradicts.
#[derive(Debug, Clone)]
pub enum Between {
    /// None of the alternatives that another case left to an open question.
    Answer { at: OpRef, question: usize, others: Vec<usize> },
    /// Another code than this one, in the same contest.
    Winner { at: OpRef, contest: Contest, other: String },
    /// A value that was to differ from all others.
    Value(Unique),
}

impl Between {
    /// Requests of a case by which it says so; all of them where it takes them all.
    pub fn shown_after(&self, set: &SpecSet, script: &Script, history: &History) -> usize {
        let n_all = history.exchanges.len();
        let is_said = |n: &usize| {
            let exchanges = history.exchanges[..*n].to_vec();
            self.is_said(&judge(set, script, &History { exchanges, ..history.clone() }))
        };
        (1..n_all).find(is_said).unwrap_or(n_all)
    }

    /// A judged case says so.
    pub fn is_said(&self, judged: &Judged) -> bool {
        match self {
            Self::Answer { at, question, others } => judged.answers.iter().any(|answer| {
                (answer.operation, answer.question) == (*at, *question)
                    && answer.proven.iter().all(|choice| !others.contains(choice))
            }),
            Self::Winner { at, contest, other } => judged.precedence.iter().any(|found| {
                found.operation == *at && !found.in_batch && found.contest() == *contest && found.winner != *other
            }),
            Self::Value(unique) => judged.unique.contains(unique),
        }
    }
}
