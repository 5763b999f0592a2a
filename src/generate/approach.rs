//! From where a script stands to where a call is to be made.
//!
//! Reaching a state is most of what a call costs, and much of what it takes is often there already: an image that was
//! refused to every call, a snapshot that images were made from. A [`Standing`] is where a script stands, with what waiting
//! and one call that takes something back (sharing, say) make of it; an [`Approach`] is the cheapest way from there to a state
//! that is, in all that conditions can ask, the one that is wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    candidates::reference,
    join::with_fresh,
    moves::{companions, wait_for},
    permit::{Permit, creates},
    simulate,
};
use crate::{
    model::{Choices, Pending, Resource, State, state::TokenUse, view},
    sequence::Command,
    spec::{SpecSet, service::OpRef},
    value::{Atom, Key, is_given},
};

/// What waiting costs, in requests.
const WAIT: usize = 2;
/// What making something costs besides: it has to be removed once more.
const REMOVAL: usize = 1;

/// Where scripts of one operation are made.
pub struct Ground<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    pub initial: &'a State,
    /// How open questions are answered in all likelihood.
    pub likely: &'a Choices,
    pub permit: &'a Permit,
}

/// A way from nothing to a state.
pub struct Way {
    pub commands: Vec<Command>,
    /// Before each command, and at the end.
    states: Vec<State>,
}

/// Where a script stands, and what taking something back leads to: commands, and the state after them, cheap ones first.
pub struct Standing(Vec<(Vec<Command>, State)>);

/// How the end of a way is reached from a standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approach {
    /// Which of the places of the standing it goes on from.
    place: usize,
    /// Commands of the way that have been done already.
    pub kept: usize,
    /// What stands for the things that these made.
    pub names: BTreeMap<Key, Key>,
    /// What it costs, in requests.
    pub requests: usize,
}

/// Requests that a command of the set-up takes.
pub fn cost(set: &SpecSet, command: &Command) -> usize {
    let kinds = &set.service(command.operation).kinds;
    let removals = creates(set, command).filter(|(_, kind)| kinds[*kind].is_removable()).count() * REMOVAL;
    removals + if command.until.is_some() { WAIT } else { 1 }
}

impl Ground<'_> {
    pub fn cost(&self, commands: &[Command]) -> usize {
        commands.iter().map(|command| cost(self.set, command)).sum()
    }

    /// What a script costs with removing what it leaves, in half requests: a wait may take another look.
    pub fn whole_cost(&self, commands: &[Command]) -> usize {
        let kinds = &self.set.service(self.at).kinds;
        let end = self.end(self.initial, commands);
        let stays =
            |key: &&Key| end.living(key).is_some_and(|found| kinds[found.kind].is_removable()) && !end.is_leaving(key);
        let n_left = commands.iter().flat_map(|command| &command.creates).filter(stays).count();
        let n_waits = commands.iter().filter(|command| command.until.is_some()).count();
        2 * (commands.len() + n_left * REMOVAL) + n_waits
    }

    /// The state after commands.
    pub fn end(&self, from: &State, commands: &[Command]) -> State {
        simulate::run(self.set, from, commands, self.likely).pop().unwrap_or_else(|| from.clone())
    }

    /// The state when nothing is under way any more, and what waits for it.
    pub fn settled(&self, state: &State) -> Option<(State, Vec<Command>)> {
        self.settled_where(state, |_| true)
    }

    /// The same of some of what is under way.
    fn settled_where(&self, state: &State, is_awaited: impl Fn(&Pending) -> bool) -> Option<(State, Vec<Command>)> {
        let (mut state, mut waits) = (state.clone(), Vec::new());
        while let Some(pending) = state.pending.iter().find(|pending| is_awaited(pending)) {
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

    /// Which things stand for those of another state: alike in every way, with nothing under way. What is gone counts only
    /// where it is needed.
    fn matching(&self, here: &State, wanted: &State, needed: &BTreeSet<Key>) -> Option<BTreeMap<Key, Key>> {
        let derived = |state: &State, key: &Key| view::derived(self.set.service(self.at), state, key);
        // A token was used for something that is gone by now.
        let is_tokened = |key: &Key| wanted.tokens.iter().any(|used| mentions(&used.arguments, key));
        let is_wanted = |(key, found): &(&Key, &Resource)| !found.deleted || needed.contains(*key) || is_tokened(key);
        let mut left: Vec<(&Key, &Resource)> = own(wanted).filter(is_wanted).collect();
        let mut names: BTreeMap<Key, Key> = BTreeMap::new();
        while !left.is_empty() {
            // What is referred to comes before what refers to it.
            let is_known = |value: &Atom| reference(value).is_none_or(|key| is_given(key) || names.contains_key(key));
            let next = left.iter().position(|(_, found)| found.attributes.iter().all(is_known))?;
            let (key, found) = left.swap_remove(next);
            let attributes: Vec<Atom> = found.attributes.iter().map(|value| renamed(value, &names)).collect();
            let is_alike = |other: &Resource| {
                (other.kind, other.deleted, &other.region, &other.attributes)
                    == (found.kind, found.deleted, &found.region, &attributes)
            };
            let is_taken = |key: &Key| names.values().any(|taken| taken == key);
            let is_idle = |key: &Key| !here.pending.iter().any(|pending| pending.key == *key);
            let follows = derived(wanted, key);
            let mut alike = own(here).filter(|(key, other)| !is_taken(key) && is_idle(key) && is_alike(other));
            let stands = |other: &Key| {
                let names =
                    names.iter().chain([(key, other)]).map(|(key, other)| (key.clone(), other.clone())).collect();
                let mut used = wanted.tokens.iter().filter(|used| mentions(&used.arguments, key));
                used.all(|used| token(here, used, &names).is_some())
            };
            let (other, _) =
                alike.find(|(other, _)| if found.deleted { stands(other) } else { derived(here, other) == follows })?;
            names.insert(key.clone(), other.clone());
        }
        for used in &wanted.tokens {
            names.insert(used.token.clone(), token(here, used, &names)?);
        }
        (!names.is_empty()).then_some(names)
    }

    /// What leads from one state to another without making anything, and what stands for the things of that one.
    pub fn restored(&self, from: &State, wanted: &State) -> Option<(Vec<Command>, BTreeMap<Key, Key>)> {
        let standing = Standing::new(self, from);
        standing
            .0
            .into_iter()
            .find_map(|(commands, state)| Some((commands, self.matching(&state, wanted, &BTreeSet::new())?)))
    }
}

impl Way {
    pub fn new(ground: &Ground<'_>, commands: Vec<Command>) -> Self {
        let states = simulate::run(ground.set, ground.initial, &commands, ground.likely);
        Self { commands, states }
    }

    pub fn end(&self) -> &State {
        &self.states[self.commands.len()]
    }

    /// What calls at its end name that is gone there.
    pub fn gone<'a>(&self, calls: impl IntoIterator<Item = &'a Command>) -> Vec<Key> {
        let is_gone = |key: &Key| self.end().resource(key).is_some_and(|found| found.deleted);
        calls.into_iter().flat_map(Command::uses).filter(is_gone).collect()
    }
}

