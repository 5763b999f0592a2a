//! Where a planted bug takes hold.
//!
//! A mock with a [`Fault`] asks it at five places: when time passes, when an outcome is chosen, when it is carried out while
//! other calls are under way, when the reply is written, and when the response is encoded. Every place has an answer that
//! changes nothing, so a fault says only what it does otherwise. The mock compares what comes with what it would have done,
//! and counts each exchange in which that differs: a bug that was never struck was not put to the test.
//!
//! What bugs there are is for others to say; nothing here knows one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::handling::Work;
use crate::{
    history::Reply,
    model::{Choices, Outcome, Request, State},
    spec::{SpecSet, service::OpRef},
    wire::HttpResponse,
};

/// What a mock does otherwise than its specs say. It may remember what it did; each mock has a fault of its own.
pub trait Fault: Send + Sync {
    /// Time has passed, and work that is done by now is done; what was deleted is still there, marked. True when the fault
    /// changed the state.
    fn settle(&self, _service: usize, _state: &mut State, _now_ms: u64) -> bool {
        false
    }

    /// Another outcome than the healthy one.
    fn outcome(&self, _situation: &Situation<'_>, _state: &State, _healthy: &Outcome) -> Option<Outcome> {
        None
    }

    /// Another outcome, because the call has met others. Only asked then.
    fn overlapped(&self, _meeting: &Meeting<'_>) -> Option<Outcome> {
        None
    }

    /// Another state to carry the outcome out in, because the call has met others: what happened meanwhile is lost.
    fn base(&self, _meeting: &Meeting<'_>) -> Option<State> {
        None
    }

    /// Another state to reply from, because the call has met others.
    fn shown(&self, _meeting: &Meeting<'_>) -> Option<State> {
        None
    }

    /// Another reply than the one that the outcome earns.
    fn reply(&self, _situation: &Situation<'_>, _after: &State, _outcome: &Outcome, _reply: &Reply) -> Option<Reply> {
        None
    }

    /// Another response than the one that the reply is written as.
    fn response(&self, _operation: OpRef, _reply: &Reply, _response: &HttpResponse) -> Option<HttpResponse> {
        None
    }
}

/// A call that is being answered.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub set: &'a SpecSet,
    pub request: &'a Request,
    /// How the mock answers open questions.
    pub choices: &'a Choices,
    /// When several codes are due, the last of the table wins.
    pub reversed: bool,
    pub request_id: &'a str,
    pub now_ms: u64,
}

/// A call that was under way at the same time as others, at the moment when it is carried out.
#[derive(Clone, Copy)]
pub struct Meeting<'a> {
    pub situation: Situation<'a>,
    /// Those that it met, done or not.
    pub others: &'a [Arc<Work>],
    /// The state when it looked first.
    pub first: &'a State,
    /// What was to be done then.
    pub looked: &'a Outcome,
    /// The state now.
    pub now: &'a State,
    /// What is to be done now.
    pub healthy: &'a Outcome,
}

/// A fault in its mock.
#[derive(Clone)]
pub struct Planted {
    pub fault: Arc<dyn Fault>,
    struck: Arc<AtomicU64>,
}

impl Planted {
    pub fn new(fault: Arc<dyn Fault>) -> Self {
        Self { fault, struck: Arc::default() }
    }

    /// Exchanges in which it made a difference.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }

    pub(super) fn strike(&self) {
        self.struck.fetch_add(1, Ordering::Relaxed);
    }
}
