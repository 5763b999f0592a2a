//! One call on its way through the mock, and those that it meets there.
//!
//! A call *looks*, then *acts*. Looking takes a copy of the state and works out what is to be done, without a lock; acting
//! takes the lock for a moment, and does it if the state is still the one that was looked at. Otherwise the call looks
//! again. So calls run side by side, and what each does was worked out from the very state that it changes.
//!
//! Between the two, a call that changes what it names holds a job on it. Where the document has a row for that, another
//! call that looks at the same resource meanwhile is refused with it, if the [policy](super::Policy::exclusive) says so.

use std::sync::{
    Arc, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{
    fault::{Meeting, Situation},
    render,
    service::{Mock, choose, does_alike},
};
use crate::{
    history::Reply,
    model::{Answer, Choices, Outcome, Refused, Request, State},
    value::Key,
};

/// A call that is under way.
#[derive(Debug)]
pub struct Work {
    pub request: Request,
    /// It holds a job on what it names.
    holds: AtomicBool,
    /// What it did, once it has.
    done: OnceLock<Arc<Outcome>>,
}

impl Work {
    pub(super) fn new(request: Request) -> Self {
        Self { request, holds: AtomicBool::new(false), done: OnceLock::new() }
    }

    /// What it did; none while it is under way.
    pub fn done(&self) -> Option<&Outcome> {
        self.done.get().map(|done| &**done)
    }

    /// A resource that both calls name.
    pub fn shares(&self, request: &Request) -> Option<&Key> {
        let mut named = self.request.targets.iter().flatten();
        named.find(|key| request.targets.iter().flatten().any(|other| other == *key))
    }
}

/// A call that has not been answered.
pub struct Handling<'m> {
    mock: &'m Mock,
    work: Arc<Work>,
    request_id: String,
    /// It does not come to look: there is no room for what it would make.
    refused: Option<Reply>,
    /// For bugs that mix up what was seen at first with what is there by now.
    first: Option<Look>,
    latest: Option<Look>,
    struck: bool,
    answered: bool,
}

/// A state with what is to be done in it.
#[derive(Clone)]
struct Look {
    state: Arc<State>,
    version: u64,
    at_ms: u64,
    /// What a mock without a bug would do.
    healthy: Arc<Outcome>,
    outcome: Arc<Outcome>,
}

impl<'m> Handling<'m> {
    pub(super) fn new(mock: &'m Mock, work: Arc<Work>, request_id: String, refused: Option<Reply>) -> Self {
        Self { mock, work, request_id, refused, first: None, latest: None, struck: false, answered: false }
    }

    /// It changes what it names, which takes a while.
    pub fn works(&self) -> bool {
        let request = &self.work.request;
        self.mock.set.operation(request.operation).changes() && request.targets.iter().any(|keys| !keys.is_empty())
    }

    /// Goes on by one step; the reply once there is one.
    pub fn step(&mut self, now_ms: u64) -> Option<Reply> {
        if let Some(refused) = self.refused.take() {
            return Some(refused);
        }
        match self.latest.take() {
            None => self.look(now_ms),
            Some(look) => self.act(look, now_ms),
        }
    }

    /// Goes through to the end.
    pub fn finish(mut self, now_ms: u64) -> Reply {
        loop {
            if let Some(reply) = self.step(now_ms) {
                return reply;
            }
        }
    }

