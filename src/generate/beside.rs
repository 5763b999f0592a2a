//! Ways to have something beside what a call names, which the call must leave alone.
//!
//! The search stops at the shortest way to *some* other resource. A wrong endpoint may change only one thing about it (the
//! accounts that it is shared with, say), so for each thing that can be changed there is a way to a resource where it has
//! been, followed by the way to a fresh one for the call.

use std::{collections::BTreeSet, rc::Rc};

use super::{join::renamed, simulate};
use crate::{
    model::{Choices, Resource, State},
    sequence::Command,
    spec::{SpecSet, operation::Action},
    value::is_given,
};

/// The shortest way to a resource of this kind, with nothing under way by the end of it.
pub fn plain<'a>(
    set: &SpecSet,
    kind: usize,
    initial: &State,
    likely: &Choices,
    known: &'a [Rc<[Command]>],
) -> Option<&'a [Command]> {
    made(set, kind, initial, likely, known).first().map(|(setup, _)| *setup)
}

/// The same for so many of them. What they are made from is made once.
pub fn several(set: &SpecSet, kind: usize, plain: &[Command], count: usize) -> Vec<Command> {
    let makes = |command: &Command| {
        let effects = &set.operation(command.operation).effects;
        effects.iter().any(|effect| matches!(effect.action, Action::Create { kind: made, .. } if made == kind))
    };
    let first = plain.iter().position(makes).unwrap_or(0);
    (1..count).fold(plain.to_vec(), |setup, _| [setup.clone(), renamed(&setup, &plain[first..])].concat())
}

/// Ways to one resource of a kind by the end of which nothing is under way, the shortest first.
fn made<'a>(
    set: &SpecSet,
    kind: usize,
    initial: &State,
    likely: &Choices,
    known: &'a [Rc<[Command]>],
) -> Vec<(&'a [Command], Resource)> {
    let mut made: Vec<(&[Command], Resource)> = Vec::new();
    for setup in known {
        let end = simulate::run(set, initial, setup, likely).pop().filter(|end| end.pending.is_empty());
        let Some(end) = end else { continue };
        let mut own =
            end.resources.iter().filter(|(key, found)| !is_given(key) && !found.deleted && found.kind == kind);
        if let (Some((_, found)), None) = (own.next(), own.next()) {
            made.push((setup, Resource::clone(found)));
        }
    }
    made.sort_by_key(|(setup, _)| setup.len());
    made
}

/// Made of known set-ups, by the end of which nothing is under way: the shortest that make a resource of this kind and
/// change one of its attributes, each followed by the shortest that makes one at all.
pub fn setups(
    set: &SpecSet,
    kind: usize,
    initial: &State,
    likely: &Choices,
    known: &[Rc<[Command]>],
) -> Vec<Vec<Command>> {
    let made = made(set, kind, initial, likely, known);
    let Some((plain, fresh)) = made.first().cloned() else { return Vec::new() };
    let mut shown = BTreeSet::new();
    let mut news = |found: &Resource| {
        let before = shown.len();
        shown.extend((0..fresh.attributes.len()).filter(|index| found.attributes[*index] != fresh.attributes[*index]));
        shown.len() > before
    };
    let others = made.iter().filter(|(_, found)| news(found)).map(|(setup, _)| *setup);
    std::iter::once(plain).chain(others).map(|setup| [setup, &renamed(setup, plain)].concat()).collect()
}
