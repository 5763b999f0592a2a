//! Cases, workers, and what comes of them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::task::JoinSet;

use super::{
    conclude::{Conclusion, Frame, conclude, failures, merge},
    confirm::{ATTEMPTS, CONFIRM, Confirmed, Doubts, confirm},
    disturbed::Disturbed,
    event::Event,
    outcome::{FindingResult, Outcome},
    room::{Admission, Room},
    settings::{CONFIRMATIONS, MOST_LEFT_OUT, Settings, n_cases},
    shard::Shard,
    shrink::{Again, End, Failed, Shrinker, Shrunk},
    tally::{Case, First, Tally},
};
use crate::{
    endpoint::{Call, Endpoint, Noted, Sent},
    execute::{Surroundings, execute},
    generate::{Generator, permit::Cost},
    history::Reply,
    oracle::{Nature, blame, finding::ReqRef, judge},
    sequence::Script,
    spec::{SpecSet, service::OpRef},
};

/// A race may cost so many times as much to shrink, each step being tried several times; so may what takes two answers.
const LONG_SHRINKING: u64 = 4;

/// Whoever is told what happens.
pub type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Requests that removing what a case left takes, about.
const CLEANING: u64 = 2;

/// Runs cases until there are enough, or a budget is spent, or someone interrupts.
pub async fn run(set: &Arc<SpecSet>, settings: &Settings, endpoints: &[Arc<dyn Endpoint>], tell: Tell<'_>) -> Outcome {
    run_shard(set, settings, Shard::WHOLE, endpoints, tell).await
}

/// Runs the cases of one shard; all shards together do what [`run()`] does.
pub async fn run_shard(
    set: &Arc<SpecSet>,
    settings: &Settings,
    shard: Shard,
    endpoints: &[Arc<dyn Endpoint>],
    tell: Tell<'_>,
) -> Outcome {
    let began = Instant::now();
    let operations: Vec<OpRef> = settings.operations.iter().map(|(at, _)| *at).collect();
    let generator = Generator::new(set, &operations, &settings.seed, settings.options.clone());
    since(began, set, settings, shard, &generator, endpoints, tell).await
}

/// The same with a generator that was made before; its seed and options count, not those of the settings.
pub async fn run_planned(
    set: &Arc<SpecSet>,
    settings: &Settings,
    generator: &Generator<'_>,
    endpoints: &[Arc<dyn Endpoint>],
    tell: Tell<'_>,
) -> Outcome {
    since(Instant::now(), set, settings, Shard::WHOLE, generator, endpoints, tell).await
}

async fn since(
    began: Instant,
    set: &Arc<SpecSet>,
    settings: &Settings,
    shard: Shard,
    generator: &Generator<'_>,
    endpoints: &[Arc<dyn Endpoint>],
    tell: Tell<'_>,
) -> Outcome {
    let operations: Vec<OpRef> = settings.operations.iter().map(|(at, _)| *at).collect();
    let n_cases = settings.cases.unwrap_or_else(|| n_cases(generator));
    let n_cases = if generator.is_aimless() { 0 } else { n_cases };
    tell(Event::Started { cases: shard.share(n_cases), aims: generator.aims(), unplanned: &generator.unplanned });
    let counter = Arc::new(AtomicU64::new(0));
    let endpoints: Vec<Arc<dyn Endpoint>> = endpoints
        .iter()
        .map(|endpoint| Arc::new(Counted { inner: endpoint.clone(), counter: counter.clone() }) as Arc<dyn Endpoint>)
        .collect();
    let cases =
        Cases { set, settings, shard, endpoints: &endpoints, generator, counter: &counter, began, n_cases, tell };
    let mut tally = cases.all().await;
    let requests = counter.load(Ordering::Relaxed);
    let spent = cases.spent();
    let mut findings: Vec<FindingResult> = Vec::new();
    for first in failures(set, &mut tally) {
        let (key, requirement) = (first.finding.key.clone(), first.finding.requirement);
        match cases.shrunk(first, &tally).await {
            Ok(result) => {
                let by = &*result.finding.key;
                if !blame::is_told_by(by, &key) {
                    tell(Event::Superseded { key: &key, requirement, by: Some(by), why: None });
                }
                merge(&mut findings, result);
            }
            Err((last, why)) => {
                tell(Event::Superseded { key: &key, requirement, by: None, why: Some(&why) });
                tally.baseless(last, why);
            }
        }
    }
    for result in &findings {
        tell(Event::Shrunk(result));
    }
    tell(Event::Finished);
    let side_by_side = settings.are_side_by_side(shard);
    let (aims, unplanned) = (generator.aims(), &generator.unplanned);
    let frame = Frame { set, operations: &operations, aims, unplanned, side_by_side };
    let Conclusion { verdict, operations } = conclude(&frame, &mut tally, &mut findings);
    Outcome {
        verdict,
        seed: settings.seed.clone(),
        endpoint: names(&endpoints),
        cases: tally.cases,
        requests,
        spent,
        shrink_requests: counter.load(Ordering::Relaxed) - requests,
        seconds: began.elapsed().as_secs_f64(),
        interrupted: settings.interrupted.load(Ordering::Relaxed),
        stopped: tally.stopped.clone(),
        operations,
        observations: tally.observations(set),
        findings,
        races: tally.races,
        messages: tally.messages(),
        reasons: tally.reasons(),
    }
}

