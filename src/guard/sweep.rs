//! Removing what a run made: users before what they use, each removal proved by a read.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{listing, reads, record::Entry, sender::Guarded};
use crate::{
    endpoint::{Call, Endpoint},
    execute::Givens,
    history::Reply,
    model::{Caller, view},
    sequence::command::templated,
    spec::{
        Service, SpecSet,
        resource::{AttributeType, ResourceKind, Template},
        service::OpRef,
    },
};

/// First pause between two rounds; each is twice as long as the one before.
const FIRST_PAUSE_MS: u64 = 50;
/// Longest pause between two rounds.
const LONGEST_PAUSE_MS: u64 = 20_000;
/// Rounds of mere looking, after something was accepted, before it is asked for once more: it may take its time.
const LOOKS: u32 = 4;
/// How often lists are read at most, before what they still show is called left.
const MOST_LISTS: u32 = 3;

/// What became of what the run made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Proved to be gone, by this sweep or before.
    pub gone: usize,
    /// Found by a list, not in the ledger with its id.
    pub found: usize,
    /// Calls whose answer was lost, or named no id, of which no list shows anything.
    pub vanished: usize,
    pub left: Vec<Left>,
    /// Services or lists that could not be looked at.
    pub doubts: Vec<String>,
}

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub service: String,
    pub kind: String,
    pub region: String,
    /// Empty when only its name is known.
    pub id: String,
    pub name: String,
    pub why: String,
}

impl Swept {
    /// Nothing is left, and everything could be looked at.
    pub fn is_clean(&self) -> bool {
        self.left.is_empty() && self.doubts.is_empty()
    }
}

/// Removes everything that the endpoint's ledger holds, and what lists show to be of the same run.
///
/// `services` are those that can be called; `settle_ms` is how long to wait for a list to show what a lost call made.
pub async fn sweep(
    set: &SpecSet,
    endpoint: &Guarded,
    services: &BTreeSet<usize>,
    patience_ms: u64,
    settle_ms: u64,
) -> Swept {
    let mut sweeping = Sweeping::new(set, endpoint, services, None);
    for round in 1..=MOST_LISTS {
        let before = sweeping.swept.found;
        sweeping.swept.doubts.clear();
        sweeping.list().await;
        if round == 1 && sweeping.has_lost() {
            // What a call made whose answer was lost may take a while to be listed.
            endpoint.wait(settle_ms).await;
            sweeping.list().await;
        }
        sweeping.remove(patience_ms).await;
        // The first list finds what was lost; the next ones prove that nothing is left.
        if round > 1 && sweeping.swept.found == before {
            break;
        }
    }
    sweeping.finish()
}

/// The same for single things of a service, without lists; whether some are left.
pub async fn tidy(set: &SpecSet, endpoint: &Guarded, service: usize, ids: Vec<String>, patience_ms: u64) -> bool {
    let services = BTreeSet::from([service]);
    let mut sweeping = Sweeping::new(set, endpoint, &services, Some(ids));
    sweeping.remove(patience_ms).await;
    sweeping.open().iter().any(|entry| sweeping.is_removable(entry))
}

struct Sweeping<'a> {
    set: &'a SpecSet,
    endpoint: &'a Guarded,
    services: &'a BTreeSet<usize>,
    /// Only these; everything of the run when absent.
    only: Option<Vec<String>>,
    swept: Swept,
    /// By service and id: why the latest call to remove it did not succeed.
    reasons: BTreeMap<(String, String), String>,
}

/// How far the removal of one thing has come.
#[derive(Default)]
struct Removal {
    /// The round in which it was accepted last.
    accepted: Option<u32>,
    /// Which of the ways to take something back were accepted.
    undone: BTreeSet<usize>,
    /// How often it was refused.
    refused: u32,
}

impl Removal {
    /// It was accepted not long ago.
    fn is_awaited(&self, round: u32) -> bool {
        self.accepted.is_some_and(|before| round - before < LOOKS)
    }
}

impl<'a> Sweeping<'a> {
    fn new(set: &'a SpecSet, endpoint: &'a Guarded, services: &'a BTreeSet<usize>, only: Option<Vec<String>>) -> Self {
        Self { set, endpoint, services, only, swept: Swept::default(), reasons: BTreeMap::new() }
    }

    fn service(&self, name: &str) -> Option<(usize, &Service)> {
        let found = self.set.services.iter().position(|service| service.name == name)?;
        self.services.contains(&found).then(|| (found, &self.set.services[found]))
    }

    /// What may be there still, users before what they use, the latest first.
    fn open(&self) -> Vec<Entry> {
        let is_wanted = |entry: &Entry| {
            let Some(id) = &entry.id else { return false };
            let Some(only) = &self.only else { return true };
            only.contains(id) && self.service(&entry.service).is_some()
        };
        let mut open = self.endpoint.ledger().open_entries(is_wanted);
        open.sort_by_key(|entry| (self.rank(entry), Reverse(entry.number)));
        open
    }

