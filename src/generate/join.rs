//! One script after another, on what the first one leaves.
//!
//! Reaching a state is most of what a script costs, and at the end of a script much of it is still there: an image that was
//! refused to every call, a snapshot that images were made from. A script whose set-up would make the same once more goes
//! on with that instead, if need be after one call that takes back what the first script did last (sharing, say).
//!
//! Nothing is joined that would not be the same alone: what is taken over is, in all that conditions can ask, as the second
//! script would have made it, and nothing is under way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    candidates::reference,
    moves::{companions, wait_for},
    simulate,
    tour::cost,
};
use crate::{
    model::{Choices, Resource, State, view},
    sequence::{Command, Purpose, Script},
    spec::{SpecSet, service::OpRef},
    value::{Atom, Key},
};

/// Most commands of scripts that are joined: longer ones hide more when something is wrong early.
const LONGEST: usize = 80;
/// What starting anew costs besides, in requests: something has to be removed once more, and what was done to it taken back.
const ANEW: usize = 2;

/// Joins scripts of one operation.
pub struct Joiner<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    pub initial: &'a State,
    /// How open questions are answered in all likelihood.
    pub likely: &'a Choices,
}

/// A script that goes on with another.
struct Joined {
    script: Script,
    /// Requests that this spares.
    saved: usize,
}

impl Joiner<'_> {
    /// Lets the script that spares the most go on with another; gives that back where none spares anything.
    pub fn add(&self, scripts: &mut [Script], further: Script) -> Option<Script> {
        let joined = scripts.iter_mut().filter_map(|known| Some((self.join(known, &further)?, known)));
        match joined.max_by_key(|(joined, _)| joined.saved) {
            Some((joined, known)) => *known = joined.script,
            None => return Some(further),
        }
        None
    }

    /// The first script, followed by as much of the second as is still to be done; none where that spares nothing.
    fn join(&self, first: &Script, second: &Script) -> Option<Joined> {
        if first.commands.len() + second.commands.len() > LONGEST {
            return None;
        }
        let end = simulate::run(self.set, self.initial, &first.commands, self.likely).pop()?;
        let states = simulate::run(self.set, self.initial, &second.commands, self.likely);
        let n_setup = second.commands.iter().take_while(|command| command.purpose != Purpose::Call).count();
        (1..=n_setup).rev().find_map(|kept| {
            let (undo, names) = self.restored(&end, &states[kept])?;
            let spared = second.commands[..kept].iter().map(cost).sum::<usize>() + ANEW;
            let saved = spared.checked_sub(undo.len()).filter(|saved| *saved > 0)?;
            let mut so_far = first.clone();
            so_far.commands.extend(undo);
            Some(Joined { script: followed(so_far, second, kept, names)?, saved })
        })
    }

    /// What leads back to a state, and which of the things that are there stand for those of that state.
    pub fn restored(&self, end: &State, wanted: &State) -> Option<(Vec<Command>, BTreeMap<Key, Key>)> {
        if !wanted.pending.is_empty() || !wanted.tokens.is_empty() {
            return None;
        }
        let (settled, waits) = self.settled(end)?;
        if let Some(names) = self.matching(&settled, wanted) {
            return Some((waits, names));
        }
        let ways = companions(self.set, self.at.service, &settled, 0).into_iter();
        ways.filter(|way| way.creates.is_empty()).find_map(|way| {
            let (after, _) = simulate::step(self.set, &settled, &way, &Choices::default());
            let (after, further) = self.settled(&after)?;
            let names = self.matching(&after, wanted)?;
            Some((waits.iter().cloned().chain([way]).chain(further).collect(), names))
        })
    }

    /// The state when nothing is under way any more, and what waits for it.
    pub fn settled(&self, state: &State) -> Option<(State, Vec<Command>)> {
        let (mut state, mut waits) = (state.clone(), Vec::new());
        while let Some(pending) = state.pending.first() {
            let wait = wait_for(self.set, self.at.service, &state, pending)?;
            let after = simulate::after_waiting(&state, &wait);
            if after.pending.len() == state.pending.len() {
                return None;
            }
            state = after;
            waits.push(wait);
        }
        Some((state, waits))
    }

    /// Which things stand for those of another state: alike in every way.
    fn matching(&self, here: &State, wanted: &State) -> Option<BTreeMap<Key, Key>> {
        let mut names: BTreeMap<Key, Key> = BTreeMap::new();
        let mut left: Vec<(&Key, &Resource)> = own(wanted).collect();
        while !left.is_empty() {
            // What is referred to comes before what refers to it.
            let is_known = |value: &Atom| reference(value).is_none_or(|key| !is_own(key) || names.contains_key(key));
            let next = left.iter().position(|(_, found)| found.attributes.iter().all(is_known))?;
            let (key, found) = left.swap_remove(next);
            let attributes: Vec<Atom> = found.attributes.iter().map(|value| renamed(value, &names)).collect();
            let is_alike = |other: &Resource| {
                (other.kind, &other.region, &other.attributes) == (found.kind, &found.region, &attributes)
            };
            let is_taken = |key: &Key| names.values().any(|taken| taken == key);
            let alike = own(here).find(|(key, other)| !is_taken(key) && is_alike(other));
            names.insert(key.clone(), alike?.0.clone());
        }
        // What hangs on a thing is of no account, as long as conditions cannot tell.
        let follows = |state: &State, key: &Key| view::derived(self.set.service(self.at), state, key);
        let is_alike = |(key, other): (&Key, &Key)| {
            follows(wanted, key).iter().map(|value| renamed(value, &names)).eq(follows(here, other))
        };
        (!names.is_empty() && names.iter().all(is_alike)).then_some(names)
    }
}

