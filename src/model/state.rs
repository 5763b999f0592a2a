//! The state of a service, as far as the specs describe it.

use std::sync::Arc;

use crate::{
    spec::Service,
    value::{Atom, Key, given_place},
};

/// Resources, work under way, and tokens that were used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct State {
    pub resources: Resources,
    /// What will happen by itself.
    pub pending: Vec<Arc<Pending>>,
    /// Idempotency tokens of calls that succeeded.
    pub tokens: Vec<TokenUse>,
    /// Regions that the endpoint has.
    pub regions: Arc<[Arc<str>]>,
}

/// Resources by key, in order. There are few as a rule, and they are copied, compared and gone through far more often than
/// one is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resources(Vec<(Key, Arc<Resource>)>);

impl Resources {
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }

    pub fn get(&self, key: &str) -> Option<&Arc<Resource>> {
        self.place(key).ok().map(|place| &self.0[place].1)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Arc<Resource>> {
        self.place(key).ok().map(|place| &mut self.0[place].1)
    }

    /// Adds one, or puts it in the place of that with the same key.
    pub fn insert(&mut self, key: Key, resource: Arc<Resource>) {
        match self.place(&key) {
            Ok(place) => self.0[place].1 = resource,
            Err(place) => self.0.insert(place, (key, resource)),
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Arc<Resource>> {
        self.place(key).ok().map(|place| self.0.remove(place).1)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &Arc<Resource>)> + Clone {
        self.0.iter().map(|(key, resource)| (key, resource))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Key> + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Arc<Resource>> {
        self.0.iter_mut().map(|(_, resource)| resource)
    }

    pub fn retain(&mut self, mut is_kept: impl FnMut(&Key, &Arc<Resource>) -> bool) {
        self.0.retain(|(key, resource)| is_kept(key, resource));
    }
}

impl Extend<(Key, Arc<Resource>)> for Resources {
    fn extend<I: IntoIterator<Item = (Key, Arc<Resource>)>>(&mut self, more: I) {
        more.into_iter().for_each(|(key, resource)| self.insert(key, resource));
    }
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

    /// Living resources that refer to this one: its tasks, its instances.
    pub fn referrers<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = (&'a Key, &'a Resource)> {
        let refers = move |found: &Resource| {
            found.attributes.iter().any(|value| matches!(value, Atom::Ref(other) if other == key))
        };
        let living = self.resources.iter().filter(move |(_, found)| !found.deleted && refers(found));
        living.map(|(found, resource)| (found, &**resource))
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

    /// All states that this one may have become: any of the pending changes may have happened, and at least one has.
    pub fn settle(&self) -> Vec<State> {
        // The order of independent changes does not matter, so subsets are enough. What removes a resource comes last: nothing
        // else happens to it afterwards, but may have happened before.
        let mut pending: Vec<&Arc<Pending>> = self.pending.iter().collect();
        pending.sort_by_key(|pending| pending.changes.iter().any(|change| matches!(change, Change::Delete(_))));
        let fired = |state: &State, from: usize| -> Vec<(State, usize)> {
            let later = pending.iter().enumerate().skip(from);
            let one = |(number, next): (usize, &&Arc<Pending>)| {
                let index = state.pending.iter().position(|known| known == *next)?;
                let mut fired = state.clone();
                fired.fire(index);
                Some((fired, number + 1))
            };
            later.filter_map(one).collect()
        };
        let mut found = fired(self, 0);
        let mut at = 0;
        while let Some((state, from)) = found.get(at) {
            let more = fired(state, *from);
            found.extend(more);
            at += 1;
        }
        found.into_iter().map(|(state, _)| state).collect()
    }

    /// Pending changes that should have happened by `now_ms`, had they taken at most `patience_ms`.
    pub fn overdue(&self, now_ms: u64, patience_ms: u64) -> impl Iterator<Item = &Pending> {
        let pending = self.pending.iter().map(|pending| &**pending);
        pending.filter(move |pending| pending.since_ms.saturating_add(patience_ms) < now_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use proptest::prelude::*;

    use super::{Resource, Resources};

    /// What is done with one of a few keys.
    #[derive(Debug, Clone)]
    enum Step {
        Insert(u8, usize),
        Remove(u8),
        Keep(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6_u8, 0..9_usize).prop_map(|(key, kind)| Step::Insert(key, kind)),
            (0..6_u8).prop_map(Step::Remove),
            (0..6_u8).prop_map(Step::Keep),
        ]
    }

    proptest! {
        #[test]
        fn resources_are_a_map(steps in proptest::collection::vec(step(), 0..30)) {
            let (mut found, mut expected) = (Resources::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(key, kind) => {
                        let attributes = Vec::new();
                        let resource = Arc::new(Resource { kind, region: "here".into(), attributes, deleted: false });
                        found.insert(key.to_string().as_str().into(), resource.clone());
                        expected.insert(key.to_string(), resource);
                    }
                    Step::Remove(key) => {
                        prop_assert_eq!(found.remove(&key.to_string()), expected.remove(&key.to_string()));
                    }
                    Step::Keep(least) => {
                        found.retain(|key, _| **key >= *least.to_string());
                        expected.retain(|key, _| *key >= least.to_string());
                    }
                }
                for key in 0..6_u8 {
                    prop_assert_eq!(found.get(&key.to_string()), expected.get(&key.to_string()));
                }
                let listed = found.iter().map(|(key, resource)| (key.to_string(), resource.clone()));
                prop_assert_eq!(listed.collect::<Vec<_>>(), expected.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
