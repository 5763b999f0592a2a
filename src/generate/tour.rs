//! A script that makes one call after another, each where the last one has left it.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    approach::{Approach, Ground},
    exercise::{Doubt, is_about_others, is_about_staying},
    goal::{Due, Goal, goals},
    join::made_or_used,
    readback,
    spot::{Spot, Spots},
    stop::{Noise, Stop},
};
use crate::{
    model::{Caller, State},
    sequence::{Command, Script},
    value::Key,
};

/// Most commands of a tour: longer ones hide more when something is wrong early.
const LONGEST: usize = 60;
/// Fewer commands are no script of their own.
const SHORTEST: usize = 10;

/// A tour that is being made.
pub struct Tour {
    commands: Vec<Command>,
    /// Where it has led, in one likely course of events.
    state: State,
    spot: Rc<Spot>,
    spots: Rc<Spots>,
    /// Reads that the last calls, which left everything as it is, still need.
    unread: Vec<Unread>,
    /// A last look at what was seen to go.
    last: Vec<Command>,
    /// Calls that were made, by position, each with the requirements that it is to exercise.
    calls: Vec<(usize, BTreeSet<usize>)>,
}

/// A read that is still to be made.
#[derive(Clone)]
struct Unread {
    read: Command,
    /// Before anything else is done: what it is to show is more than that something is there.
    at_once: bool,
}

/// From where a tour stands to a stop.
pub struct Passage {
    commands: Vec<Command>,
    /// The state that they lead to.
    state: State,
    call: Command,
    /// What the call shows there.
    pub shows: BTreeMap<Goal, Doubt>,
}

