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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Looked;
    use crate::{
        model::{
            Caller, Change, Choices, Pending, Resource, State, outcomes_looking,
            shop::{DELETE, call, param, row, shop},
            state::TokenUse,
        },
        spec::SpecSet,
        value::Atom,
    };

    fn add(set: &SpecSet, state: &mut State, kind: &str, key: &str) {
        let kind = set.service(DELETE).kind(kind).expect("it is a kind");
        state.apply(&Change::Create(key.into(), Resource::new(set.service(DELETE), kind, "here".into()).into()));
    }

    #[test]
    fn states_are_alike_that_are_the_same_where_it_was_looked() {
        // What the condition reads; how the state changes; whether the call may do the same there, for all that was looked at.
        let check = |when: &str, change: &dyn Fn(&SpecSet, &mut State), expected: bool| {
            let set = shop(&(param("Images", "texts", "names = \"image\"") + &row("Due", when)));
            let (mut state, request) = call(&set, &[Some(json!(["img-aaaa", "img-none"]))], Caller::Main);
            ["img-aaaa", "img-bbbb"].iter().for_each(|key| add(&set, &mut state, "image", key));
            add(&set, &mut state, "task", "task-0001");
            let looked = Looked::default();
            outcomes_looking(&set, &state, &request, &Choices::default(), |_, _| true, Some(&looked));
            let mut other = state.clone();
            assert!(looked.is_alike(&request, &state, &other), "{when}");
            change(&set, &mut other);
            assert_eq!(looked.is_alike(&request, &other, &state), expected, "{when}");
        };
        let put = |key: &'static str, attribute: usize, value: &'static str| {
            move |_: &SpecSet, state: &mut State| {
                state.apply(&Change::Set { key: key.into(), attribute, value: Atom::text(value) });
            }
        };
        let leave = |key: &'static str| {
            move |_: &SpecSet, state: &mut State| {
                let (key, changes) = (key.into(), vec![Change::Delete(key.into())]);
                let work = Pending { since_ms: 0, origin: 0, key, changes, unless_changed: Vec::new() };
                state.pending.push(work.into());
            }
        };
        let (status, owner) = (0, 1);
        let done = "any(task: task.status == 'Done')";
        check(done, &|_, _| {}, true);
        check(done, &put("task-0001", status, "Done"), false);
        check("any(task: task.image == image)", &put("task-0001", status, "Done"), true);
        check(done, &put("img-bbbb", owner, "others"), true);
        check("any(image: image.owner == 'others')", &put("img-bbbb", status, "Creating"), true);
        check("any(image: image.owner == 'others')", &put("img-bbbb", owner, "others"), false);
        check(done, &|set, state| add(set, state, "task", "task-0002"), false);
        check("false", &|set, state| add(set, state, "task", "task-0002"), true);
        check(done, &|_, state| state.apply(&Change::Delete("task-0001".into())), false);
        check("false", &|_, state| state.apply(&Change::Delete("task-0001".into())), true);
        // What the call names counts as a whole, whether it is there or not.
        check("false", &put("img-aaaa", status, "Creating"), false);
        check("false", &|set, state| add(set, state, "image", "img-none"), false);
        check("false", &leave("img-aaaa"), false);
        check("false", &leave("img-bbbb"), true);
        check("any(image: image.leaving)", &leave("img-bbbb"), false);
        let token = TokenUse { token: "t".into(), arguments: "".into(), refused: false };
        check("false", &|_, state| state.tokens.push(token.clone()), false);
    }
}