fn names(endpoints: &[Arc<dyn Endpoint>]) -> String {
    let mut names: Vec<String> = endpoints.iter().map(|endpoint| endpoint.name()).collect();
    names.dedup();
    names.join(", ")
}

/// Counts requests.
struct Counted {
    inner: Arc<dyn Endpoint>,
    counter: Arc<AtomicU64>,
}

impl Endpoint for Counted {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        self.inner.send(call)
    }

    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        self.inner.send_among(call)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn note(&self, noted: &Noted<'_>) {
        self.inner.note(noted);
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        self.inner.name()
    }

    fn tidy<'a>(&'a self, service: usize, ids: Vec<String>) -> Sent<'a, ()> {
        self.inner.tidy(service, ids)
    }

    fn asked_to_wait_ms(&self, operation: OpRef) -> Option<u64> {
        self.inner.asked_to_wait_ms(operation)
    }

    fn repeats(&self) -> u32 {
        self.inner.repeats()
    }

    fn spent(&self) -> Option<u64> {
        self.inner.spent()
    }
}

/// What a worker has done.
enum Done {
    Case(Box<Case>),
    Confirmed(Box<Confirmed>),
}

struct Cases<'a> {
    set: &'a Arc<SpecSet>,
    settings: &'a Settings,
    shard: Shard,
    endpoints: &'a [Arc<dyn Endpoint>],
    generator: &'a Generator<'a>,
    counter: &'a AtomicU64,
    began: Instant,
    n_cases: u64,
    tell: Tell<'a>,
}

