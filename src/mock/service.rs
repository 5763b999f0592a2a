//! State and answers, without bytes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::{
    fault::Planted,
    handling::{Handling, Work},
    manners::{Manner, Manners, Past, Statistics, chance, inventory, others, refusal},
    policy::Policy,
    render,
};
use crate::{
    history::Reply,
    model::{
        Caller, Choices, Outcome, Pending, Request, Resource, State, choices::NO_CHOICES, likely, outcomes_with,
        state::Change,
    },
    spec::{
        Operation, Service, SpecSet,
        id::mint,
        operation::Action,
        resource::Given,
        service::{Means, OpRef},
    },
    value::{Arguments, Atom, Key},
};

/// Tokens that are remembered; older ones are forgotten.
const TOKENS: usize = 4096;

/// The service.
pub struct Mock {
    pub set: Arc<SpecSet>,
    pub policy: Policy,
    /// How it behaves beside what the specs say.
    pub manners: Manners,
    pub statistics: Arc<Statistics>,
    /// A bug that was planted.
    pub planted: Option<Planted>,
    /// One state for each service: they do not know each other.
    pub(super) states: Vec<Mutex<Held>>,
}

#[derive(Default)]
pub(super) struct Held {
    pub state: Arc<State>,
    /// Goes up with each change.
    pub version: u64,
    /// Region of calls that say none.
    home: Arc<str>,
    /// Number of the next id.
    serial: u64,
    /// Pieces of asynchronous work that were begun.
    n_works: u64,
    /// Calls that were not answered yet, each with those that it met.
    under_way: Vec<(Arc<Work>, Vec<Arc<Work>>)>,
    /// For reads that lag.
    past: Past,
    /// Resources that are given.
    givens: Vec<Key>,
    /// What was there already, and is someone else's.
    others: Vec<Key>,
}

/// Something that a mock has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    pub service: String,
    pub kind: String,
    pub id: String,
    pub region: String,
    /// Name → value, in words.
    pub attributes: BTreeMap<String, String>,
    /// Something is still to happen to it.
    pub is_pending: bool,
}

/// A call that has passed the front.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub operation: OpRef,
    pub arguments: Arguments,
    /// Region that came beside the parameters.
    pub region: Option<Arc<str>>,
    pub caller: Caller,
}

impl Mock {
    pub fn new(set: Arc<SpecSet>, policy: Policy) -> Self {
        Self::given(set, policy, &|_, _| None)
    }

