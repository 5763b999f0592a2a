//! Makes a failing script smaller, within a budget of requests.
//!
//! A candidate is accepted when it fails with the same key, on fresh resources. The model proposes first: its shortest plan
//! for the broken requirement is often the answer, at the price of one try. Then chunks are removed, then commands with all
//! that depends on them, then arguments are simplified, until nothing smaller fails or the budget is spent.
//!
//! A smaller script may fail by luck only, because it leaves out a wait that mattered. Where the smallest does not fail each
//! time when it is run again, the smallest that does is kept, and made smaller in other ways.
//!
//! What overlapping calls do to each other depends on chance. So a race is tried several times before it counts as one that
//! does not fail, and in the end it is said how often the result shows the failure.
//!
//! That a question is answered in two ways takes two askings. The shortest way to ask, with the call made twice or gone twice,
//! is tried first; then what two cases did, one after the other in one script. Of a script that asks several times, the last
//! asking is tried with each of the others, and each of the others twice.
//!
//! Where the model knows why a script failed, as long as the broken requirement may be met where its call stands, smaller
//! scripts in which it cannot be met are not tried.
//!
//! A read that shows too much or too little may have come too early for a shorter script, in which less time passes. So it is
//! made a while later, where that shows the failure as well.
//!
//! Which call did it is a guess as long as several could have done it. Where the failure shows without the accused call, or
//! before it, [another one](accused) is to blame, and that failure is shrunk instead; or none is, and there is no failure.
//!
//! Of what never shows again, an excerpt of what was seen is told: what is about other things has no part in it.
//!
//! That something takes too long to go would take all patience at each attempt. Attempts are made with little, and only what
//! they come to is held to all of it: a script that fails only when it is hurried is no result.

mod accused;

use std::{
    mem::replace,
    sync::atomic::{AtomicBool, Ordering},
};

use super::excerpt;
use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    generate::{
        Generator,
        join::{call_after_itself, one_after_the_other},
        tree::{focused, smaller, without_others},
    },
    history::History,
    oracle::{Finding, Judged, Nature, blame, finding::ReqRef, judge},
    sequence::{Command, Purpose, Script},
    spec::SpecSet,
};

/// A script that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    pub script: Script,
    pub history: History,
    pub finding: Finding,
}

/// The smallest failing script found.
pub struct Shrunk {
    pub failed: Failed,
    /// Of so many times that it was run again, it failed so many times.
    pub again: Again,
}

/// What a round of shrinking finds.
enum Found {
    /// To go on with: the accused call did not do it, or not alone.
    Other(Box<Failed>),
    End(End),
}

/// What comes of shrinking.
pub enum End {
    Shrunk(Box<Shrunk>),
    /// What shows itself is no failure of any call, for this reason. The requirement is the last that seemed to be broken.
    Baseless {
        requirement: ReqRef,
        why: String,
    },
    /// Both scripts in one show nothing.
    Nothing,
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

    /// It was run again, and showed itself every time.
    pub fn is_stable(self) -> bool {
        self.times > 0 && self.shown == self.times
    }
}

/// Times that a race is tried before it counts as one that does not fail.
const RACE_TRIES: u32 = 6;
/// Times that a shrunk race is run again, to say how often it shows.
pub const RACE_CONFIRMATIONS: u32 = 10;

/// Longer scripts are not tried again where one asks for two answers.
const SHORT: usize = 15;
/// Earlier askings of a question that are tried together with the last one, and twice each.
const MOST_ASKINGS: usize = 12;

/// Calls that are accused one after the other, before the last of them stays accused.
const MOST_ACCUSED: usize = 6;

/// Whether one call, rather than several that overlap or differ, is what a failure is about.
fn is_about_one_call(failed: &Failed) -> bool {
    failed.finding.nature != Nature::Inconsistent && failed.script.race().is_empty()
}

