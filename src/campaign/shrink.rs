//! Makes a failing script smaller, within a budget of requests.
//!
//! A candidate is accepted when it fails with the same key, on fresh resources. The model proposes first: its shortest plan
//! for the broken requirement is often the answer, at the price of one try. Then chunks are removed, then commands with all
//! that depends on them, then arguments are simplified, until nothing smaller fails or the budget is spent.

use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    generate::{Generator, tree::smaller},
    history::History,
    oracle::{Finding, judge},
    sequence::Script,
    spec::SpecSet,
};

/// The smallest failing script found.
pub struct Shrunk {
    pub script: Script,
    pub history: History,
    pub finding: Finding,
    pub requests: u64,
    /// It failed again every time.
    pub stable: bool,
}

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
            stable: false,
        };
        let culprit = script.commands.get(finding.culprit);
        for proposed in self.generator.shortest(finding.requirement, culprit, finding.command != finding.culprit) {
            if proposed.commands.len() < best.script.commands.len() && self.try_one(&proposed, &mut best).await {
                break;
            }
        }
        while self.requests < self.budget && self.step(&mut best).await {}
        let mut stable = true;
        for _ in 0..confirmations {
            let script = best.script.clone();
            stable &= self.fails(&script, &best.finding.key).await.is_some();
        }
        best.requests = self.requests;
        best.stable = stable;
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

    /// Runs a script; the failure with this key, if it has it.
    pub async fn fails(&mut self, script: &Script, key: &str) -> Option<(History, Finding)> {
        self.executions += 1;
        let name = format!("s{}", self.executions);
        let history = execute(self.set, script, self.endpoint, self.around, &name).await;
        self.requests += history.exchanges.len() as u64;
        let finding = judge(self.set, script, &history).findings.into_iter().find(|finding| finding.key == key)?;
        Some((history, finding))
    }
}
