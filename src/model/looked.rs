//! What an evaluation looked at.

use std::{cell::RefCell, sync::Arc};

use super::{
    request::Request,
    state::{Resource, State},
};
use crate::value::{Atom, Key};

/// All of a state that made a difference to what a call may do in it, beside what the call names: in a state that is the same
/// there, it may do the same.
///
/// With much under way, an endpoint may be in many states, which hardly differ in what any one call is about.
#[derive(Debug, Default)]
pub struct Looked {
    /// Attributes of resources that were read.
    attributes: RefCell<Vec<(Key, usize)>>,
    /// Resources of which it mattered whether they are on their way out.
    leaving: RefCell<Vec<Key>>,
    /// Kinds of which all that there is was gone through.
    kinds: RefCell<Vec<usize>>,
}

impl Looked {
    pub(super) fn at_attribute(&self, key: &Key, attribute: usize) {
        note(&self.attributes, |(known, at)| *at == attribute && known == key, || (key.clone(), attribute));
    }

    pub(super) fn at_leaving(&self, key: &Key) {
        note(&self.leaving, |known| known == key, || key.clone());
    }

    pub(super) fn at_kind(&self, kind: usize) {
        note(&self.kinds, |known| *known == kind, || kind);
    }

    /// Whether the call may do in one state just what it may do in the other, in which this was looked at.
    pub fn is_alike(&self, request: &Request, one: &State, other: &State) -> bool {
        let is_leaving = |key: &Key| one.is_leaving(key) == other.is_leaving(key);
        let mut named = request.targets.iter().flatten().chain(&request.created);
        named.all(|key| one.resources.get(key) == other.resources.get(key) && is_leaving(key))
            && self.attributes.borrow().iter().all(|(key, at)| read(one, key, *at) == read(other, key, *at))
            && self.leaving.borrow().iter().all(is_leaving)
            && self.kinds.borrow().iter().all(|kind| living(one, *kind).eq(living(other, *kind)))
            && one.tokens == other.tokens
            && one.regions == other.regions
    }
}

/// An attribute of a resource, with where it is and whether it still exists.
fn read<'s>(state: &'s State, key: &Key, attribute: usize) -> Option<(Option<&'s Atom>, &'s str, bool)> {
    state.resource(key).map(|found| (found.attributes.get(attribute), &*found.region, found.deleted))
}

/// Keys of all that there is of a kind.
fn living(state: &State, kind: usize) -> impl Iterator<Item = &Key> {
    let of_kind = move |(_, found): &(&Key, &Arc<Resource>)| found.kind == kind && !found.deleted;
    state.resources.iter().filter(of_kind).map(|(key, _)| key)
}

fn note<T>(list: &RefCell<Vec<T>>, is_it: impl Fn(&T) -> bool, it: impl FnOnce() -> T) {
    let mut list = list.borrow_mut();
    if !list.iter().any(is_it) {
        list.push(it());
    }
}
