//! The set of worlds that explain what was seen so far.

use std::collections::BTreeSet;

use crate::{
    model::{Aspect, Choices, Outcome, State},
    spec::service::OpRef,
    value::Key,
};

/// One way the endpoint may be.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub state: State,
    /// Answers to open questions, by operation.
    pub choices: Vec<(OpRef, Choices)>,
    /// Work of the command at this position took longer than patience allows.
    pub late: Option<usize>,
    /// Something was still under way after it had been watched for a while.
    pub lingering: bool,
    /// Requirements exercised: position of the command, requirement.
    pub marks: BTreeSet<(usize, usize)>,
    /// Claims about state that no read has shown yet.
    pub claims: Vec<StateClaim>,
    /// Claims that a read has shown; a later read may still contradict them.
    pub proved: Vec<StateClaim>,
}

/// A claim about state, to be seen in a read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateClaim {
    /// Position of the call.
    pub command: usize,
    pub requirement: usize,
    pub aspect: Aspect,
    /// Resources that the call named.
    pub named: Vec<Key>,
}

#[derive(Debug, Clone, Default)]
pub struct Belief {
    pub worlds: Vec<World>,
}

impl World {
    pub fn new(state: State) -> Self {
        Self {
            state,
            choices: Vec::new(),
            late: None,
            lingering: false,
            marks: BTreeSet::new(),
            claims: Vec::new(),
            proved: Vec::new(),
        }
    }

    pub fn known(&self, operation: OpRef) -> Choices {
        self.choices
            .iter()
            .find(|(known, _)| *known == operation)
            .map(|(_, choices)| choices.clone())
            .unwrap_or_default()
    }

    pub fn learn(&mut self, operation: OpRef, choices: &Choices) {
        match self.choices.iter_mut().find(|(known, _)| *known == operation) {
            Some((_, known)) => *known = choices.clone(),
            None if choices.is_empty() => {}
            None => self.choices.push((operation, choices.clone())),
        }
    }

    /// The world after an outcome of the command at this position.
    pub fn after(&self, outcome: &Outcome, operation: OpRef, command: usize, now_ms: u64) -> Self {
        let mut next = self.clone();
        outcome.changes.iter().for_each(|change| next.state.apply(change));
        for pending in &outcome.later {
            let mut pending = pending.clone();
            pending.since_ms = now_ms;
            pending.origin = command;
            // Asking for the same again starts nothing new.
            if !next.state.pending.iter().any(|known| known.key == pending.key && known.changes == pending.changes) {
                next.state.pending.push(pending);
            }
        }
        next.state.tokens.extend(outcome.token.clone());
        next.learn(operation, &self.known(operation).joined(&outcome.choices));
        next
    }

    /// Moves claims that `shown` proves into the marks.
    pub fn prove(&mut self, shown: impl Fn(&StateClaim) -> bool) {
        let (proved, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.claims).into_iter().partition(shown);
        self.claims = open;
        self.marks.extend(proved.iter().map(|claim| (claim.command, claim.requirement)));
        self.proved.extend(proved);
    }
}

impl Belief {
    pub fn new(state: State) -> Self {
        Self { worlds: vec![World::new(state)] }
    }

    /// Adds a world; one that differs from a known one only in what it proves joins it, and both keep what they agree on.
    pub fn add(&mut self, world: World) {
        let twin = self.worlds.iter_mut().find(|known| {
            known.late == world.late
                && known.lingering == world.lingering
                && known.state == world.state
                && known.choices == world.choices
        });
        match twin {
            Some(known) => {
                known.marks = known.marks.intersection(&world.marks).copied().collect();
                known.claims.retain(|claim| world.claims.contains(claim));
            }
            None => self.worlds.push(world),
        }
    }

    /// All worlds that these may have become by now; `seen_ms` is when the endpoint was looked at last.
    pub fn settled(&self, seen_ms: u64, now_ms: u64, patience_ms: u64, linger_ms: u64) -> Self {
        let mut next = Self::default();
        for world in &self.worlds {
            if world.state.pending.is_empty() {
                next.add(world.clone());
                continue;
            }
            let lingering = world.lingering || world.state.overdue(seen_ms, linger_ms).next().is_some();
            for state in world.state.settle() {
                let late =
                    world.late.or_else(|| state.overdue(now_ms, patience_ms).next().map(|pending| pending.origin));
                next.add(World { state, late, lingering, ..world.clone() });
            }
        }
        next
    }

    /// Forgets worlds in which something has been under way for longer than it was watched, when others remain.
    ///
    /// It may still come about, so this is good enough to say how an open question seems to be answered, and for nothing
    /// else.
    pub fn watched(&mut self, seen_ms: u64, linger_ms: u64) {
        let settled = |world: &World| !world.lingering && world.state.overdue(seen_ms, linger_ms).next().is_none();
        if self.worlds.iter().any(settled) {
            self.worlds.retain(settled);
        }
    }

    /// Worlds that were in time, or all when none was.
    pub fn best(&self) -> Vec<&World> {
        let in_time = self.worlds.iter().any(|world| world.late.is_none());
        self.worlds.iter().filter(|world| !in_time || world.late.is_none()).collect()
    }

    /// Requirements that every world has exercised.
    pub fn marks(&self) -> BTreeSet<(usize, usize)> {
        let mut worlds = self.best().into_iter();
        let Some(first) = worlds.next() else { return BTreeSet::new() };
        worlds.fold(first.marks.clone(), |marks, world| marks.intersection(&world.marks).copied().collect())
    }

    /// Answers to open questions that every world depends on, with the alternatives that remain.
    pub fn answers(&self) -> Vec<(OpRef, usize, BTreeSet<usize>)> {
        let worlds = self.best();
        let Some(first) = worlds.first() else { return Vec::new() };
        let mut found = Vec::new();
        for (operation, choices) in &first.choices {
            for (question, _) in choices.iter() {
                let possible: Option<BTreeSet<usize>> =
                    worlds.iter().map(|world| world.known(*operation).get(question)).collect();
                found.extend(possible.map(|possible| (*operation, question, possible)));
            }
        }
        found
    }
}
