//! Makes a failing script smaller, within a budget of requests.
//!
//! A candidate is accepted when it fails with the same key, on fresh resources. The model proposes first: its shortest plan
//! for the broken requirement is often the answer, at the price of one try. Then chunks are removed, then commands with all
//! that depends on them, then arguments are simplified, until nothing smaller fails or the budget is spent.
//!
//! A smaller script may fail by luck only, because it leaves out a wait that mattered. Where the smallest does not fail each
//! time when it is run again, the smallest that does is kept.
//!
//! What overlapping calls do to each other depends on chance. So a race is tried several times before it counts as one that
//! does not fail, and in the end it is said how often the result shows the failure.

use std::mem::replace;

use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    generate::{Generator, join::one_after_the_other, tree::smaller},
    history::History,
    oracle::{Finding, Nature, blame, finding::ReqRef, judge},
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

/// A script that failed.
struct Failed {
    script: Script,
    history: History,
    finding: Finding,
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
        let mut best = Failed { script: script.clone(), history: history.clone(), finding: finding.clone() };
        // Each is smaller than the one before.
        let mut larger: Vec<Failed> = Vec::new();
        let culprit = script.commands.get(finding.culprit);
        for proposed in self.generator.shortest(finding.requirement, culprit, finding.command != finding.culprit) {
            if proposed.commands.len() < script.commands.len()
                && self.requests < self.budget
                && let Some(smaller) = self.fails(&proposed, &finding.key).await
            {
                larger.push(replace(&mut best, smaller));
                break;
            }
        }
        while self.requests < self.budget
            && let Some(smaller) = self.step(&best).await
        {
            larger.push(replace(&mut best, smaller));
        }
        let mut again = self.again(&best, confirmations).await;
        while best.script.race().is_empty()
            && !again.is_stable()
            && self.requests < 2 * self.budget
            && let Some(failed) = larger.pop()
        {
            let shown = self.again(&failed, confirmations).await;
            if shown.is_stable() {
                (best, again) = (failed, shown);
            }
        }
        let Failed { script, history, finding } = best;
        Shrunk { script, history, finding, requests: self.requests, again }
    }

    /// Runs a failing script again.
    async fn again(&mut self, failed: &Failed, confirmations: u32) -> Again {
        let racing = !failed.script.race().is_empty();
        let mut again = Again { times: if racing { RACE_CONFIRMATIONS } else { confirmations }, shown: 0 };
        for _ in 0..again.times {
            let (_, findings) = self.run(&failed.script).await;
            let is_shown = findings.iter().any(|finding| blame::is_same(&finding.key, &failed.finding.key, racing));
            again.shown += u32::from(is_shown);
        }
        again
    }

    /// The first smaller script that fails.
    async fn step(&mut self, best: &Failed) -> Option<Failed> {
        for candidate in smaller(self.set, &best.script, best.finding.culprit) {
            if self.requests >= self.budget {
                return None;
            }
            let failed = self.fails(&candidate, &best.finding.key).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// Runs a script, a race several times; how it fails with this key, if it does.
    async fn fails(&mut self, script: &Script, key: &str) -> Option<Failed> {
        let tries = if script.race().is_empty() { 1 } else { RACE_TRIES };
        for number in 0..tries {
            if number > 0 && self.requests >= self.budget {
                break;
            }
            let failed = self.once(script, key).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    async fn once(&mut self, script: &Script, key: &str) -> Option<Failed> {
        let (history, findings) = self.run(script).await;
        let finding = findings.into_iter().find(|finding| finding.key == key)?;
        Some(Failed { script: script.clone(), history, finding })
    }

    async fn run(&mut self, script: &Script) -> (History, Vec<Finding>) {
        self.executions += 1;
        let name = format!("s{}", self.executions);
        let history = execute(self.set, script, self.endpoint, self.around, &name).await;
        self.requests += history.exchanges.len() as u64;
        let findings = judge(self.set, script, &history).findings;
        (history, findings)
    }

    /// What two scripts show together, one after the other, of a requirement that they meet in two ways.
    pub async fn together(
        &mut self,
        first: &Script,
        second: &Script,
        requirement: ReqRef,
    ) -> Option<(Script, History, Finding)> {
        let both = one_after_the_other(first, second)?;
        let (history, findings) = self.run(&both).await;
        let same = |finding: &Finding| finding.requirement == requirement && finding.nature == Nature::Inconsistent;
        findings.into_iter().find(same).map(|finding| (both, history, finding))
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
