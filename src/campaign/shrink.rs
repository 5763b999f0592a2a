//! Makes a failing script smaller, within a budget of requests.
//!
//! A candidate is accepted when it fails with the same key, on fresh resources. The model proposes first: its shortest plan
//! for the broken requirement is often the answer, at the price of one try. Then chunks are removed, then commands with all
//! that depends on them, then arguments are simplified, until nothing smaller fails or the budget is spent.
//!
//! What overlapping calls do to each other depends on chance. So a race is tried several times before it counts as one that
//! does not fail, and in the end it is said how often the result shows the failure.

use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    generate::{Generator, tree::smaller},
    history::History,
    oracle::{Finding, blame, judge},
    sequence::{Command, Script},
    spec::SpecSet,
};

/// The smallest failing script found.
pub struct Shrunk {
    pub script: Script,
    pub history: History,
    pub finding: Finding,
    pub requests: u64,
    /// Of so many times that it was run again, it failed so many times.
    pub again: Again,
}

/// How often a failure showed itself when its script was run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    pub times: u32,
    pub shown: u32,
}

impl Again {
    /// Nothing was run again.
    pub const NEVER: Self = Self { times: 0, shown: 0 };

    /// It showed itself every time.
    pub fn is_stable(self) -> bool {
        self.shown == self.times
    }
}

/// Times that a race is tried before it counts as one that does not fail.
const RACE_TRIES: u32 = 6;
/// Times that a shrunk race is run again, to say how often it shows.
pub const RACE_CONFIRMATIONS: u32 = 10;

/// What shrinking works with.
pub struct Shrinker<'a> {
    pub set: &'a SpecSet,
    pub generator: &'a Generator<'a>,
    pub endpoint: &'a dyn Endpoint,
    pub around: &'a Surroundings,
    pub budget: u64,
    pub requests: u64,
    executions: u64,
}

impl<'a> Shrinker<'a> {
    pub fn new(
        set: &'a SpecSet,
        generator: &'a Generator<'a>,
        endpoint: &'a dyn Endpoint,
        around: &'a Surroundings,
        budget: u64,
    ) -> Self {
        Self { set, generator, endpoint, around, budget, requests: 0, executions: 0 }
    }

    /// Shrinks a failure and runs the result again so many times.
    pub async fn shrink(
        &mut self,
        script: &Script,
        history: &History,
        finding: &Finding,
        confirmations: u32,
    ) -> Shrunk {
        let mut best = Shrunk {
            script: script.clone(),
            history: history.clone(),
            finding: finding.clone(),
            requests: 0,
            again: Again::NEVER,
        };
        let culprit = script.commands.get(finding.culprit);
        for proposed in self.generator.shortest(finding.requirement, culprit, finding.command != finding.culprit) {
            if proposed.commands.len() < best.script.commands.len() && self.try_one(&proposed, &mut best).await {
                break;
            }
        }
        while self.requests < self.budget && self.step(&mut best).await {}
        let times = if best.script.race().is_empty() { confirmations } else { RACE_CONFIRMATIONS };
        let mut again = Again { times, shown: 0 };
        for _ in 0..times {
            let script = best.script.clone();
            again.shown += u32::from(self.once(&script, &best.finding.key).await.is_some());
        }
        best.requests = self.requests;
        best.again = again;
        best
    }

    async fn step(&mut self, best: &mut Shrunk) -> bool {
        for candidate in smaller(self.set, &best.script, best.finding.culprit) {
            if self.requests >= self.budget {
                return false;
            }
            if self.try_one(&candidate, best).await {
                return true;
            }
        }
        false
    }

    async fn try_one(&mut self, candidate: &Script, best: &mut Shrunk) -> bool {
        let Some((history, finding)) = self.fails(candidate, &best.finding.key).await else { return false };
        (best.script, best.history, best.finding) = (candidate.clone(), history, finding);
        true
    }

    /// Runs a script, a race several times; the failure with this key, if it has it.
    async fn fails(&mut self, script: &Script, key: &str) -> Option<(History, Finding)> {
        let tries = if script.race().is_empty() { 1 } else { RACE_TRIES };
        for _ in 0..tries {
            let failed = self.once(script, key).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    async fn once(&mut self, script: &Script, key: &str) -> Option<(History, Finding)> {
        let (history, findings) = self.run(script).await;
        Some((history, findings.into_iter().find(|finding| finding.key == key)?))
    }

    async fn run(&mut self, script: &Script) -> (History, Vec<Finding>) {
        self.executions += 1;
        let name = format!("s{}", self.executions);
        let history = execute(self.set, script, self.endpoint, self.around, &name).await;
        self.requests += history.exchanges.len() as u64;
        let findings = judge(self.set, script, &history).findings;
        (history, findings)
    }

    /// What a race shows when its calls come one after the other: then it takes no race to see that something is wrong.
    pub async fn in_sequence(&mut self, script: &Script) -> Option<(Script, History, Finding)> {
        let (race, mut lanes) = (script.race(), script.lanes());
        for _ in 0..2 {
            let order = (0..race.start).chain(lanes.concat()).chain(race.end..script.commands.len());
            let commands = order.map(|index| Command { lane: None, ..script.commands[index].clone() }).collect();
            let sequence = Script { commands, aims: script.aims.clone() };
            let (history, findings) = self.run(&sequence).await;
            let counting = findings.into_iter().find(|finding| blame::counts(self.set, finding));
            if let Some(finding) = counting.filter(blame::is_of_one_run) {
                return Some((sequence, history, finding));
            }
            lanes.reverse();
        }
        None
    }
}
