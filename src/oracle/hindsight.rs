//! What later reads say about earlier calls.

use std::collections::BTreeSet;

use super::belief::{StateClaim, World};
use crate::{
    history::Exchange,
    model::{Aspect, Request},
    spec::Operation,
    value::Key,
};

/// What is remembered of earlier exchanges until a read explains it.
#[derive(Default)]
pub struct Hindsight<'a> {
    /// Resources that no read has shown yet, although one should have: reads may lag behind a creation.
    pub awaited: BTreeSet<Key>,
    /// Calls whose answers were lost, each with all that it named: whatever came of them, the rest had to stay.
    lost: Vec<StateClaim>,
    /// Successes, each with the worlds in which the call was to be refused and that no read has contradicted since.
    ruled_out: Vec<(&'a Exchange, Vec<World>)>,
}

impl<'a> Hindsight<'a> {
    /// Whether a call names a resource that is still awaited.
    pub fn awaits(&self, request: &Request) -> bool {
        request.targets.iter().flatten().any(|key| self.awaited.contains(key))
    }

    pub fn lose(&mut self, operation: &Operation, request: &Request, command: usize) {
        let Some(basics) = operation.basics else { return };
        let named = request.targets.iter().flatten().cloned().collect();
        self.lost.push(StateClaim { command, requirement: basics.others, aspect: Aspect::Others, named });
    }

    /// The claim of the last lost call that did not name the resource.
    pub fn lost_claim(&self, key: &Key) -> Option<StateClaim> {
        self.lost.iter().rev().find(|claim| !claim.named.contains(key)).cloned()
    }

    pub fn rule_out(&mut self, exchange: &'a Exchange, worlds: Vec<World>) {
        if !worlds.is_empty() {
            self.ruled_out.push((exchange, worlds));
        }
    }

    /// Forgets worlds that a read contradicts.
    pub fn retain(&mut self, agrees: impl Fn(&World) -> bool) {
        self.ruled_out.iter_mut().for_each(|(_, worlds)| worlds.retain(&agrees));
        self.ruled_out.retain(|(_, worlds)| !worlds.is_empty());
    }

    /// The last success that was wrong in worlds that still explain every read.
    pub fn wrong_success(&self) -> Option<(&'a Exchange, Vec<World>)> {
        self.ruled_out.last().cloned()
    }
}
