//! What judging a case yields.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::spec::service::OpRef;

/// A requirement of an operation.
pub type ReqRef = (OpRef, usize);

/// Everything that one history says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Requirements that it exercised, each as often as it did.
    pub exercised: Vec<ReqRef>,
    pub findings: Vec<Finding>,
    /// Answers to open questions that it is certain of.
    pub answers: Vec<Observed>,
    /// Codes that won over others that were due too.
    pub precedence: Vec<Precedence>,
    /// Values that no other answer may have.
    pub unique: Vec<Unique>,
    /// Texts that differ from the document's.
    pub messages: Vec<Reworded>,
    /// Why parts of it could not be judged.
    pub reasons: Vec<Reason>,
    /// Positions of reads that show something else than was there, where no documented call is known to be the cause.
    pub unexplained: BTreeSet<usize>,
    /// Calls that were to overlap.
    pub races: Races,
}

/// Calls of different lanes, in pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Races {
    pub pairs: u64,
    /// Pairs of which neither call was over before the other began.
    pub overlapped: u64,
}

impl std::ops::AddAssign for Races {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.overlapped += other.overlapped;
    }
}

/// A departure from the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Identity, without varying text: two findings with one key are one finding.
    pub key: String,
    pub nature: Nature,
    pub requirement: ReqRef,
    /// What happened, in one line.
    pub summary: String,
    /// What would have been right.
    pub expected: Vec<String>,
    /// What came.
    pub actual: Value,
    /// Position of the command that shows it.
    pub command: usize,
    /// Position of the command that broke the promise.
    pub culprit: usize,
    /// The state before the command that shows it, a line for each resource.
    pub before: Vec<String>,
    /// Orders of overlapping calls, and why each explains nothing; empty where nothing overlapped.
    pub orders: Vec<Order>,
}

impl Finding {
    /// What was wrong, of its key; the rest is the requirement.
    pub fn what(&self) -> &str {
        self.key.split_once('#').map_or("", |(_, what)| what)
    }

    /// It takes a later command, a read, to see what the culprit did; its answer alone does not show it.
    pub fn is_seen_later(&self) -> bool {
        self.command != self.culprit
    }
}

/// An order of overlapping calls that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Positions of the commands.
    pub commands: Vec<usize>,
    /// Why it does not explain what was seen.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nature {
    /// A promise was broken.
    Violation,
    /// An answer that no document knows, where none forbids it.
    Undocumented,
    /// Two answers to one open question.
    Inconsistent,
}

impl Nature {
    pub fn name(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Undocumented => "undocumented",
            Self::Inconsistent => "inconsistent",
        }
    }
}

/// What a case says of an open question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observed {
    pub operation: OpRef,
    pub question: usize,
    /// Alternatives that explain it, if nothing that was watched for a while comes about after all; never all of them.
    pub possible: Vec<usize>,
    /// Alternatives that explain it whatever comes about within patience.
    pub proven: Vec<usize>,
    /// What the endpoint answered when it was asked.
    pub label: String,
}

/// A code that was answered although others were due too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Precedence {
    pub operation: OpRef,
    pub winner: String,
    pub losers: Vec<String>,
    /// What the call named was in this state. One code may stand for several conditions, and which of them is looked at
    /// first is no matter of codes.
    pub situation: String,
    /// The call named several resources, and the winner is about a later one than the losers are.
    pub in_batch: bool,
}

/// What several codes were due for: where it is the same, the same one is to win.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contest {
    codes: BTreeSet<String>,
    situation: String,
}

impl Precedence {
    pub fn contest(&self) -> Contest {
        let codes = self.losers.iter().chain([&self.winner]).cloned().collect();
        Contest { codes, situation: self.situation.clone() }
    }
}

/// A value of a field that is promised to be different in every answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unique {
    pub requirement: ReqRef,
    pub value: String,
}

/// A message that differs from the document's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reworded {
    pub operation: OpRef,
    pub code: String,
    pub message: String,
}

/// Why something could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    pub command: usize,
    pub text: String,
    /// What a documented call promised there; it is broken when the same happens every time.
    pub promised: Option<Promised>,
}

/// What is promised where no answer came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Promised {
    pub requirement: ReqRef,
    /// Every answer that may have been due, to read.
    pub expected: Vec<String>,
}
