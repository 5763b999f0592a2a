//! State and answers, without bytes.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::{
    fault::{Planted, Situation},
    policy::Policy,
    render,
};
use crate::{
    history::Reply,
    model::{Caller, Choices, Outcome, Request, Resource, State, likely, outcomes_with},
    spec::{Service, SpecSet, id::mint, service::OpRef},
    value::{Atom, Key},
};

/// Tokens that are remembered; older ones are forgotten.
const TOKENS: usize = 4096;

/// The service.
pub struct Mock {
    pub set: Arc<SpecSet>,
    pub policy: Policy,
    /// A bug that was planted.
    pub planted: Option<Planted>,
    /// One state for each service: they do not know each other.
    states: Vec<Mutex<Held>>,
}

struct Held {
    state: State,
    /// Number of the next id.
    serial: u64,
}

/// A call that has passed the front.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub operation: OpRef,
    pub arguments: Vec<Option<Value>>,
    /// Region that came beside the parameters.
    pub region: Option<Arc<str>>,
    pub caller: Caller,
}

impl Mock {
    pub fn new(set: Arc<SpecSet>, policy: Policy) -> Self {
        let states = set.services.iter().map(|service| Mutex::new(Held::new(service))).collect();
        Self { set, policy, planted: None, states }
    }

    /// The same with a bug.
    #[must_use]
    pub fn with(mut self, planted: Planted) -> Self {
        self.planted = Some(planted);
        self
    }

    /// The operation of an action, in the edition that is served.
    pub fn operation(&self, action: &str, version: &str) -> Option<OpRef> {
        let (service, found) = self.set.services.iter().enumerate().find_map(|(index, service)| {
            let found = (service.version == version).then(|| service.action(action, None))?;
            Some((index, found?))
        })?;
        let at = OpRef { service, operation: found };
        Some(self.policy.editions.get(&at).copied().unwrap_or(at))
    }

    /// Answers a call at this time, in milliseconds of any clock that does not go back.
    pub fn answer(&self, asked: &Asked, now_ms: u64) -> Reply {
        let service = self.set.service(asked.operation);
        let mut held = self.states[asked.operation.service].lock().unwrap_or_else(PoisonError::into_inner);
        let held = &mut *held;
        let settle = |state: &mut State| {
            let planted = self.planted.as_ref();
            planted.is_some_and(|planted| planted.fault.settle(asked.operation.service, state, now_ms))
        };
        let mut struck = held.settle(service, now_ms, self.policy.settle_ms, settle);
        let operation = self.set.operation(asked.operation);
        let created: Vec<Key> = operation
            .effects
            .iter()
            .filter_map(|effect| match effect.action {
                crate::spec::operation::Action::Create { kind, .. } => {
                    held.serial += 1;
                    Some(Key::from(mint(&service.kinds[kind].id, held.serial).as_str()))
                }
                _ => None,
            })
            .collect();
        held.serial += 1;
        let request_id = render::request_id(held.serial);
        let home = asked.region.clone().unwrap_or_else(|| home(service));
        let request = Request::new(&self.set, asked.operation, asked.arguments.clone(), asked.caller, created, &home);
        let no_choices = Choices::default();
        let choices = self.policy.choices.get(&request.operation).unwrap_or(&no_choices);
        let reversed = self.policy.reversed.get(&request.operation).copied().unwrap_or(false);
        let Some(outcome) = choose(&self.set, &held.state, &request, choices, reversed) else {
            return render::failure(request_id);
        };
        let Some(planted) = &self.planted else {
            held.apply(&outcome, now_ms);
            return render::reply(&self.set, &held.state, &request, &outcome, &request_id);
        };
        let situation =
            Situation { set: &self.set, request: &request, choices, reversed, request_id: &request_id, now_ms };
        let healthy = outcome;
        let outcome = planted.fault.outcome(&situation, &held.state, &healthy).unwrap_or_else(|| healthy.clone());
        held.apply(&outcome, now_ms);
        let render = |outcome| render::reply(&self.set, &held.state, &request, outcome, &request_id);
        let reply = render(&outcome);
        let reply = planted.fault.reply(&situation, &held.state, &outcome, &reply).unwrap_or(reply);
        struck |= !does_alike(&healthy, &outcome) || reply != render(&healthy);
        if struck {
            planted.strike();
        }
        reply
    }
}