    fn has_lost(&self) -> bool {
        self.endpoint.ledger().record().open().any(|entry| entry.id.is_none())
    }

    fn rank(&self, entry: &Entry) -> usize {
        let Some((_, service)) = self.service(&entry.service) else { return 0 };
        service.kind(&entry.kind).map_or(0, |kind| ranks(service)[kind])
    }

    /// Reads every list, and takes what carries the run's name into the ledger.
    async fn list(&mut self) {
        let ledger = self.endpoint.ledger();
        let record = ledger.record();
        let run = record.about.run.clone();
        for service in self.services {
            let described = &self.set.services[*service];
            let mut regions = self.endpoint.regions(*service);
            let of_service = record.entries.iter().filter(|entry| entry.service == described.name);
            regions.extend(of_service.map(|entry| entry.region.clone()));
            for (kind, found) in described.kinds.iter().enumerate().filter(|(_, kind)| kind.is_removable()) {
                for region in &regions {
                    match listing::of_run(self.set, self.endpoint, *service, kind, region, &run).await {
                        Ok(listed) => {
                            for one in listed.into_iter().flatten() {
                                self.adopt(&described.name, &found.name, region, &one);
                            }
                        }
                        // A region that does not exist holds nothing.
                        Err(_) if !self.endpoint.regions(*service).contains(region) => {}
                        Err(why) => self.swept.doubts.push(format!("{}: {why}", described.name)),
                    }
                }
            }
        }
    }

    fn adopt(&mut self, service: &str, kind: &str, region: &str, one: &listing::Listed) {
        let ledger = self.endpoint.ledger();
        let record = ledger.record();
        let known = record
            .entries
            .iter()
            .find(|entry| entry.service == service && entry.kind == kind && entry.id.as_deref() == Some(&*one.id));
        match known {
            // It is there after all.
            Some(entry) if entry.gone => ledger.back(service, &one.id),
            Some(_) => {}
            None => {
                let lost = record.entries.iter().find(|entry| {
                    entry.id.is_none() && entry.service == service && entry.kind == kind && entry.name == one.by
                });
                ledger.found(lost.map(|entry| entry.number), service, kind, region, &one.id, &one.by);
                self.swept.found += 1;
            }
        }
    }

    /// Calls what removes, and reads, until nothing is shown or patience is over.
    async fn remove(&mut self, patience_ms: u64) {
        let began = self.endpoint.now_ms();
        let mut pause = FIRST_PAUSE_MS;
        let mut removals: BTreeMap<u64, Removal> = BTreeMap::new();
        for round in 0.. {
            let open = self.open();
            let mut blocked = false;
            for entry in &open {
                let removal = removals.entry(entry.number).or_default();
                let Some((service, described)) = self.service(&entry.service) else { continue };
                let Some(kind) = described.kind(&entry.kind).map(|kind| &described.kinds[kind]) else { continue };
                // What is on its way out is looked at before it is removed once more.
                if removal.is_awaited(round) || !kind.is_removable() || (round == 0 && entry.removing) {
                    continue;
                }
                let why = self.attempt(service, kind, entry, removal, round).await;
                blocked |= why.is_some();
                let place = (entry.service.clone(), entry.id.clone().unwrap_or_default());
                match why {
                    Some(why) => drop(self.reasons.insert(place, why)),
                    None => drop(self.reasons.remove(&place)),
                }
            }
            self.prove(&open).await;
            if !self.open().iter().any(|entry| self.is_removable(entry)) {
                return;
            }
            let waited = self.endpoint.now_ms().saturating_sub(began);
            if waited >= patience_ms {
                return;
            }
            if blocked && removals.values().any(|removal| removal.refused % LOOKS == 1) {
                self.stop(&removals).await;
            }
            self.endpoint.wait(pause.min(patience_ms - waited)).await;
            pause = (pause * 2).min(LONGEST_PAUSE_MS);
        }
    }

    /// Takes back what is to be taken back, and asks for the removal of one thing; why it was not accepted.
    async fn attempt(
        &self,
        service: usize,
        kind: &ResourceKind,
        entry: &Entry,
        removal: &mut Removal,
        round: u32,
    ) -> Option<String> {
        let mut why = None;
        for (way, template) in kind.remove.iter().enumerate() {
            if template.undo && (!entry.called.contains(&template.operation) || removal.undone.contains(&way)) {
                continue;
            }
            let Some(call) = self.call(service, template, entry) else { continue };
            match (self.endpoint.patiently(&call).await, template.undo) {
                (Reply::Success { .. }, true) => drop(removal.undone.insert(way)),
                (reply, true) => why = Some(format!("{}: {}", template.operation, reply.brief())),
                (Reply::Success { .. }, false) => {
                    self.endpoint.ledger().removing(&entry.service, entry.id.as_deref().unwrap_or_default());
                    removal.accepted = Some(round);
                    why = None;
                }
                (reply, false) => {
                    removal.refused += 1;
                    if removal.refused.is_multiple_of(LOOKS) {
                        // What was under way when it was taken back may have come about since.
                        removal.undone.clear();
                    }
                    why = Some(format!("{} answers {}", template.operation, reply.brief()));
                }
            }
        }
        why
    }