    /// Sees what is to be done. The reply where nothing can be.
    fn look(&mut self, now_ms: u64) -> Option<Reply> {
        let mock = self.mock;
        let (state, version, taken, stale) = {
            let mut held = mock.held(self.work.request.operation.service);
            self.struck |= mock.settle(&mut held, self.work.request.operation.service, now_ms);
            let taken = held.under_way().any(|other| {
                !Arc::ptr_eq(other, &self.work)
                    && other.holds.load(Ordering::Relaxed)
                    && other.shares(&self.work.request).is_some()
            });
            self.work.holds.store(self.works(), Ordering::Relaxed);
            let stale = mock.stale(&held, self.work.request.operation, now_ms);
            (held.state.clone(), held.version, taken, stale)
        };
        let request = &self.work.request;
        let (choices, reversed) = mock.preferences(request.operation);
        let Some(healthy) = choose(&mock.set, &state, request, choices, reversed) else {
            return Some(render::failure(self.request_id.clone()));
        };
        if let Some(stale) = stale {
            let seen = choose(&mock.set, &stale, request, choices, reversed).unwrap_or(healthy);
            return Some(render::reply(&mock.set, &stale, request, &seen, &self.request_id));
        }
        let mut healthy = Arc::new(healthy);
        let planted = mock.planted.as_ref();
        let other = planted
            .and_then(|planted| planted.fault.outcome(&self.situation(choices, reversed, now_ms), &state, &healthy));
        let mut outcome = other.map_or_else(|| healthy.clone(), Arc::new);
        if taken {
            // With a bug or without: whether a resource is taken is not what outcomes are about.
            for outcome in [&mut healthy, &mut outcome] {
                if let Some(refused) = self.exclusive(outcome) {
                    *outcome = refused.into();
                }
            }
        }
        let look = Look { state, version, at_ms: now_ms, healthy, outcome };
        if planted.is_some() {
            self.first.get_or_insert_with(|| look.clone());
        }
        self.latest = Some(look);
        None
    }

    /// The refusal of a call that would change what another is working on.
    fn exclusive(&self, healthy: &Outcome) -> Option<Outcome> {
        let operation = self.mock.set.operation(self.work.request.operation);
        let changes = !(healthy.changes.is_empty() && healthy.later.is_empty());
        let row =
            operation.rows.iter().position(|row| row.overlap).filter(|_| self.mock.policy.exclusive && changes)?;
        let answer = Answer::Refused(Refused::Row(row));
        Some(Outcome { answer, changes: Vec::new(), later: Vec::new(), token: None, ..healthy.clone() })
    }

    fn act(&mut self, look: Look, now_ms: u64) -> Option<Reply> {
        let mock = self.mock;
        let service = self.work.request.operation.service;
        let mut held = mock.held(service);
        if look.at_ms != now_ms {
            self.struck |= mock.settle(&mut held, service, now_ms);
        }
        if held.version != look.version {
            drop(held);
            return self.look(now_ms);
        }
        let met = held.leave(&self.work);
        self.answered = true;
        let Look { state: before, healthy, mut outcome, .. } = look;
        let (choices, reversed) = mock.preferences(self.work.request.operation);
        let situation = self.situation(choices, reversed, now_ms);
        let first = self.first.as_ref();
        let (mut base, mut shown) = (None, None);
        if let (Some(planted), Some(first), false) = (&mock.planted, first, met.is_empty()) {
            let meeting = Meeting {
                situation,
                others: &met,
                first: &first.state,
                looked: &first.healthy,
                now: &before,
                healthy: &healthy,
            };
            outcome = planted.fault.overlapped(&meeting).map_or(outcome, Arc::new);
            base = planted.fault.base(&meeting).filter(|base| *base != *before);
            shown = planted.fault.shown(&meeting);
        }
        drop(before);
        let misplaced = base.is_some();
        mock.apply(&mut held, base, &outcome, now_ms);
        let after = held.state.clone();
        drop(held);
        let _ = self.work.done.set(outcome.clone());
        let request = &self.work.request;
        let render = |state: &State, outcome| render::reply(&mock.set, state, request, outcome, &self.request_id);
        let reply = render(shown.as_ref().unwrap_or(&after), &outcome);
        let Some(planted) = &mock.planted else { return Some(reply) };
        let reply = planted.fault.reply(&situation, &after, &outcome, &reply).unwrap_or(reply);
        if self.struck || misplaced || !does_alike(&healthy, &outcome) || reply != render(&after, &healthy) {
            planted.strike();
        }
        Some(reply)
    }

    fn situation<'s>(&'s self, choices: &'s Choices, reversed: bool, now_ms: u64) -> Situation<'s> {
        Situation {
            set: &self.mock.set,
            request: &self.work.request,
            choices,
            reversed,
            request_id: &self.request_id,
            now_ms,
        }
    }
}

impl Drop for Handling<'_> {
    /// A call that nobody waits for any more is not under way.
    fn drop(&mut self) {
        if !self.answered {
            let mut held = self.mock.held(self.work.request.operation.service);
            held.leave(&self.work);
        }
    }
}

impl Mock {
    fn held(&self, service: usize) -> std::sync::MutexGuard<'_, super::service::Held> {
        self.states[service].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