impl Standing {
    /// What can be done without waiting for anything, or taking anything back.
    pub fn as_is(state: &State) -> Self {
        Self(vec![(Vec::new(), state.clone())])
    }

    pub fn new(ground: &Ground<'_>, state: &State) -> Self {
        let Self(mut places) = Self::as_is(state);
        // Nothing has been made that could be taken back.
        if state == ground.initial {
            return Self(places);
        }
        let mut add = |commands: Vec<Command>, state: State| {
            if !places.iter().any(|(_, known)| *known == state) {
                places.push((commands, state));
            }
        };
        for (key, _) in own(state).filter(|(_, found)| !found.deleted) {
            // Only what this one is about has to be over.
            let about: Vec<&Key> = state.referrers(key).map(|(other, _)| other).chain([key]).collect();
            let Some((idle, waits)) = ground.settled_where(state, |pending| about.contains(&&pending.key)) else {
                continue;
            };
            if !waits.is_empty() {
                add(waits.clone(), idle.clone());
            }
            for call in companions(ground.set, ground.at.service, &idle, 0) {
                if !call.creates.is_empty() || !call.uses().contains(key) {
                    continue;
                }
                let (after, _) = simulate::step(ground.set, &idle, &call, &Choices::default());
                let is_new = |pending: &Pending| !idle.pending.iter().any(|known| **known == *pending);
                let Some((after, further)) = ground.settled_where(&after, is_new) else { continue };
                add(waits.iter().cloned().chain([call]).chain(further).collect(), after);
            }
        }
        places.sort_by_key(|(commands, _)| ground.cost(commands));
        Self(places)
    }

    /// The cheapest approach to the end of a way, for a call that names these things which are gone there.
    pub fn approach(&self, ground: &Ground<'_>, way: &Way, gone: &[Key]) -> Approach {
        let n_commands = way.commands.len();
        let anew = ground.cost(&way.commands);
        let mut best = Approach { place: 0, kept: 0, names: BTreeMap::new(), requests: anew };
        // What is left of the way costs so much, by the number of commands that are done.
        let mut rest = anew;
        for kept in 1..=n_commands {
            rest -= cost(ground.set, &way.commands[kept - 1]);
            let wanted = &way.states[kept];
            if !wanted.pending.is_empty() {
                continue;
            }
            let needed: BTreeSet<Key> =
                way.commands[kept..].iter().flat_map(Command::uses).chain(gone.iter().cloned()).collect();
            for (place, (commands, state)) in self.0.iter().enumerate() {
                let requests = ground.cost(commands) + rest;
                // Of equals, the one that does more of what is planned comes first.
                if requests > best.requests {
                    break;
                }
                if let Some(names) = ground.matching(state, wanted, &needed) {
                    best = Approach { place, kept, names, requests };
                    break;
                }
            }
        }
        best
    }