/// The outcome that is wanted with these answers to open questions: success where nothing is due, or the row that wins.
pub fn choose(set: &SpecSet, state: &State, request: &Request, choices: &Choices, reversed: bool) -> Option<Outcome> {
    if reversed {
        outcomes_with(set, state, request, choices, |_, due| due).pop()
    } else {
        Some(likely(set, state, request, choices))
    }
}

/// Whether two outcomes answer and do the same.
pub fn is_alike(one: &Outcome, other: &Outcome) -> bool {
    one.answer == other.answer && does_alike(one, other)
}

/// Whether two outcomes do the same, whatever they answer.
fn does_alike(one: &Outcome, other: &Outcome) -> bool {
    one.changes == other.changes && one.later == other.later && one.token == other.token
}

impl Held {
    fn new(service: &Service) -> Self {
        let home = home(service);
        let mut state = State::new(
            ["region", "second_region"]
                .iter()
                .filter_map(|name| service.given(name))
                .map(|given| Arc::from(given.default.as_str())),
        );
        for given in &service.givens {
            let Some((kind, attributes)) = &given.resource else { continue };
            let mut resource = Resource::new(service, *kind, home.clone());
            for (attribute, value) in attributes {
                resource.attributes[*attribute] = value.clone();
            }
            state.resources.insert(Key::from(given.default.as_str()), Arc::new(resource));
        }
        Self { state, serial: 0 }
    }

    /// Does what is due by now, and forgets what is gone. What `settle` says is handed on.
    fn settle(
        &mut self,
        service: &Service,
        now_ms: u64,
        settle_ms: u64,
        settle: impl FnOnce(&mut State) -> bool,
    ) -> bool {
        while let Some(index) =
            self.state.pending.iter().position(|pending| pending.since_ms.saturating_add(settle_ms) <= now_ms)
        {
            self.state.fire(index);
        }
        let struck = settle(&mut self.state);
        let gone: Vec<Key> =
            self.state.resources.iter().filter(|(_, found)| found.deleted).map(|(key, _)| key.clone()).collect();
        if !gone.is_empty() {
            self.state.resources.retain(|_, found| !found.deleted);
            self.forget_dependents(service, &gone);
        }
        if self.state.tokens.len() > TOKENS {
            self.state.tokens.drain(..TOKENS / 2);
        }
        struck
    }

    /// What belonged to resources that are gone and that no call removes, such as their tasks, goes with them.
    fn forget_dependents(&mut self, service: &Service, gone: &[Key]) {
        let hangs_on = |found: &Resource| {
            found.attributes.iter().any(|value| matches!(value, Atom::Ref(key) if gone.contains(key)))
        };
        let under_way: Vec<Key> = self.state.pending.iter().map(|pending| pending.key.clone()).collect();
        self.state.resources.retain(|key, found| {
            !service.kinds[found.kind].remove.is_empty() || under_way.contains(key) || !hangs_on(found)
        });
    }

    fn apply(&mut self, outcome: &Outcome, now_ms: u64) {
        outcome.changes.iter().for_each(|change| self.state.apply(change));
        for pending in &outcome.later {
            let mut pending = pending.clone();
            // What a fault puts off begins later.
            pending.since_ms = pending.since_ms.saturating_add(now_ms);
            self.state.pending.push(pending);
        }
        self.state.tokens.extend(outcome.token.clone());
    }
}

/// Region of calls that say none.
fn home(service: &Service) -> Arc<str> {
    service.given("region").map_or_else(|| Arc::from(""), |given| Arc::from(given.default.as_str()))
}
