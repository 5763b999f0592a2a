//! The one place before the wire.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use super::{
    budget::{Meter, Usage},
    ledger::Ledger,
    lookup::look_up,
    names::named,
    reads,
    record::Entry,
    rules::{Rules, Ruling, name_in, ruling},
    sweep::tidy,
};
use crate::{
    endpoint::{Call, Endpoint, Sent, limits::Limits},
    history::Reply,
    model::view,
    spec::{
        Operation, Service, SpecSet,
        operation::{Action, Effect},
        resource::ResourceKind,
        service::{Means, OpRef},
    },
    value::{field_at, plain},
};

/// Times that a call is sent again which the service had no time for.
const REPEATS: u32 = 5;
/// The same for reads of a look-up or of the clean-up, whose answer was lost.
const LOST: u32 = 3;
/// Requests that removing one thing takes on a bad day: taken back, asked for, refused, asked for again, and read.
const REMOVAL: u64 = 7;
/// Times that every list is read at the end, where nothing was lost.
const LISTS: u64 = 2;
/// Patience of the clean-up after a case, once something did not go.
const STUCK_MS: u64 = 500;
/// Pause before such a read is repeated.
const PAUSE_MS: u64 = 250;

/// An endpoint that lets nothing through but what the [rules](super) allow.
///
/// Whoever has only this cannot touch what the run did not make. It also keeps within rates, and counts.
pub struct Guarded {
    set: Arc<SpecSet>,
    inner: Arc<dyn Endpoint>,
    rules: Rules,
    limits: Limits,
    ledger: Arc<Ledger>,
    /// Ids that were looked up and are not there: service and id.
    missing: Mutex<BTreeSet<(usize, String)>>,
    /// Held from looking at the budget until the ledger has the new thing.
    creating: Mutex<()>,
    meter: Meter,
    /// Set when nothing can be recorded any more.
    stop: Arc<AtomicBool>,
    /// Something did not go within patience.
    stuck: AtomicBool,
    /// Is told of what nobody asked for: ids that are looked up, and what is cleaned up.
    witness: OnceLock<Witness>,
}

/// Whoever is told of a call and its reply.
pub type Witness = Box<dyn Fn(&Call, &Reply) + Send + Sync>;

/// Something that a call creates: number in the ledger, and the field with its id.
struct Intended<'a> {
    number: u64,
    field: Option<&'a str>,
}

impl Guarded {
    /// `stop` is set when the ledger cannot be written: the run should not go on then.
    pub fn new(
        set: Arc<SpecSet>,
        inner: Arc<dyn Endpoint>,
        rules: Rules,
        limits: Limits,
        ledger: Arc<Ledger>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            set,
            inner,
            rules,
            limits,
            ledger,
            missing: Mutex::default(),
            creating: Mutex::default(),
            meter: Meter::default(),
            stop,
            stuck: AtomicBool::new(false),
            witness: OnceLock::new(),
        }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was done so far.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Tells someone, from now on, what is sent that nobody asked for; the first who is named is told.
    pub fn tell(&self, witness: Witness) {
        let _ = self.witness.set(witness);
    }

    /// Sends a call of its own, and again when the service has no time for it.
    pub async fn patiently(&self, call: &Call) -> Reply {
        let mut repeats = 0;
        loop {
            let reply = self.answer(call).await;
            if let Some(witness) = self.witness.get().filter(|_| !matches!(reply, Reply::NotSent { .. })) {
                witness(call, &reply);
            }
            let only_reads = reads::is_read(self.set.operation(call.operation));
            let again = match (&reply, self.means(call.operation, &reply)) {
                (_, Some(Means::Throttled)) => true,
                (_, Some(Means::Unavailable)) | (Reply::Trouble(_), _) => only_reads,
                _ => false,
            };
            let is_throttled = self.means(call.operation, &reply) == Some(Means::Throttled);
            if !again || repeats == if is_throttled { REPEATS } else { LOST } {
                return reply;
            }
            repeats += 1;
            if !is_throttled {
                self.inner.wait(PAUSE_MS).await;
            }
        }
    }

    fn means(&self, at: OpRef, reply: &Reply) -> Option<Means> {
        let Reply::Refused { code, .. } = reply else { return None };
        self.set.service(at).means(code)
    }

    async fn answer(&self, call: &Call) -> Reply {
        match ruling(&self.set, call, &self.rules, &self.ledger) {
            Ruling::Read => {
                let reply = self.deliver(call).await;
                self.notice(call, &reply);
                reply
            }
            Ruling::Held(reason) => self.held(reason),
            Ruling::Change(unknown) => match self.confirm(call, unknown).await {
                Ok(()) => self.change(call).await,
                Err(reason) => self.held(reason),
            },
        }
    }

    fn held(&self, reason: String) -> Reply {
        let reason = format!("held back: {reason}");
        self.meter.note(|usage| *usage.held.entry(reason.clone()).or_default() += 1);
        Reply::NotSent { reason }
    }

