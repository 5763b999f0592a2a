//! Proof that the suite can fail: one planted bug at a time, and whether it was found.
//!
//! Mock and oracle share the model, so a mock that conforms proves nothing. A mock with a bug that the suite does not
//! find proves something: that the suite is blind there. So bugs are derived from the specs, planted in the mock one by
//! one, and hunted by an ordinary campaign.
//!
//! # What a mutant is
//!
//! A [`Mutant`] is an operation with one bug, made by an [`operator`] over whatever the spec says; none is written for one
//! operation. It names the requirement that it breaks. There are two sorts of bugs:
//!
//! - *Rewritten specs*: the mock reads a spec in which one thing is otherwise (a condition dropped, a code changed), while
//!   the suite reads the true one. The oracle never sees the rewritten one.
//! - *Behaviour*: something that no spec would say, such as an image that comes back, is a [`Fault`] of its own.
//!
//! Some of the latter take hold only when calls overlap.
//!
//! Bugs of what travels (envelopes, HTTP statuses) are planted in the mock's front, which is then called without a socket.
//!
//! # What becomes of it
//!
//! A mutant has *struck* when the mock did something else than a healthy one would have, at least once. It is
//!
//! - *killed*: the suite found something; of interest are what it blamed, after how many requests, and how short the
//!   shrunk sequence is;
//! - *allowed*: nothing was found, and every sequence (of bugs that take overlapping calls: every race, a number of times) of a bounded exhaustive exploration of the model says the same: what
//!   it does is among the things that the documents permit (an open question, usually), or cannot come about;
//! - *survived*: nothing was found by the campaign although it struck, but the exploration has a sequence that shows it.
//!   The suite is too weak;
//! - *not struck*: the same, but it did not even strike. The suite does not go there.
//!
//! # Files
//!
//! - [`operator`]: one file for each family of operators, all in one list.
//! - [`condition`]: conditions with one thing changed, and whether that can matter at all.
//! - [`fault`]: bugs as the mock sees them.
//! - [`explore`]: every short sequence, for what was not found and to know how short a sequence can be.
//! - [`kill`]: the hunt.

pub mod condition;
pub mod explore;
pub mod fault;
pub mod kill;
pub mod operator;

use std::{fmt, sync::Arc};

pub use kill::{Fate, Hunt, KillTable};
pub use operator::{OPERATORS, Operator};

use crate::{
    mock::fault::{Fault, Planted},
    spec::{Service, SpecSet, service::OpRef},
};
use fault::{Concerns, Rewritten};

/// An operation with one bug.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// Stable and readable: `shop/DeleteItem/drop-condition/ItemInUse`.
    pub id: String,
    pub operator: &'static str,
    pub at: OpRef,
    /// Index of the requirement that it breaks.
    pub breaks: usize,
    /// What it does wrong, in a sentence without an end.
    pub text: String,
    bug: Bug,
}

/// Changes the description of a service; the number is that of the operation.
pub type Rewrite = Arc<dyn Fn(&mut Service, usize) + Send + Sync>;

/// What is wrong.
#[derive(Clone)]
pub enum Bug {
    /// The mock reads another spec, where calls of some sort come.
    Rewrite(Rewrite, Concerns),
    /// The mock does what no spec says; makes a fresh fault that remembers nothing.
    Behaviour(Arc<dyn Fn() -> Arc<dyn Fault> + Send + Sync>),
    /// The same, where bytes are written.
    Wire(Arc<dyn Fn() -> Arc<dyn Fault> + Send + Sync>),
    /// The same, where calls overlap.
    Overlap(Arc<dyn Fn() -> Arc<dyn Fault> + Send + Sync>),
}

impl Mutant {
    /// A fresh bug to plant in a mock of these specs.
    pub fn plant(&self, set: &SpecSet) -> Planted {
        self.nursery(set)()
    }

    /// Fresh bugs for many mocks, each without what the others remember.
    pub fn nursery(&self, set: &SpecSet) -> Arc<dyn Fn() -> Planted + Send + Sync> {
        match &self.bug {
            Bug::Rewrite(rewrite, concerns) => {
                let mut services = set.services.clone();
                rewrite(&mut services[self.at.service], self.at.operation);
                let (rewritten, at) = (Arc::new(SpecSet { services, ..SpecSet::default() }), self.at);
                let concerns = concerns.clone();
                Arc::new(move || {
                    let (set, concerns) = (rewritten.clone(), concerns.clone());
                    Planted::new(Arc::new(Rewritten { set, at, concerns }))
                })
            }
            Bug::Behaviour(make) | Bug::Wire(make) | Bug::Overlap(make) => {
                let make = make.clone();
                Arc::new(move || Planted::new(make()))
            }
        }
    }

    /// It shows itself only in what travels.
    pub fn is_on_the_wire(&self) -> bool {
        matches!(self.bug, Bug::Wire(_))
    }

    /// It shows itself only when calls overlap.
    pub fn is_of_overlap(&self) -> bool {
        matches!(self.bug, Bug::Overlap(_))
    }

    /// Id of the requirement that it breaks.
    pub fn broken<'a>(&self, set: &'a SpecSet) -> &'a str {
        &set.operation(self.at).requirements[self.breaks].id
    }
}

impl fmt::Debug for Bug {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Rewrite(..) => "Rewrite",
            Self::Behaviour(_) => "Behaviour",
            Self::Wire(_) => "Wire",
            Self::Overlap(_) => "Overlap",
        })
    }
}

/// Every mutant of every documented operation, in the order of the specs and of the operators.
pub fn derive(set: &SpecSet) -> Vec<Mutant> {
    let documented = set.operations().filter(|(_, operation)| operation.is_documented());
    documented.flat_map(|(at, _)| derive_for(set, at)).collect()
}

/// Every mutant of one operation.
pub fn derive_for(set: &SpecSet, at: OpRef) -> Vec<Mutant> {
    let subject = operator::Subject::new(set, at);
    let mut found: Vec<Mutant> = Vec::new();
    for operator in OPERATORS {
        for draft in (operator.derive)(&subject) {
            let stem = format!("{}/{}/{}", subject.operation.id, operator.name, draft.local);
            let twins =
                found.iter().filter(|known| known.id == stem || known.id.starts_with(&format!("{stem}~"))).count();
            // Rules without a name of their own share one.
            let id = if twins == 0 { stem } else { format!("{stem}~{}", twins + 1) };
            found.push(Mutant {
                id,
                operator: operator.name,
                at,
                breaks: draft.breaks,
                text: draft.text,
                bug: draft.bug,
            });
        }
    }
    found
}