/// Shrinks one failure.
pub struct Shrinker<'a> {
    set: &'a SpecSet,
    generator: &'a Generator<'a>,
    endpoint: &'a dyn Endpoint,
    around: &'a Surroundings,
    hurried_ms: u64,
    /// Requests that one failure may take.
    budget: u64,
    /// Requests after which the present one has taken them.
    end: u64,
    interrupted: &'a AtomicBool,
    executions: u64,
    /// Scripts that did not fail in the way that is looked for, or only by luck.
    excluded: Vec<Script>,
    /// The shortest way to ask a question that is answered in two ways.
    asking: Option<Script>,
    /// Requests so far.
    pub requests: u64,
}

impl<'a> Shrinker<'a> {
    /// Attempts wait for `hurried_ms`, which may be less than the patience of the surroundings; what they come to is run
    /// again with all of it. The budget is in requests; another failure that comes to light has one of its own.
    pub fn new(
        set: &'a SpecSet,
        generator: &'a Generator<'a>,
        endpoint: &'a dyn Endpoint,
        around: &'a Surroundings,
        hurried_ms: u64,
        budget: u64,
        interrupted: &'a AtomicBool,
    ) -> Self {
        Self {
            set,
            generator,
            endpoint,
            around,
            hurried_ms,
            budget,
            end: budget,
            interrupted,
            executions: 0,
            excluded: Vec::new(),
            asking: None,
            requests: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.requests >= self.end || self.is_interrupted()
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn hurries(&self) -> bool {
        self.hurried_ms < self.around.patience_ms
    }

    /// Shrinks a failure and runs the result again so many times. Where it took another script besides to see it, both in one
    /// are shrunk.
    ///
    /// The result is another failure where that one accuses a call that did not do it.
    pub async fn shrink(&mut self, failed: &Failed, against: Option<&Script>, confirmations: u32) -> End {
        let failed = if against.is_none() { excerpt::cut(self.set, failed.clone()) } else { failed.clone() };
        let Failed { script, finding, .. } = &failed;
        let culprit = script.commands.get(finding.culprit).filter(|_| against.is_none());
        let is_two_sided = finding.nature == Nature::Inconsistent;
        let n_commands = script.commands.len() + against.map_or(0, |other| other.commands.len());
        let asking = || self.generator.shortest(finding.requirement, culprit, false).into_iter().next();
        self.asking = is_two_sided.then(asking).flatten();
        let twice = if is_two_sided { self.asked_twice(finding.requirement, culprit, n_commands).await } else { None };
        let (mut original, mut proposed) = match (against, twice) {
            (None, twice) => (failed, twice),
            (Some(_), Some(twice)) => (twice, None),
            (Some(other), None) => match self.together(other, script, finding.requirement).await {
                Some(together) => (together, None),
                None => return End::Nothing,
            },
        };
        let mut n_accused = 1;
        loop {
            match self.smallest(original, proposed.take(), confirmations, n_accused < MOST_ACCUSED).await {
                Found::End(end) => return end,
                Found::Other(other) => original = *other,
            }
            n_accused += 1;
            self.end = self.requests + self.budget;
        }
    }

    /// The smallest script that fails in the same way, as far as it is found; or another failure to go on with, by which the
    /// accused call did not do it, or not alone.
    async fn smallest(
        &mut self,
        original: Failed,
        proposed: Option<Failed>,
        confirmations: u32,
        may_acquit: bool,
    ) -> Found {
        self.excluded.clear();
        // Each is smaller than the one before, or shows the failure later.
        let mut larger: Vec<Failed> = Vec::new();
        let mut best = original.clone();
        let proposed = match proposed {
            None if best.finding.nature == Nature::Inconsistent => self.two_askings(&best).await,
            None => self.proposed(&best).await,
            proposed => proposed,
        };
        let mut is_late = false;
        if let Some(smaller) = proposed {
            larger.push(replace(&mut best, smaller));
        } else {
            let asked_from = self.requests;
            if let Some(late) = self.shown_late(&best).await {
                is_late = late.script != best.script;
                larger.push(replace(&mut best, late));
                if may_acquit && let Some(other) = self.without_accused(&best).await {
                    return Found::Other(Box::new(other));
                }
            }
            // Asking makes nothing smaller.
            self.end += self.requests - asked_from;
        }
        let (mut best, mut again) = self.reduced(best, larger, confirmations).await;
        if is_late
            && again.is_stable()
            && let Some(at_once) = self.shown_at_once(&best, confirmations).await
        {
            (best, again) = at_once;
        }
        // What was seen a second time while it was made smaller is told as it was then.
        let never = again.times > 0 && again.shown == 0 && (self.hurries() || best.script == original.script);
        // What came within less patience proves nothing.
        if self.hurries() && again.shown == 0 {
            best = original;
        }
        // Who did it can be asked where it shows; otherwise, whether it came in between what another call had begun.
        let open = if !may_acquit {
            None
        } else if again.shown > 0 || again.times == 0 {
            self.open_case(&best).await
        } else {
            self.came_between(&best).await
        };
        let open = open.or_else(|| self.arrived_twice(&best, again));
        open.unwrap_or_else(|| {
            let failed = if never { excerpt::focused(self.set, best) } else { best };
            Found::End(End::Shrunk(Box::new(Shrunk { failed, again })))
        })
    }

    /// Reduces a script step by step; to what fails each time, where that can be had.
    async fn reduced(&mut self, mut best: Failed, mut larger: Vec<Failed>, confirmations: u32) -> (Failed, Again) {
        // The smallest so far that fails each time.
        let mut stable: Option<(Failed, Again)> = None;
        loop {
            while !self.is_over()
                && let Some(smaller) = self.step(&best).await
            {
                larger.push(replace(&mut best, smaller));
            }
            if let Some((failed, again)) = &stable
                && failed.script == best.script
            {
                return (best, *again);
            }
            let again = self.again(&mut best, confirmations).await;
            if again.is_stable() || !best.script.race().is_empty() {
                return (best, again);
            }
            // What fails by luck leads nowhere. Other ways to make the larger one smaller are left.
            self.excluded.push(best.script.clone());
            if stable.is_none() {
                stable = self.stable(&mut larger, confirmations).await;
            }
            let Some((failed, _)) = &stable else { return (best, again) };
            best = failed.clone();
        }
    }

    /// The smallest of these that fails each time that it is run again, if one does.
    async fn stable(&mut self, larger: &mut Vec<Failed>, confirmations: u32) -> Option<(Failed, Again)> {
        while self.requests < self.end + self.budget
            && !self.is_interrupted()
            && let Some(mut failed) = larger.pop()
        {
            let again = self.again(&mut failed, confirmations).await;
            if again.is_stable() {
                return Some((failed, again));
            }
            self.excluded.push(failed.script);
        }
        None
    }

    /// The first of the model's shortest scripts for the broken requirement that fails, where one is shorter.
    async fn proposed(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        let culprit = script.commands.get(finding.culprit);
        let with_reads = finding.is_seen_later();
        let mut shortest = self.generator.shortest(finding.requirement, culprit, with_reads);
        shortest.retain(|proposed| proposed.commands.len() < script.commands.len());
        self.first_failing(&shortest, &finding.key).await
    }

    /// The first of these scripts that fails with this key.
    async fn first_failing(&mut self, scripts: &[Script], key: &str) -> Option<Failed> {
        for script in scripts {
            if self.is_over() {
                break;
            }
            let failed = self.fails(script, key).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// Runs a failing script again, with all patience until that has shown the failure; where attempts had less, what came
    /// then is what counts. How often chance shows it takes no more patience than attempts do.
    async fn again(&mut self, failed: &mut Failed, confirmations: u32) -> Again {
        let racing = !failed.script.race().is_empty();
        let wanted = if racing { RACE_CONFIRMATIONS } else { confirmations };
        let mut again = Again::NEVER;
        while again.times < wanted && !self.is_interrupted() {
            again.times += 1;
            let is_proved = again.shown > 0;
            let patience_ms = if racing && is_proved { self.hurried_ms } else { self.around.patience_ms };
            let (history, judged) = self.run(&failed.script, patience_ms).await;
            let mut shown = judged.findings.into_iter();
            let Some(finding) = shown.find(|finding| blame::is_same(&finding.key, &failed.finding.key, racing)) else {
                continue;
            };
            again.shown += 1;
            if self.hurries() && !is_proved {
                (failed.history, failed.finding) = (history, finding);
            }
        }
        again
    }

    /// The first smaller script that fails.
    async fn step(&mut self, best: &Failed) -> Option<Failed> {
        // Without what shows it, nothing is shown.
        let keep = [best.finding.culprit, best.finding.command];
        let call = best.script.commands.get(best.finding.culprit).filter(|_| best.script.race().is_empty());
        let asks = |script: &Script| self.generator.asks(script, call?, best.finding.requirement);
        let is_asked = asks(&best.script) == Some(true);
        let focused = if is_about_one_call(best) { focused(&best.script, &keep) } else { Vec::new() };
        let of_others = self.generator.of_others(&best.script, &keep);
        for candidate in focused.into_iter().chain(smaller(self.set, &best.script, &keep)).chain(of_others) {
            // Where the model knows why it failed, it knows as well what cannot fail for that reason.
            let is_excluded = self.excluded.iter().any(|other| other.commands == candidate.commands);
            if is_excluded || (is_asked && asks(&candidate) == Some(false)) {
                continue;
            }
            if self.is_over() {
                return None;
            }
            let failed = self.fails(&candidate, &best.finding.key).await;
            if failed.is_some() {
                return failed;
            }
            self.excluded.push(candidate);
        }
        None
    }

    /// Runs a script, a race several times, and one that asks for two answers twice; how it fails with this key, if it does.
    async fn fails(&mut self, script: &Script, key: &str) -> Option<Failed> {
        let is_race = !script.race().is_empty();
        let asking = self.asking.clone().filter(|_| !is_race && script.commands.len() <= SHORT);
        let tries = if is_race { RACE_TRIES } else { 1 + u32::from(asking.is_some()) };
        for number in 0..tries {
            if number > 0 && self.is_over() {
                break;
            }
            if let Some(asking) = asking.as_ref().filter(|_| number > 0) {
                self.ask(asking).await;
            }
            // First in the way that has shown it.
            let other = number.checked_sub(1).map(u64::from);
            let failed = self.once(&Script { turns: other.or(script.turns), ..script.clone() }, key).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    async fn once(&mut self, script: &Script, key: &str) -> Option<Failed> {
        let (history, judged) = self.run(script, self.hurried_ms).await;
        let finding = judged.findings.into_iter().find(|finding| finding.key == key)?;
        Some(excerpt::cut(self.set, Failed { script: script.clone(), history, finding }))
    }

    async fn run(&mut self, script: &Script, patience_ms: u64) -> (History, Judged) {
        self.executions += 1;
        let name = format!("s{}", self.executions);
        let around = Surroundings { patience_ms, ..self.around.clone() };
        let history = execute(self.set, script, self.endpoint, &around, &name).await;
        self.requests += history.exchanges.len() as u64;
        let judged = judge(self.set, script, &history);
        (history, judged)
    }

    /// The shortest ways to ask a question: each with two askings in the end, or gone twice.
    async fn asked_twice(&mut self, asked: ReqRef, culprit: Option<&Command>, shorter_than: usize) -> Option<Failed> {
        for with_reads in [false, true] {
            for way in self.generator.shortest(asked, culprit, with_reads) {
                let scripts = [call_after_itself(&way), one_after_the_other(&way, &way)];
                let scripts: Vec<Script> =
                    scripts.into_iter().flatten().filter(|script| script.commands.len() < shorter_than).collect();
                if let Some(failed) = self.first_inconsistent(&scripts, asked).await {
                    return Some(failed);
                }
                if scripts.is_empty() || self.is_over() {
                    continue;
                }
                self.ask(&way).await;
                if let Some(failed) = self.first_inconsistent(&scripts, asked).await {
                    return Some(failed);
                }
            }
        }
        None
    }

    /// Of a script that asks several times: the last asking and one before it, with what both need, or one of them made twice,
    /// where that shows two answers.
    async fn two_askings(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        let Finding { requirement, culprit, command, .. } = *finding;
        let is_call = |command: &Command| command.purpose == Purpose::Call;
        let asks = |index: &usize| {
            let call = &script.commands[*index];
            let until_then = Script::new(script.commands[..=*index].to_vec(), Vec::new());
            is_call(call) && self.generator.asks(&until_then, call, requirement) == Some(true)
        };
        let earlier: Vec<usize> = (0..culprit).filter(asks).collect();
        let both = |index: &usize| without_others(script, &[*index, culprit, command], is_call);
        let twice = |index: &usize| call_after_itself(&without_others(script, &[*index], is_call)?);
        let pairs = smallest_few(earlier.iter().filter_map(both));
        let doubled = smallest_few(earlier.iter().filter_map(twice));
        self.first_failing(&[pairs, doubled].concat(), &finding.key).await
    }

    /// Asks once in between. Which of two answers comes first may matter, and where they come by turns, it is the other one
    /// after this.
    async fn ask(&mut self, way: &Script) {
        self.run(way, self.hurried_ms).await;
    }

    async fn first_inconsistent(&mut self, scripts: &[Script], asked: ReqRef) -> Option<Failed> {
        for script in scripts {
            if self.is_over() {
                break;
            }
            let failed = self.inconsistent(script.clone(), asked).await;
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// What two scripts show one after the other, of a question that they have answered in two ways.
    async fn together(&mut self, first: &Script, second: &Script, asked: ReqRef) -> Option<Failed> {
        self.inconsistent(one_after_the_other(first, second)?, asked).await
    }

    /// What a script shows of a question that is answered in two ways.
    async fn inconsistent(&mut self, script: Script, asked: ReqRef) -> Option<Failed> {
        let (history, judged) = self.run(&script, self.around.patience_ms).await;
        let same = |finding: &Finding| finding.requirement == asked && finding.nature == Nature::Inconsistent;
        let finding = judged.findings.into_iter().find(same)?;
        Some(excerpt::cut(self.set, Failed { script, history, finding }))
    }

    /// What a race shows when its calls come one after the other: then it takes no race to see that something is wrong.
    pub async fn in_sequence(&mut self, script: &Script) -> Option<Failed> {
        let (race, mut lanes) = (script.race(), script.lanes());
        for _ in 0..2 {
            let order = (0..race.start).chain(lanes.concat()).chain(race.end..script.commands.len());
            let commands = order.map(|index| Command { lane: None, ..script.commands[index].clone() }).collect();
            let sequence = script.with(commands);
            let (history, judged) = self.run(&sequence, self.around.patience_ms).await;
            let counting = judged.findings.into_iter().find(|finding| blame::counts(self.set, finding));
            if let Some(finding) = counting.filter(blame::is_of_one_run) {
                return Some(Failed { script: sequence, history, finding });
            }
            lanes.reverse();
        }
        None
    }
}

/// The smallest of these scripts, each once.
fn smallest_few(scripts: impl Iterator<Item = Script>) -> Vec<Script> {
    let mut all: Vec<Script> = Vec::new();
    for script in scripts {
        if !all.contains(&script) {
            all.push(script);
        }
    }
    all.sort_by_key(|script| script.commands.len());
    all.truncate(MOST_ASKINGS);
    all
}