    /// Looks up what ought to be missing, unless that was done before.
    async fn confirm(&self, call: &Call, unknown: BTreeSet<(usize, String)>) -> Result<(), String> {
        let service = call.operation.service;
        let mut by_kind: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        {
            let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = unknown.into_iter().filter(|(_, id)| !missing.contains(&(service, id.clone())));
            fresh.for_each(|(kind, id)| by_kind.entry(kind).or_default().push(id));
        }
        let ask = |call: Call| -> Sent<'_, Reply> {
            self.meter.note(|usage| usage.lookups += 1);
            Box::pin(async move { self.patiently_read(&call).await })
        };
        for (kind, ids) in by_kind {
            // Some service may not care for capitals.
            let small: Vec<String> = ids.iter().map(|id| id.to_lowercase()).filter(|id| !ids.contains(id)).collect();
            let names: Vec<&str> = ids.iter().chain(&small).map(String::as_str).collect();
            for region in self.regions(service) {
                look_up(&self.set, service, kind, &names, &region, &self.ledger, &ask).await?;
            }
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            missing.extend(ids.into_iter().map(|id| (service, id)));
        }
        Ok(())
    }

    /// A boxed step, because lookups are part of sending.
    fn patiently_read<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.patiently(call))
    }

    /// Regions that the run works in; one without a name where there are none.
    pub fn regions(&self, service: usize) -> BTreeSet<String> {
        let names = ["region", "second_region"];
        let known = names.iter().filter(|name| self.set.services[service].given(name).is_some());
        let mut regions: BTreeSet<String> =
            known.filter_map(|name| self.rules.givens.get(service, name)).map(str::to_owned).collect();
        if regions.is_empty() {
            regions.insert(String::new());
        }
        regions
    }

    /// Some call removes such a thing.
    pub fn is_removable(&self, entry: &Entry) -> bool {
        let described = self.set.services.iter().find(|service| service.name == entry.service);
        let kind = described.and_then(|service| Some(&service.kinds[service.kind(&entry.kind)?]));
        kind.is_some_and(ResourceKind::is_removable)
    }

    async fn change(&self, call: &Call) -> Reply {
        let operation = self.set.operation(call.operation);
        let intended = match self.intend(call, operation) {
            Ok(intended) => intended,
            Err(reason) => return self.held(reason),
        };
        let own = self.own(call, operation);
        self.before(call, operation, &own);
        let reply = self.deliver(call).await;
        match &reply {
            Reply::Success { fields, .. } => {
                for Intended { number, field } in &intended {
                    if let Some(id) = field.and_then(|field| field_at(fields, field)) {
                        self.ledger.made(*number, &plain(id));
                    }
                }
                if operation.effects.iter().any(|effect| matches!(effect.action, Action::Delete(_))) {
                    let service = &self.set.service(call.operation).name;
                    own.iter().for_each(|id| self.ledger.removing(service, id));
                }
            }
            Reply::Refused { status, .. } if *status < 500 => {
                intended.iter().for_each(|intended| self.ledger.refused(intended.number));
            }
            Reply::NotSent { .. } => intended.iter().for_each(|intended| self.ledger.refused(intended.number)),
            Reply::Trouble(trouble) if !trouble.may_have_happened => {
                intended.iter().for_each(|intended| self.ledger.refused(intended.number));
            }
            // It may have been created all the same; a listing will show.
            Reply::Refused { .. } | Reply::Trouble(_) => {}
        }
        self.halt_if_unrecorded();
        reply
    }

    /// Puts what a call creates into the ledger, if the budget allows it.
    fn intend(&self, call: &Call, operation: &Operation) -> Result<Vec<Intended<'_>>, String> {
        let service = self.set.service(call.operation);
        let creates: Vec<&Effect> =
            operation.effects.iter().filter(|effect| matches!(effect.action, Action::Create { .. })).collect();
        if creates.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = &self.rules.budget;
        let spent = self.meter.note(|usage| usage.requests);
        if let Some(most) = budget.requests.filter(|most| spent >= *most) {
            return Err(format!("the budget of {most} requests is spent"));
        }
        let mut intended = Vec::new();
        for effect in creates {
            let Action::Create { kind, var } = effect.action else { continue };
            let described = &service.kinds[kind];
            let kind = &described.name;
            let standing = self.ledger.standing(&service.name, kind);
            let stays = described.is_removable();
            if let Some(most) = budget.at_once.get(kind).filter(|most| standing >= **most) {
                return Err(format!("the budget allows {most} of kind {kind} at once"));
            }
            if operation.paid && standing >= budget.paid_at_once {
                return Err(format!("the budget allows {} paid {kind} at once", budget.paid_at_once));
            }
            let region = self.region(call, operation, effect);
            let name = name_in(call, operation, &self.ledger.run()).unwrap_or_default();
            let number = self.ledger.intend(&service.name, kind, &region, &operation.name, &name);
            let number = number.inspect_err(|_| self.halt_if_unrecorded())?;
            let set_field = self.set.operation(call.operation).fields.iter().find(|field| field.creates == Some(var));
            intended.push(Intended { number, field: set_field.map(|field| field.name.as_str()) });
            self.meter.note(|usage| {
                let place = format!("{}/{kind}", service.name);
                *usage.created.entry(place.clone()).or_default() += 1;
                // What ends by itself takes no room.
                if stays {
                    let most = usage.most_at_once.entry(place).or_default();
                    *most = (standing + 1).max(*most);
                }
                usage.paid += u64::from(operation.paid);
            });
        }
        Ok(intended)
    }

    fn region(&self, call: &Call, operation: &Operation, effect: &Effect) -> String {
        let param = effect.region.or(operation.region);
        let value = param.and_then(|param| call.arguments.get(param)?.as_ref());
        match value {
            Some(Value::Array(list)) => list.first().map(plain).unwrap_or_default(),
            Some(value) => plain(value),
            None => call.region.as_deref().unwrap_or_default().to_owned(),
        }
    }

    /// What of the run's own the call names.
    fn own(&self, call: &Call, operation: &Operation) -> Vec<String> {
        let service = &self.set.service(call.operation).name;
        let bound = operation.bindings.iter().filter_map(|binding| call.arguments.get(binding.param)?.as_ref());
        let ids: BTreeSet<String> = bound.flat_map(named).collect();
        ids.into_iter().filter(|id| self.ledger.owns(service, id)).collect()
    }

    /// Notes what will have to be undone.
    fn before(&self, call: &Call, operation: &Operation, own: &[String]) {
        let service = self.set.service(call.operation);
        let templates = service.kinds.iter().flat_map(|kind| &kind.remove);
        if templates.filter(|template| template.undo).any(|template| template.operation == operation.name) {
            own.iter().for_each(|id| self.ledger.called(&service.name, id, &operation.name));
        }
    }

    fn halt_if_unrecorded(&self) {
        if self.ledger.failure().is_some() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Sends one request, when its time has come.
    async fn deliver(&self, call: &Call) -> Reply {
        let now = self.inner.now_ms();
        let when = self.limits.reserve(call.operation, now);
        if when > now {
            self.meter.note(|usage| usage.waited_ms += when - now);
            self.inner.wait(when - now).await;
        }
        self.meter.note(|usage| usage.requests += 1);
        let reply = self.inner.send(call).await;
        let asked = self.inner.asked_to_wait_ms(call.operation);
        let is_throttled = self.means(call.operation, &reply) == Some(Means::Throttled);
        self.meter.note(|usage| usage.throttled += u64::from(is_throttled));
        if is_throttled || asked.is_some() {
            self.limits.hold(call.operation, self.inner.now_ms(), asked);
        } else {
            self.limits.relax(call.operation);
        }
        reply
    }

    /// What a read no longer shows of what was removed is gone.
    fn notice(&self, call: &Call, reply: &Reply) {
        let Reply::Success { fields, .. } = reply else { return };
        let operation = self.set.operation(call.operation);
        let service = &self.set.service(call.operation).name;
        let leaving = self.ledger.leaving(service, &self.own(call, operation));
        if leaving.is_empty() {
            return;
        }
        for shown in operation.views.iter().filter(|shown| shown.set.is_none()) {
            let Some(seen) = view::observe(shown, fields).filter(|seen| seen.complete) else { continue };
            let kind = &self.set.service(call.operation).kinds[shown.kind].name;
            for (id, _) in leaving.iter().filter(|(id, of_kind)| of_kind == kind && seen.find(id).is_none()) {
                self.ledger.gone(service, id);
            }
        }
    }
}