/// What the run has made and is there.
fn own(state: &State) -> impl Iterator<Item = (&Key, &Resource)> {
    let own = state.resources.iter().filter(|(key, found)| is_own(key) && !found.deleted);
    own.map(|(key, found)| (key, &**found))
}

fn renamed(value: &Atom, names: &BTreeMap<Key, Key>) -> Atom {
    match value {
        Atom::Ref(key) => Atom::Ref(names.get(key).unwrap_or(key).clone()),
        other => other.clone(),
    }
}

/// One script that does both, one after the other, each with things of its own; none where both overlap calls.
pub fn one_after_the_other(first: &Script, second: &Script) -> Option<Script> {
    if !first.race().is_empty() && !second.race().is_empty() {
        return None;
    }
    followed(first.clone(), second, 0, BTreeMap::new())
}

/// A script, and then another from this command on; what that makes gets names of its own, where it has none yet.
fn followed(mut script: Script, other: &Script, from: usize, names: BTreeMap<Key, Key>) -> Option<Script> {
    let further = &other.commands[from..];
    let names = with_fresh(names, &script.commands, further)?;
    script.commands.extend(further.iter().map(|command| command.renamed(&names)));
    script.aims.extend(&other.aims);
    Some(script)
}

fn is_own(key: &str) -> bool {
    !key.starts_with("$given.")
}

/// Names besides for what further commands make, and for tokens that were used before; none where a token is of a form that
/// no other can have.
fn with_fresh(mut names: BTreeMap<Key, Key>, before: &[Command], further: &[Command]) -> Option<BTreeMap<Key, Key>> {
    let made =
        |commands: &[Command]| commands.iter().flat_map(|command| command.creates.clone()).collect::<BTreeSet<_>>();
    let (used, own) = (&made(before) | &tokens(before), &made(further) | &tokens(further));
    for key in own.intersection(&used) {
        let stem = key.trim_end_matches(|last: char| last.is_ascii_digit());
        if stem.len() == key.len() || !stem.chars().skip(1).all(|letter| letter.is_ascii_alphabetic()) {
            return None;
        }
        let is_free =
            |name: &Key| !used.contains(name) && !own.contains(name) && !names.values().any(|known| known == name);
        let free = (1..).map(|number| Key::from(format!("{stem}{number}").as_str())).find(is_free)?;
        names.insert(key.clone(), free);
    }
    Some(names)
}

fn tokens(commands: &[Command]) -> BTreeSet<Key> {
    let values = commands.iter().flat_map(|command| &command.arguments).flatten();
    values.filter_map(Value::as_str).filter(|text| text.starts_with("$token")).map(Key::from).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Joiner, Purpose, Script, State, simulate};
    use crate::{
        generate::{exercise::exercises, permit::Permit, plan::search},
        model::Choices,
        spec::embedded,
    };

    #[test]
    fn what_is_joined_exercises_what_both_did_alone() {
        let set = embedded().expect("the embedded specs are sound");
        let mut n_joined = 0;
        for (at, operation) in set.operations().filter(|(_, operation)| operation.is_documented()) {
            let (initial, likely) = (State::initial(set.service(at), &Script::home()), Choices::likely(operation));
            let joiner = Joiner { set: &set, at, initial: &initial, likely: &likely };
            let shown = |script: &Script| -> BTreeSet<usize> {
                let states = simulate::run(&set, &initial, &script.commands, &likely);
                let calls = states.iter().zip(&script.commands).filter(|(_, command)| command.purpose == Purpose::Call);
                calls.flat_map(|(state, call)| exercises(&set, state, call)).map(|found| found.requirement).collect()
            };
            let plans = search(&set, at, 1, &Permit::default());
            let shortest = plans.by_requirement.values().filter_map(|plans| plans.first());
            let scripts: Vec<Script> = shortest
                .map(|plan| Script {
                    commands: [&plan.setup[..], std::slice::from_ref(&plan.call)].concat(),
                    aims: Vec::new(),
                })
                .collect();
            for (first, second) in scripts.iter().flat_map(|first| scripts.iter().map(move |second| (first, second))) {
                let Some(joined) = joiner.join(first, second) else { continue };
                n_joined += 1;
                let alone = &shown(first) | &shown(second);
                let lost: Vec<_> =
                    alone.difference(&shown(&joined.script)).map(|lost| &operation.requirements[*lost].id).collect();
                assert!(lost.is_empty(), "{lost:?} are lost of {first:?} and {second:?}");
            }
        }
        assert!(n_joined > 100, "only {n_joined} were joined");
    }
}