    /// One that has given things by these names, by service and name of each; others by those of the specs.
    pub fn given<'a>(set: Arc<SpecSet>, policy: Policy, given: &dyn Fn(usize, &str) -> Option<&'a str>) -> Self {
        let services = set.services.iter().enumerate();
        let states = services
            .map(|(index, service)| {
                // Ids of answers are of one series; each service has a part of it.
                let serial = (index as u64) << 32;
                Mutex::new(Held { serial, ..Held::new(service, &|name| given(index, name)) })
            })
            .collect();
        Self { set, policy, manners: Manners::default(), statistics: Arc::default(), planted: None, states }
    }

    /// The same with manners, before anyone has called it.
    #[must_use]
    pub fn behaving(mut self, manners: Manners) -> Self {
        for (service, held) in self.set.services.iter().zip(&mut self.states) {
            let held = held.get_mut().unwrap_or_else(PoisonError::into_inner);
            held.others = others(service, Arc::make_mut(&mut held.state), &held.givens, &held.home, manners.others);
        }
        self.manners = manners;
        self
    }

    /// Another name for a region, before anyone has called it.
    pub fn add_region(&mut self, name: &str) {
        for held in &mut self.states {
            let state = Arc::make_mut(&mut held.get_mut().unwrap_or_else(PoisonError::into_inner).state);
            if !state.regions.is_empty() && !state.regions.iter().any(|known| **known == *name) {
                state.regions = state.regions.iter().cloned().chain([Arc::from(name)]).collect();
            }
        }
    }

    /// Everything that it has by now, by service, for whoever asks over the wire.
    pub fn listed(&self, now_ms: u64) -> Value {
        let all = self.set.services.iter().zip(&self.states).enumerate().map(|(index, (service, held))| {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            self.settle(&mut held, index, now_ms);
            (service.name.clone(), inventory(service, &held.state, &held.givens, &held.others))
        });
        Value::Object(all.collect())
    }

    /// An id for an answer that no call earned.
    pub(super) fn request_id(&self, service: usize) -> String {
        let mut held = self.states[service].lock().unwrap_or_else(PoisonError::into_inner);
        held.serial += 1;
        render::request_id(held.serial)
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

    /// The state of a service as it is now; what is due by itself has not happened yet.
    pub fn state(&self, service: usize) -> State {
        self.states[service].lock().unwrap_or_else(PoisonError::into_inner).state.as_ref().clone()
    }

    /// Everything that is there, once what is due by this time has happened.
    pub fn inventory(&self, now_ms: u64) -> Vec<Item> {
        let mut items = Vec::new();
        for (index, (service, state)) in self.set.services.iter().zip(&self.states).enumerate() {
            let mut held = state.lock().unwrap_or_else(PoisonError::into_inner);
            self.settle(&mut held, index, now_ms);
            for (key, found) in held.state.resources.iter().filter(|(_, found)| !found.deleted) {
                let kind = &service.kinds[found.kind];
                let names = kind.attributes.iter().map(|attribute| attribute.name.clone());
                items.push(Item {
                    service: service.name.clone(),
                    kind: kind.name.clone(),
                    id: key.to_string(),
                    region: found.region.to_string(),
                    attributes: names.zip(found.attributes.iter().map(Atom::to_string)).collect(),
                    is_pending: held.state.pending.iter().any(|pending| pending.key == *key),
                });
            }
        }
        items
    }

    /// Answers a call at this time, in milliseconds of any clock that does not go back.
    pub fn answer(&self, asked: Asked, now_ms: u64) -> Reply {
        self.begin(asked).finish(now_ms)
    }

    /// Takes a call in; others may come before it is answered.
    pub fn begin(&self, asked: Asked) -> Handling<'_> {
        let service = self.set.service(asked.operation);
        let mut held = self.states[asked.operation.service].lock().unwrap_or_else(PoisonError::into_inner);
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
        let home = asked.region.unwrap_or_else(|| held.home.clone());
        let request = Request::new(&self.set, asked.operation, asked.arguments, asked.caller, created, &home);
        let refused = self.over_quota(service, operation, &request, &held, &request_id);
        let work = Arc::new(Work::new(request));
        held.enter(&work);
        drop(held);
        Handling::new(self, work, request_id, refused)
    }

    /// How open questions of an operation are answered, and whether its last due row wins.
    pub(super) fn preferences(&self, at: OpRef) -> (&Choices, bool) {
        let choices = self.policy.choices.get(&at).unwrap_or(&NO_CHOICES);
        (choices, self.policy.reversed.get(&at).copied().unwrap_or(false))
    }

    /// Does what is due by now. True when a planted bug changed something.
    pub(super) fn settle(&self, held: &mut Held, service: usize, now_ms: u64) -> bool {
        let planted = self.planted.as_ref();
        let fault = |state: &mut State| planted.is_some_and(|planted| planted.fault.settle(service, state, now_ms));
        held.settle(&self.set.services[service], now_ms, self.policy.settle_ms, planted.is_some().then_some(fault))
    }

    /// Changes the state as an outcome says, or another in its place, in the mock's own time.
    pub(super) fn apply(&self, held: &mut Held, base: Option<State>, outcome: &Outcome, now_ms: u64) {
        let touched = outcome.changes.iter().filter(|change| held.others.contains(key_of(change))).count();
        (0..touched).for_each(|_| self.statistics.count(Manner::Touched));
        let slow = |n: u64| chance::up_to(self.manners.seed, "slow", n, self.manners.slow_ms);
        let lag_ms = self.manners.lag_ms;
        if lag_ms > 0 {
            held.past.note(&held.state, now_ms, lag_ms);
        }
        held.apply(base, outcome, now_ms, slow);
        if lag_ms > 0 {
            held.past.note(&held.state, now_ms, lag_ms);
        }
    }

    /// The state that a read shows which lags.
    pub(super) fn stale(&self, held: &Held, at: OpRef, now_ms: u64) -> Option<State> {
        let (service, operation) = (self.set.service(at), self.set.operation(at));
        if self.manners.lag_ms == 0 || !operation.only_reads() || operation.views.is_empty() {
            return None;
        }
        let lag = chance::up_to(self.manners.seed, "lag", held.serial, self.manners.lag_ms);
        let then = now_ms.saturating_sub(lag);
        let mut earlier = Held { state: Arc::new(held.past.at(then)?.clone()), ..Held::default() };
        earlier.settle(service, then, self.policy.settle_ms, None::<fn(&mut State) -> bool>);
        if earlier.state.resources == held.state.resources {
            return None;
        }
        self.statistics.count(Manner::Lagged);
        Some(Arc::unwrap_or_clone(earlier.state))
    }

    /// Too many of a kind are there that callers created.
    fn over_quota(
        &self,
        service: &Service,
        operation: &Operation,
        request: &Request,
        held: &Held,
        request_id: &str,
    ) -> Option<Reply> {
        let most = self.manners.quota?;
        let creates = operation.effects.iter().filter_map(|effect| match effect.action {
            Action::Create { kind, .. } => Some(kind),
            _ => None,
        });
        let count = |kind: usize| {
            let living = held.state.resources.iter().filter(|(_, found)| found.kind == kind && !found.deleted);
            let is_own = |key: &Key| !held.others.contains(key) && !held.givens.contains(key);
            living.filter(|(key, found)| found.region == request.region && is_own(key)).count()
        };
        let full = creates.into_iter().find(|kind| count(*kind) >= most)?;
        let refused = refusal(service, Means::Quota, &service.kinds[full].name, request_id.to_owned())?;
        self.statistics.count(Manner::Quota);
        Some(refused)
    }
}