impl Endpoint for Guarded {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.answer(call))
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        self.inner.name()
    }

    fn tidy<'a>(&'a self, service: usize, ids: Vec<String>) -> Sent<'a, ()> {
        Box::pin(async move {
            // Where something never goes, the end of the run waits for it, not each case.
            let is_stuck = self.stuck.load(Ordering::Relaxed);
            let patience_ms = if is_stuck { self.rules.patience_ms.min(STUCK_MS) } else { self.rules.patience_ms };
            if tidy(&self.set, self, service, ids, patience_ms).await {
                self.stuck.store(true, Ordering::Relaxed);
            }
        })
    }

    fn repeats(&self) -> u32 {
        REPEATS
    }

    fn spent(&self) -> Option<u64> {
        let n_open = self.ledger.open_entries(|entry| entry.id.is_some() && self.is_removable(entry)).len();
        let services = self.ledger.services();
        let lists = |(index, service): (usize, &Service)| {
            let kinds = service.kinds.iter().filter(|kind| kind.is_removable()).count();
            if services.contains(service.name.as_str()) { kinds * self.regions(index).len() } else { 0 }
        };
        let lists: usize = self.set.services.iter().enumerate().map(lists).sum();
        let to_come = n_open as u64 * REMOVAL + lists as u64 * LISTS;
        Some(self.meter.note(|usage| usage.requests) + to_come)
    }
}