impl Cases<'_> {
    /// Runs all cases; scripts are made here, in order, and executed by workers.
    async fn all(&self) -> Tally {
        let mut tally = Tally::default();
        let mut doubts = Doubts::default();
        let mut running: JoinSet<(u64, Done)> = JoinSet::new();
        let mut under_way: BTreeSet<u64> = BTreeSet::new();
        let mut reserved = 0;
        let numbers = (0..self.n_cases).filter(|number| self.shard.has(*number));
        let mut scripts = numbers.map_while(|number| Some((number, self.generator.case(number)?))).peekable();
        // There was no room for them yet.
        let mut postponed: VecDeque<(u64, Script)> = VecDeque::new();
        let n_first = self.generator.n_tours();
        let mut disturbed = Disturbed::new(self.n_cases, n_first);
        let mut enough = false;
        let mut left_out = 0;
        let mut room = Room::new(&self.settings.options.permit);
        // Once a removal took longer than patience, the rest of the run need not wait that long each time.
        let patience = Arc::new(Mutex::new(self.settings.around.clone()));
        loop {
            while running.len() < self.settings.workers && !enough && !self.is_over() {
                let mut around = patience.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let set = self.set.clone();
                if room.is_taken() {
                    break;
                }
                let may_confirm = room.is_endless() || running.is_empty();
                if let Some(doubt) = may_confirm.then(|| doubts.next(under_way.first().copied())).flatten() {
                    let endpoint = self.endpoint_of(&doubt.script);
                    let size = doubt.script.commands.len() as u64 + CLEANING;
                    // With fewer executions nothing can be confirmed; then it is not known, and that is all.
                    let attempts = (CONFIRM..=ATTEMPTS).rev().find(|n| self.affords(reserved + u64::from(*n) * size));
                    let attempts = attempts.unwrap_or(0);
                    let wanted = u64::from(attempts) * size;
                    reserved += wanted;
                    room.take_all();
                    running.spawn(async move {
                        let confirmed = confirm(&set, doubt, endpoint.as_ref(), &around, attempts).await;
                        (wanted, Done::Confirmed(Box::new(confirmed)))
                    });
                    continue;
                }
                // Trouble comes in spells: what it disturbed waits until everything was tried once.
                let is_first =
                    postponed.front().or_else(|| scripts.peek()).is_some_and(|(number, _)| *number < n_first);
                let again = if is_first { None } else { disturbed.next(&tally) };
                let next = again.or_else(|| postponed.pop_front()).or_else(|| scripts.next());
                let Some((number, mut script)) = next else { break };
                let mut cost = Cost::of(&set, &script);
                match room.admits(&cost) {
                    Admission::Now => {}
                    Admission::Later => {
                        postponed.push_front((number, script));
                        break;
                    }
                    Admission::Never => continue,
                }
                // Cases under way still need what they have not sent yet.
                if !self.affords(reserved + cost.requests) {
                    if !running.is_empty() || left_out >= MOST_LEFT_OUT {
                        postponed.push_front((number, script));
                        break;
                    }
                    left_out += 1;
                    let part = self.left().and_then(|left| self.generator.part(number, &script, left));
                    // Where nothing of it fits, a smaller one may.
                    let Some(part) = part else { continue };
                    cost = Cost::of(&set, &part);
                    script = part;
                }
                let wanted = cost.requests;
                reserved += wanted;
                room.enter(number, cost);
                under_way.insert(number);
                (self.tell)(Event::Begun { number, script: &script });
                // Whoever has few requests sees the first cases only; others have little time.
                if number < n_first && self.settings.max_requests.is_some() {
                    around.pace = around.pace.sparing();
                }
                let endpoint = self.endpoint_of(&script);
                running.spawn(async move {
                    (wanted, Done::Case(Box::new(one(&set, script, endpoint.as_ref(), &around, number).await)))
                });
            }
            // The next script is made while the workers wait for answers.
            if postponed.is_empty() {
                scripts.peek();
            }
            let Some(joined) = running.join_next().await else { break };
            let Ok((wanted, done)) = joined else { continue };
            reserved -= wanted;
            match done {
                Done::Case(mut case) => {
                    under_way.remove(&case.number);
                    room.leave(case.number);
                    self.hurry(&patience, &tally, &mut case);
                    doubts.add(self.set, &case);
                    tally.add(self.set, &case);
                    disturbed.add(&case);
                    (self.tell)(Event::Judged(&case));
                }
                Done::Confirmed(confirmed) => {
                    doubts.settle(&confirmed);
                    room.give_all_back();
                    (self.tell)(Event::Confirmed(&confirmed));
                    tally.confirmed(*confirmed);
                }
            }
            enough = self.settings.stop_at_first && tally.has_found(self.set);
            (self.tell)(Event::Progress {
                done: tally.cases,
                requests: self.counter.load(Ordering::Relaxed),
                findings: tally.failures.len(),
            });
        }
        doubts.count(&mut tally);
        let is_short = left_out > 0 || !postponed.is_empty() || scripts.peek().is_some();
        tally.stopped = if is_short { Some(self.stopped().into()) } else { None };
        tally
    }

    /// Why there were not as many cases as there should have been.
    fn stopped(&self) -> &'static str {
        let settings = self.settings;
        if settings.interrupted.load(Ordering::Relaxed) {
            "the run was interrupted before a case for it came"
        } else if settings.max_time.is_some_and(|most| self.began.elapsed() >= most) {
            "the time was over before a case for it came"
        } else if settings.max_requests.is_some() {
            "the requests that were left did not suffice for a case"
        } else {
            "the run was over before a case for it came"
        }
    }

    /// Lowers the patience of later cases, where this one shows that something never settles.
    fn hurry(&self, patience: &Mutex<Surroundings>, tally: &Tally, case: &mut Case) {
        if tally.was_too_slow(case, self.settings.around.patience_ms) {
            let mut around = patience.lock().unwrap_or_else(PoisonError::into_inner);
            around.patience_ms = around.patience_ms.min(HURRIED_MS);
        }
    }

    fn is_over(&self) -> bool {
        let settings = self.settings;
        settings.interrupted.load(Ordering::Relaxed)
            || settings.max_requests.is_some_and(|most| self.spent() >= most)
            || settings.max_time.is_some_and(|most| self.began.elapsed() >= most)
    }

    /// So many more requests fit into the budget.
    fn affords(&self, wanted: u64) -> bool {
        self.left().is_none_or(|left| wanted <= left)
    }

    /// Requests that are left of the budget.
    fn left(&self) -> Option<u64> {
        self.settings.max_requests.map(|most| most.saturating_sub(self.spent()))
    }

    /// Requests so far. Endpoints know of more than cases send: of ids that were looked up, and of what was cleaned up.
    fn spent(&self) -> u64 {
        let known: u64 = self.endpoints.iter().filter_map(|endpoint| endpoint.spent()).sum();
        known.max(self.counter.load(Ordering::Relaxed))
    }

    fn endpoint_of(&self, script: &Script) -> Arc<dyn Endpoint> {
        let documented = script.commands.iter().map(|command| command.operation);
        let found = documented.filter_map(|at| self.settings.operations.iter().find(|(known, _)| *known == at)).next();
        let index = found.map_or(0, |(_, endpoint)| *endpoint);
        self.endpoints[index.min(self.endpoints.len() - 1)].clone()
    }

    /// A failure with the smallest script that shows it, or why it is none, and of which requirement.
    async fn shrunk(&self, first: First, tally: &Tally) -> Result<FindingResult, (ReqRef, String)> {
        let comparable = blame::is_of_one_run(&first.finding);
        let requests_to_failure = tally.requests_to_failure(&first);
        let cases = first.cases;
        let told = |Failed { script, history, finding }: Failed, again, shrink_requests| FindingResult {
            counts: blame::counts(self.set, &finding),
            finding,
            script,
            history,
            again,
            cases,
            requests_to_failure,
            shrink_requests,
        };
        if (!comparable && first.against.is_none()) || self.settings.interrupted.load(Ordering::Relaxed) {
            // A call that earned no answer was sent again before that was called a failure.
            let was_repeated = first.finding.key.ends_with(blame::NO_ANSWER);
            let again = if was_repeated { Again { times: CONFIRM, shown: CONFIRM } } else { Again::NEVER };
            return Ok(told(first.excerpt(self.set), again, 0));
        }
        let failed = first.failed();
        let against = first.against.as_ref().map(|(script, _)| script);
        let endpoint = self.endpoint_of(&failed.script);
        // Attempts at something shorter often wait for what never comes; that need not take all patience each time, nor in
        // the end, where waiting is not the point.
        let mut around = self.settings.around.clone();
        let hurried_ms = around.pace.enough(around.patience_ms);
        if !blame::is_late(&failed.finding) {
            around.patience_ms = hurried_ms;
        }
        let is_inconsistent = failed.finding.nature == Nature::Inconsistent;
        let is_long = against.is_some() || is_inconsistent || !failed.script.race().is_empty();
        let budget = self.settings.shrink_requests * if is_long { LONG_SHRINKING } else { 1 };
        let interrupted = &self.settings.interrupted;
        let endpoint = endpoint.as_ref();
        let mut shrinker = Shrinker::new(self.set, self.generator, endpoint, &around, hurried_ms, budget, interrupted);
        (self.tell)(Event::Shrinking { key: &failed.finding.key, commands: failed.script.commands.len() });
        let is_of_overlap = blame::is_of_overlap(self.set, &failed.finding);
        let sequence = if is_of_overlap { shrinker.in_sequence(&failed.script).await } else { None };
        let failed = sequence.unwrap_or(failed);
        let Shrunk { failed, again } = match shrinker.shrink(&failed, against, CONFIRMATIONS).await {
            End::Shrunk(shrunk) => *shrunk,
            End::Baseless { requirement, why } => return Err((requirement, why)),
            End::Nothing => {
                let again = Again { times: u32::from(shrinker.requests > 0), shown: 0 };
                Shrunk { failed: first.excerpt(self.set), again }
            }
        };
        Ok(told(failed, again, shrinker.requests))
    }
}

/// Patience of cases after one has shown that something never settles.
const HURRIED_MS: u64 = 300;

/// Executes and judges one case.
async fn one(set: &SpecSet, script: Script, endpoint: &dyn Endpoint, around: &Surroundings, number: u64) -> Case {
    let history = execute(set, &script, endpoint, around, &number.to_string()).await;
    let judged = judge(set, &script, &history);
    let requests = history.exchanges.len() as u64;
    Case { number, script, history, judged, requests }
}