    /// The commands of an approach from the end of others, and the names of things in what comes after them.
    pub fn commands(
        &self,
        approach: &Approach,
        before: &[Command],
        way: &Way,
        further: &[Command],
    ) -> (Vec<Command>, BTreeMap<Key, Key>) {
        let mut commands = self.0[approach.place].0.clone();
        let left = &way.commands[approach.kept..];
        let before: Vec<Command> = before.iter().chain(&commands).cloned().collect();
        let names = with_fresh(approach.names.clone(), &before, left.iter().chain(further));
        commands.extend(left.iter().map(|command| command.renamed(&names)));
        (commands, names)
    }
}

/// What the run has made.
fn own(state: &State) -> impl Iterator<Item = (&Key, &Resource)> {
    state.resources.iter().filter(|(key, _)| !is_given(key)).map(|(key, found)| (key, &**found))
}

/// Parts of a text that spells out arguments: handles stand in quotes, or between commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['"', ',']).flat_map(|part| {
        let stem = part.trim_end_matches(['"', ',']);
        [stem, &part[stem.len()..]]
    })
}

fn mentions(text: &str, key: &Key) -> bool {
    parts(text).any(|part| part == &**key)
}

/// The token that was used for the same as another, by these names.
fn token(here: &State, used: &TokenUse, names: &BTreeMap<Key, Key>) -> Option<Key> {
    let arguments: String = parts(&used.arguments).map(|part| names.get(part).map_or(part, |name| &**name)).collect();
    let is_alike = |other: &&TokenUse| (other.refused, &*other.arguments) == (used.refused, &*arguments);
    here.tokens.iter().find(is_alike).map(|other| other.token.clone())
}

fn renamed(value: &Atom, names: &BTreeMap<Key, Key>) -> Atom {
    match value {
        Atom::Ref(key) => Atom::Ref(names.get(key).unwrap_or(key).clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Ground, Standing, Way};
    use crate::{
        generate::{exercise::exercises, permit::Permit, plan::search},
        model::{Choices, State},
        sequence::{Command, Script},
        spec::embedded,
    };

    #[test]
    fn a_call_shows_the_same_wherever_its_way_is_joined() {
        let set = embedded().expect("the embedded specs are sound");
        let mut n_shortened = 0;
        for (at, operation) in set.operations().filter(|(_, operation)| operation.is_documented()) {
            let (initial, likely) = (State::initial(set.service(at), &Script::home()), Choices::likely(operation));
            let permit = Permit::default();
            let ground = Ground { set: &set, at, initial: &initial, likely: &likely, permit: &permit };
            let shown = |state: &State, call: &Command| -> BTreeSet<usize> {
                exercises(&set, state, call).into_iter().map(|found| found.requirement).collect()
            };
            let plans = search(&set, at, 1, &permit);
            let shortest: Vec<_> = plans.by_requirement.values().filter_map(|plans| plans.first()).collect();
            for (first, second) in shortest.iter().flat_map(|first| shortest.iter().map(move |second| (first, second)))
            {
                let before = [&first.setup[..], std::slice::from_ref(&first.call)].concat();
                let state = ground.end(&initial, &before);
                let (standing, way) = (Standing::new(&ground, &state), Way::new(&ground, second.setup.clone()));
                let approach = standing.approach(&ground, &way, &way.gone([&second.call]));
                assert!(approach.requests <= ground.cost(&way.commands), "a detour: {approach:?}");
                n_shortened += usize::from(approach.kept > 0);
                let further = std::slice::from_ref(&second.call);
                let (commands, names) = standing.commands(&approach, &before, &way, further);
                let (there, call) = (ground.end(&state, &commands), second.call.renamed(&names));
                let (alone, shown) = (shown(way.end(), &second.call), shown(&there, &call));
                let lost: Vec<_> = alone.difference(&shown).map(|lost| &operation.requirements[*lost].id).collect();
                assert!(lost.is_empty(), "{lost:?} are lost where {second:?} comes after {first:?}, by {commands:?}");
            }
        }
        assert!(n_shortened > 1_000, "only {n_shortened} ways were shortened");
    }
}