impl Tour {
    pub fn new(ground: &Ground<'_>, spots: &Rc<Spots>) -> Self {
        Self {
            commands: Vec::new(),
            state: ground.initial.clone(),
            spot: spots.at(ground.initial),
            spots: spots.clone(),
            unread: Vec::new(),
            last: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Requests that a stop costs here; none when it has no place.
    pub fn requests(&self, ground: &Ground<'_>, stop: &Stop) -> Option<usize> {
        // A used nonce is that of a request that succeeded, so one has to come first.
        let is_signed = || self.commands.iter().any(|command| ground.set.operation(command.operation).changes());
        if stop.call.caller == Caller::Replayed && !is_signed() {
            return None;
        }
        let approach = self.approach(ground, stop);
        let further = &stop.way.commands[approach.kept..];
        let longest = self.commands.len() + self.unread.len() + further.len() + 1 + stop.n_reads;
        let is_too_long = !self.commands.is_empty() && longest > LONGEST;
        if is_too_long || !ground.permit.needs_of(ground.set, self.commands.iter().chain(further)).is_empty() {
            return None;
        }
        // What is to be read anyway costs nothing.
        let stays = approach.requests == 0 && !self.unread.is_empty() && stop.noise == Noise::Quiet;
        let n_reads = if stays {
            let call = stop.call.renamed(&approach.names);
            let reads = readback::after(ground.set, &self.state, &call, ground.likely, false);
            self.unread_with(&reads, false).len().saturating_sub(self.unread.len())
        } else {
            stop.n_reads
        };
        Some(approach.requests + 1 + n_reads)
    }

    /// Whether a stop is where the tour stands.
    pub fn is_at(&self, ground: &Ground<'_>, stop: &Stop) -> bool {
        self.approach(ground, stop).requests == 0
    }

    fn approach(&self, ground: &Ground<'_>, stop: &Stop) -> Rc<Approach> {
        self.spot.approach(ground, &self.state, stop)
    }

    /// How a stop is reached.
    pub fn passage(&self, ground: &Ground<'_>, stop: &Stop) -> Passage {
        let approach = self.approach(ground, stop);
        let standing = self.spot.standing(ground, &self.state);
        let (commands, names) =
            standing.commands(&approach, &self.commands, &stop.way, std::slice::from_ref(&stop.call));
        let state = ground.end(&self.state, &commands);
        let call = stop.call.renamed(&names);
        let due = Due::of(ground.set, &state, &call, ground.likely);
        let mut shows = goals(ground.set, &state, &call, &due, ground.likely);
        shows.extend(stop.story.map(|goal| (goal, Doubt::in_state(&state))));
        Passage { commands, state, call, shows }
    }

    /// Goes there, and makes no call yet; that is handed out.
    pub fn go(&mut self, ground: &Ground<'_>, passage: Passage) -> Command {
        let Passage { commands, state, call, .. } = passage;
        if !commands.is_empty() {
            self.read_before(ground, &commands);
        }
        self.commands.extend(commands);
        self.arrive(state);
        call
    }

    /// Makes what reads are still to be made, but for those that the next commands make anyway, as long as no documented call
    /// comes in between.
    fn read_before(&mut self, ground: &Ground<'_>, next: &[Command]) {
        let is_documented = |command: &&Command| ground.set.operation(command.operation).is_documented();
        let before = next.iter().position(|command| is_documented(&command)).unwrap_or(next.len());
        let is_left = |unread: &Unread| unread.at_once || !next[..before].iter().any(|read| read.covers(&unread.read));
        let left = self.unread.drain(..).filter(is_left).map(|unread| unread.read);
        self.commands.extend(left);
    }

    fn arrive(&mut self, state: State) {
        if state != self.state {
            self.spot = self.spots.at(&state);
            self.state = state;
        }
    }

    /// Makes the call of a stop where the tour has arrived, for what it shows that is new.
    pub fn make(&mut self, ground: &Ground<'_>, stop: &Stop, call: Command, new: &BTreeSet<Goal>) {
        let Ground { set, likely, .. } = *ground;
        let operation = set.operation(ground.at);
        // What several calls in a row leave as it is is looked at once, after the last of them.
        let is_quiet = stop.noise == Noise::Quiet && !stop.passing();
        if !is_quiet {
            self.read_before(ground, &[]);
        }
        let from = self.commands.len();
        if new.iter().any(|goal| goal.needs_looks(stop.passing())) {
            let looks = readback::before(set, &self.state, &self.commands, &call);
            self.commands.extend(looks);
        }
        let requirements: BTreeSet<usize> = new.iter().filter_map(|goal| goal.requirement()).collect();
        let watch = requirements.iter().any(|requirement| is_about_staying(operation, *requirement));
        let about_others = requirements.iter().any(|requirement| is_about_others(operation, *requirement));
        let mut reads = readback::after(set, &self.state, &call, likely, watch);
        if about_others || new.iter().any(|goal| matches!(goal, Goal::Beside { .. } | Goal::Repeated)) {
            let beside = readback::bystander(set, &self.state, &call);
            reads.retain(|read| !beside.iter().any(|other| other.covers(read)));
            reads.extend(beside);
        }
        if stop.looks_last || operation.basics.is_some_and(|basics| requirements.contains(&basics.effect)) {
            self.last.extend(reads.first().cloned().map(|read| Command { until: None, ..read }));
        }
        if new.iter().any(|goal| goal.is_twofold(operation)) {
            self.commands.push(call.clone());
        }
        self.calls.push((self.commands.len(), requirements));
        self.commands.push(call);
        if is_quiet {
            let at_once = watch || about_others || new.iter().any(|goal| goal.requirement().is_none());
            self.unread = self.unread_with(&reads, at_once);
        } else {
            self.commands.extend(reads);
        }
        self.arrive(ground.end(&self.state, &self.commands[from..]));
    }

    /// What is to be read with other reads besides, each once.
    fn unread_with(&self, further: &[Command], at_once: bool) -> Vec<Unread> {
        let is_other = |unread: &&Unread| !further.iter().any(|read| read.covers(&unread.read));
        let mut all: Vec<Unread> = self.unread.iter().filter(is_other).cloned().collect();
        for read in further {
            let covered = |unread: &Unread| unread.at_once && read.covers(&unread.read);
            let at_once = at_once || self.unread.iter().any(covered);
            match all.iter_mut().find(|unread| unread.read.covers(read)) {
                Some(known) => known.at_once |= at_once,
                None => all.push(Unread { read: read.clone(), at_once }),
            }
        }
        all
    }

    /// Scripts with nothing but this stop; a question that it asks again is asked twice in a row. None where it has no place
    /// by itself.
    pub fn alone(ground: &Ground<'_>, stop: &Stop) -> Vec<Script> {
        let mut tour = Self::new(ground, &Rc::default());
        if tour.requests(ground, stop).is_none() {
            return Vec::new();
        }
        let passage = tour.passage(ground, stop);
        let call = tour.go(ground, passage);
        let goals: BTreeSet<Goal> = stop.shows.keys().copied().collect();
        let twice = goals.iter().any(|goal| matches!(goal, Goal::Again { .. }));
        tour.make(ground, stop, call.clone(), &goals);
        if twice && stop.noise == Noise::Quiet {
            tour.make(ground, stop, call, &goals);
            return tour.scripts(ground);
        }
        // What it does can be done once in a script.
        let scripts = tour.scripts(ground);
        std::iter::repeat_n(scripts, 1 + usize::from(twice)).flatten().collect()
    }

    /// The scripts of a tour, which is cut where what comes does not go on with what was.
    pub fn scripts(mut self, ground: &Ground<'_>) -> Vec<Script> {
        self.read_before(ground, &[]);
        let mut scripts = Vec::new();
        let mut start = 0;
        for end in 1..=self.commands.len() {
            let is_end = end == self.commands.len();
            if !is_end && (end - start < SHORTEST || self.goes_on(ground, end)) {
                continue;
            }
            let mut commands = self.commands[start..end].to_vec();
            // What was gone may come back.
            let made: Vec<&Key> = commands.iter().flat_map(|command| &command.creates).collect();
            let is_of_it = |last: &mut Command| last.uses().iter().any(|key| made.contains(&key));
            let last: Vec<Command> = self.last.extract_if(.., is_of_it).collect();
            commands.extend(last);
            let calls = self.calls.iter().filter(|(call, _)| (start..end).contains(call));
            let aims: BTreeSet<usize> = calls.flat_map(|(_, aims)| aims).copied().collect();
            let commands = readback::joined(ground.set, commands);
            scripts.push(Script::new(commands, aims.into_iter().map(|aim| (ground.at, aim)).collect()));
            start = end;
        }
        scripts
    }

    /// Whether the commands from this place on have to do with those before it.
    fn goes_on(&self, ground: &Ground<'_>, place: usize) -> bool {
        let (before, after) = self.commands.split_at(place);
        let made = made_or_used(before);
        let uses = |command: &Command| command.uses().iter().any(|key| made.contains(key));
        let is_tokened = || !made_or_used(after).is_disjoint(&made);
        // Whose nonce was used has to come before.
        let is_first = |command: &&Command| ground.set.operation(command.operation).changes();
        let is_nonce = |command: &&Command| command.caller == Caller::Replayed;
        let nonce = after.iter().position(|command| is_nonce(&command));
        nonce.is_some_and(|nonce| !after[..nonce].iter().any(|command| is_first(&command)))
            || after.iter().any(uses)
            || is_tokened()
    }
}
