//! The state of a service, as far as the specs describe it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    spec::Service,
    value::{Atom, Key, given_place},
};

/// Resources, work under way, and tokens that were used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct State {
    pub resources: BTreeMap<Key, Arc<Resource>>,
    /// What will happen by itself.
    pub pending: Vec<Pending>,
    /// Idempotency tokens of calls that succeeded.
    pub tokens: Vec<TokenUse>,
    /// Regions that the endpoint has.
    pub regions: Arc<[Arc<str>]>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Index of its kind in the service.
    pub kind: usize,
    pub region: Arc<str>,
    /// Values by the kind's attributes.
    pub attributes: Vec<Atom>,
    pub deleted: bool,
}

/// One change of a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    Create(Key, Arc<Resource>),
    Set { key: Key, attribute: usize, value: Atom },
    Add { key: Key, attribute: usize, members: Vec<Arc<str>> },
    Remove { key: Key, attribute: usize, members: Vec<Arc<str>> },
    Delete(Key),
}

/// Changes that happen by themselves, some time after the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pending {
    /// When the answer came, in milliseconds of the history's clock.
    pub since_ms: u64,
    /// Position of the call in its script.
    pub origin: usize,
    /// The resource that changes.
    pub key: Key,
    pub changes: Vec<Change>,
    /// Values that attributes must still have; otherwise something else has happened to them since.
    pub unless_changed: Vec<(usize, Atom)>,
}

/// A token with what it was used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenUse {
    pub token: Arc<str>,
    /// The other arguments, spelled out.
    pub arguments: Arc<str>,
    /// The call was refused; whether its token counts as used then, no document says.
    pub refused: bool,
}

impl Resource {
    pub fn new(service: &Service, kind: usize, region: Arc<str>) -> Self {
        let attributes = service.kinds[kind].attributes.iter().map(|attribute| attribute.kind.initial()).collect();
        Self { kind, region, attributes, deleted: false }
    }
}

impl State {
    pub fn new(regions: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { regions: regions.into_iter().collect(), ..Self::default() }
    }

    /// What an endpoint has before anything was created: the given things that are resources.
    ///
    /// Keys, and the region, are places such as `$given.region`.
    pub fn initial(service: &Service, home: &Arc<str>) -> Self {
        let mut state = Self::new(
            ["$given.region", "$given.second_region"]
                .into_iter()
                .filter(|place| place.strip_prefix("$given.").is_some_and(|name| service.given(name).is_some()))
                .map(Arc::from),
        );
        for given in &service.givens {
            let Some((kind, attributes)) = &given.resource else { continue };
            let mut resource = Resource::new(service, *kind, home.clone());
            for (attribute, value) in attributes {
                resource.attributes[*attribute] = value.clone();
            }
            state.resources.insert(given_place(&given.name), Arc::new(resource));
        }
        state
    }

    pub fn resource(&self, key: &str) -> Option<&Resource> {
        self.resources.get(key).map(|resource| &**resource)
    }

    /// A resource that exists, wherever.
    pub fn living(&self, key: &str) -> Option<&Resource> {
        self.resource(key).filter(|resource| !resource.deleted)
    }

    /// Its removal was answered, but may not have happened.
    pub fn is_leaving(&self, key: &str) -> bool {
        self.pending.iter().any(|pending| {
            &*pending.key == key && pending.changes.iter().any(|change| matches!(change, Change::Delete(_)))
        })
    }

    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(key, resource) => {
                self.resources.insert(key.clone(), resource.clone());
            }
            Change::Set { key, attribute, value } => self.modify(key, *attribute, |found| *found = value.clone()),
            Change::Add { key, attribute, members } => self.modify(key, *attribute, |found| {
                let Atom::Set(set) = found else { return };
                set.extend(members.iter().cloned());
                set.sort();
                set.dedup();
            }),
            Change::Remove { key, attribute, members } => self.modify(key, *attribute, |found| {
                if let Atom::Set(set) = found {
                    set.retain(|member| !members.contains(member));
                }
            }),
            Change::Delete(key) => {
                if let Some(resource) = self.resources.get_mut(key) {
                    Arc::make_mut(resource).deleted = true;
                }
                self.pending.retain(|pending| pending.key != *key);
            }
        }
    }

    fn modify(&mut self, key: &Key, attribute: usize, change: impl FnOnce(&mut Atom)) {
        if let Some(resource) = self.resources.get_mut(key)
            && let Some(found) = Arc::make_mut(resource).attributes.get_mut(attribute)
        {
            change(found);
        }
    }

    /// Makes pending change number `index` happen.
    pub fn fire(&mut self, index: usize) {
        let pending = self.pending.remove(index);
        let current = self.living(&pending.key).is_some_and(|resource| {
            pending.unless_changed.iter().all(|(attribute, value)| resource.attributes.get(*attribute) == Some(value))
        });
        if current {
            pending.changes.iter().for_each(|change| self.apply(change));
        }
    }

    /// All states that this one may have become: any of the pending changes may have happened.
    pub fn settle(&self) -> Vec<State> {
        // The order of independent changes does not matter, so subsets are enough. What removes a resource comes last: nothing
        // else happens to it afterwards, but may have happened before.
        let mut pending: Vec<&Pending> = self.pending.iter().collect();
        pending.sort_by_key(|pending| pending.changes.iter().any(|change| matches!(change, Change::Delete(_))));
        let mut found = vec![(self.clone(), 0)];
        let mut at = 0;
        while at < found.len() {
            let (state, from) = found[at].clone();
            for (number, next) in pending.iter().enumerate().skip(from) {
                let Some(index) = state.pending.iter().position(|known| known == *next) else { continue };
                let mut fired = state.clone();
                fired.fire(index);
                found.push((fired, number + 1));
            }
            at += 1;
        }
        found.into_iter().map(|(state, _)| state).collect()
    }

    /// Pending changes that should have happened by `now_ms`, had they taken at most `patience_ms`.
    pub fn overdue(&self, now_ms: u64, patience_ms: u64) -> impl Iterator<Item = &Pending> {
        self.pending.iter().filter(move |pending| pending.since_ms.saturating_add(patience_ms) < now_ms)
    }
}