fn key_of(change: &Change) -> &Key {
    match change {
        Change::Create(key, _) | Change::Delete(key) => key,
        Change::Set { key, .. } | Change::Add { key, .. } | Change::Remove { key, .. } => key,
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
pub(super) fn does_alike(one: &Outcome, other: &Outcome) -> bool {
    one.changes == other.changes && one.later == other.later && one.token == other.token
}

impl Held {
    fn new<'a>(service: &'a Service, given: &dyn Fn(&str) -> Option<&'a str>) -> Self {
        let name = |found: &'a Given| given(&found.name).unwrap_or(&found.default);
        let home: Arc<str> = service.given("region").map_or_else(|| Arc::from(""), |found| Arc::from(name(found)));
        let regions = ["region", "second_region"].iter().filter_map(|region| service.given(region));
        let mut givens = Vec::new();
        let mut state = State::new(regions.map(|found| Arc::from(name(found))));
        for found in &service.givens {
            let Some((kind, attributes)) = &found.resource else { continue };
            let mut resource = Resource::new(service, *kind, home.clone());
            for (attribute, value) in attributes {
                resource.attributes[*attribute] = value.clone();
            }
            givens.push(Key::from(name(found)));
            state.resources.insert(Key::from(name(found)), Arc::new(resource));
        }
        Self { state: Arc::new(state), home, givens, ..Self::default() }
    }

    /// A call arrives, and meets all that are under way.
    fn enter(&mut self, work: &Arc<Work>) {
        let met = self.under_way.iter().map(|(other, _)| other.clone()).collect();
        self.under_way.iter_mut().for_each(|(_, met)| met.push(work.clone()));
        self.under_way.push((work.clone(), met));
    }

    /// A call is done; those that it met.
    pub(super) fn leave(&mut self, work: &Arc<Work>) -> Vec<Arc<Work>> {
        let at = self.under_way.iter().position(|(own, _)| Arc::ptr_eq(own, work));
        at.map(|at| self.under_way.swap_remove(at).1).unwrap_or_default()
    }

    pub(super) fn under_way(&self) -> impl Iterator<Item = &Arc<Work>> {
        self.under_way.iter().map(|(work, _)| work)
    }

    /// Does what is due by now, and forgets what is gone. What `fault` says is handed on.
    fn settle(
        &mut self,
        service: &Service,
        now_ms: u64,
        settle_ms: u64,
        fault: Option<impl FnOnce(&mut State) -> bool>,
    ) -> bool {
        let due = |state: &State| {
            state.pending.iter().position(|pending| pending.since_ms.saturating_add(settle_ms) <= now_ms)
        };
        while let Some(index) = due(&self.state) {
            self.changing().fire(index);
        }
        let mut struck = false;
        if let Some(fault) = fault {
            // It may change the state, and says so.
            struck = fault(Arc::make_mut(&mut self.state));
            self.version += u64::from(struck);
        }
        let is_gone = |(_, found): &(&Key, &Arc<Resource>)| found.deleted;
        let gone: Vec<Key> = self.state.resources.iter().filter(is_gone).map(|(key, _)| key.clone()).collect();
        if !gone.is_empty() {
            self.changing().resources.retain(|_, found| !found.deleted);
            self.forget_dependents(service, &gone);
        }
        if self.state.tokens.len() > TOKENS {
            self.changing().tokens.drain(..TOKENS / 2);
        }
        struck
    }

    /// The state, to be changed: whoever has looked at it has to look again.
    fn changing(&mut self) -> &mut State {
        self.version += 1;
        Arc::make_mut(&mut self.state)
    }

    /// What belonged to resources that are gone and that no call removes, such as their tasks, goes with them.
    fn forget_dependents(&mut self, service: &Service, gone: &[Key]) {
        let hangs_on = |found: &Resource| {
            found.attributes.iter().any(|value| matches!(value, Atom::Ref(key) if gone.contains(key)))
        };
        let under_way: Vec<Key> = self.state.pending.iter().map(|pending| pending.key.clone()).collect();
        self.changing().resources.retain(|key, found| {
            service.kinds[found.kind].is_removable() || under_way.contains(key) || !hangs_on(found)
        });
    }

    /// Carries out an outcome, in this state or in another. `slow` is by how much longer the n-th piece of work takes.
    fn apply(&mut self, base: Option<State>, outcome: &Outcome, now_ms: u64, slow: impl Fn(u64) -> u64) {
        let nothing = outcome.changes.is_empty() && outcome.later.is_empty() && outcome.token.is_none();
        if nothing && base.is_none() {
            return;
        }
        let first = self.n_works;
        self.n_works += outcome.later.len() as u64;
        let state = self.changing();
        if let Some(base) = base {
            *state = base;
        }
        outcome.changes.iter().for_each(|change| state.apply(change));
        for (n, pending) in (first + 1..).zip(&outcome.later) {
            let mut pending = pending.clone();
            // What a fault puts off, or is slow, begins later.
            pending.since_ms = pending.since_ms.saturating_add(now_ms).saturating_add(slow(n));
            supersede(state, &pending);
            state.pending.push(pending.into());
        }
        state.tokens.extend(outcome.token.clone());
    }
}

/// Takes back what earlier calls have begun where a later one sets the same to something else: the last call wins.
fn supersede(state: &mut State, later: &Pending) {
    let place = |change: &Change| match change {
        Change::Set { key, attribute, .. } => Some((key.clone(), *attribute)),
        _ => None,
    };
    let places: Vec<_> = later.changes.iter().filter_map(place).collect();
    for pending in &mut state.pending {
        Arc::make_mut(pending).changes.retain(|change| place(change).is_none_or(|place| !places.contains(&place)));
    }
    state.pending.retain(|pending| !pending.changes.is_empty());
}