    fn is_removable(&self, entry: &Entry) -> bool {
        self.service(&entry.service).is_some() && self.endpoint.is_removable(entry)
    }

    /// Ends what is under way and may be in the way.
    async fn stop(&self, removals: &BTreeMap<u64, Removal>) {
        let is_accepted = |entry: &Entry| removals.get(&entry.number).is_some_and(|removal| removal.accepted.is_some());
        for entry in self.open().into_iter().filter(|entry| !is_accepted(entry)) {
            let Some((service, described)) = self.service(&entry.service) else { continue };
            let Some(kind) = described.kind(&entry.kind) else { continue };
            for template in &described.kinds[kind].stop {
                if let Some(call) = self.call(service, template, &entry) {
                    // It may have ended by itself; then there is nothing to stop.
                    let _ = self.endpoint.patiently(&call).await;
                }
            }
        }
    }

    fn call(&self, service: usize, template: &Template, entry: &Entry) -> Option<Call> {
        let described = &self.set.services[service];
        let at = OpRef { service, operation: described.action(&template.operation, None)? };
        removal(self.set, at, template, entry.id.as_deref()?, &entry.region, &self.endpoint.rules().givens)
    }

    /// Reads each thing; what is not shown any more is gone.
    async fn prove(&self, open: &[Entry]) {
        for entry in open {
            let Some((service, described)) = self.service(&entry.service) else { continue };
            let Some(kind) = described.kind(&entry.kind) else { continue };
            let id = entry.id.as_deref().unwrap_or_default();
            if !described.kinds[kind].is_removable() {
                continue;
            }
            let Some(way) = reads::by_id(self.set, service, kind) else { continue };
            let Some(call) = way.call(&[id], &entry.region, None) else { continue };
            if let Reply::Success { fields, .. } = self.endpoint.patiently(&call).await
                && let Some(seen) = view::observe(way.view, &fields)
                && seen.complete
                && seen.find(id).is_none()
            {
                self.endpoint.ledger().gone(&entry.service, id);
            }
        }
    }

    fn finish(mut self) -> Swept {
        let ledger = self.endpoint.ledger();
        let record = ledger.record();
        for entry in &record.entries {
            let id = entry.id.clone().unwrap_or_default();
            if entry.gone {
                self.swept.gone += 1;
                continue;
            }
            let why = match self.service(&entry.service) {
                _ if entry.refused => continue,
                None => format!("no endpoint for {} to remove it from", entry.service),
                // It ends by itself, with what it is about.
                Some(_) if !self.is_removable(entry) => continue,
                Some((service, described)) if entry.id.is_none() => {
                    let listed = described.kind(&entry.kind).and_then(|kind| reads::all(self.set, service, kind));
                    if listed.is_some() {
                        self.swept.vanished += 1;
                        ledger.refused(entry.number);
                        continue;
                    }
                    "its answer was lost, and no operation lists what there is".into()
                }
                Some(_) => {
                    let reason = self.reasons.get(&(entry.service.clone(), id.clone()));
                    reason.cloned().unwrap_or_else(|| "a read still shows it".into())
                }
            };
            ledger.left(&entry.service, &id, &why);
            self.swept.left.push(Left {
                service: entry.service.clone(),
                kind: entry.kind.clone(),
                region: entry.region.clone(),
                id,
                name: entry.name.clone(),
                why,
            });
        }
        if self.swept.is_clean() {
            ledger.clean();
        }
        self.swept
    }
}

/// The call of a template for one thing; none when a place in it has nothing to fill it.
pub fn removal(set: &SpecSet, at: OpRef, template: &Template, id: &str, region: &str, givens: &Givens) -> Option<Call> {
    let mut fill_in = |place: &str| match place {
        "$self" => Some(id.to_owned()),
        "$region" => Some(region.to_owned()),
        place => givens.get(at.service, place.strip_prefix("$given.")?).map(str::to_owned),
    };
    let arguments = templated(set.operation(at), template, region, &mut fill_in)?;
    Some(Call { operation: at, arguments, region: reads::region_of(region), caller: Caller::Main })
}

/// By kind: how many kinds there are, at most, in a row of users of it. What nothing uses goes first.
fn ranks(service: &Service) -> Vec<usize> {
    let n_kinds = service.kinds.len();
    let mut ranks = vec![0; n_kinds];
    // A kind may refer to itself, or two to each other: so many rounds are enough, and no more.
    for _ in 0..n_kinds {
        for (user, kind) in service.kinds.iter().enumerate() {
            for attribute in &kind.attributes {
                let AttributeType::Resource(used) = &attribute.kind else { continue };
                let Some(used) = service.kind(used).filter(|used| *used != user) else { continue };
                ranks[used] = ranks[used].max(ranks[user] + 1).min(n_kinds);
            }
        }
    }
    ranks
}
