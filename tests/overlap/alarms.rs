//! False alarms: races on mocks that answer, work and lose as they like.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aswritten::{
    campaign::{Settings, outcome::Verdict, run_planned},
    endpoint::{Call, Endpoint, Sent, in_process::InProcess},
    execute::execute,
    generate::Options,
    history::{Reply, Trouble, TroubleKind},
    mock::Mock,
    oracle::judge,
};

use crate::{
    PATIENCE_MS, SET, SETTLE_MS, around, find, generator, policy, runtime, throttled::throttled, told, wanted,
};

/// Seeds of the hunt.
const SEEDS: u64 = 6;
/// Deletions of a race that arrive twice.
const REPEATED: u64 = 4;
/// How long work takes.
const PACES_MS: [u64; 6] = [SETTLE_MS, 0, 1, 7, 50, PATIENCE_MS - 200];

/// The mock behind a bad line: of a hundred answers five are lost, five are refusals of too many calls, five come late.
struct Disturbed {
    inner: InProcess,
    seed: u64,
    sent: AtomicU64,
}

impl Disturbed {
    fn roll(&self) -> u64 {
        let mut mixed = (self.seed << 32) + self.sent.fetch_add(1, Ordering::Relaxed);
        mixed = (mixed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 200
    }

    async fn disturbed(&self, call: &Call, among: bool) -> Reply {
        let lost = || {
            Reply::Trouble(Trouble { kind: TroubleKind::Timeout, text: "nothing came".into(), may_have_happened: true })
        };
        let roll = self.roll();
        match roll {
            0..5 => return lost(),
            10..20 => return throttled(&SET, call.operation),
            20..25 => self.inner.wait(10 * SETTLE_MS).await,
            _ => {}
        }
        let reply = if among { self.inner.send_among(call).await } else { self.inner.send(call).await };
        match roll {
            5..10 => lost(),
            25..30 => {
                self.inner.wait(10 * SETTLE_MS).await;
                reply
            }
            _ => reply,
        }
    }
}

impl Endpoint for Disturbed {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.disturbed(call, false))
    }
    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.disturbed(call, true))
    }
    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }
    fn name(&self) -> String {
        "disturbed".into()
    }
}

/// At first, something on the way sends deletions again that overlap, and tells the second answer.
struct Repeating {
    inner: InProcess,
    told: AtomicU64,
}

impl Repeating {
    async fn among(&self, call: &Call) -> Reply {
        let reply = self.inner.send_among(call).await;
        let is_over = self.told.load(Ordering::Relaxed) >= REPEATED;
        if is_over || !matches!(reply, Reply::Success { .. }) || !SET.operation(call.operation).is_documented() {
            return reply;
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        Reply::Refused {
            status: 200,
            code: "MutexOperation.TaskRunning".into(),
            message: String::new(),
            request_id: Some("again".into()),
        }
    }
}

impl Endpoint for Repeating {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.inner.send(call)
    }
    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.among(call))
    }
    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }
    fn name(&self) -> String {
        "repeating".into()
    }
}

/// What was seen seldom, and what a repeated request explains as well, is neither a violation nor nothing.
#[test]
fn a_request_that_arrived_twice_is_no_violation() {
    let at = find("cvm/DeleteImages");
    let mock = Mock::new(SET.clone(), policy(at, SETTLE_MS, true));
    let endpoint: Arc<dyn Endpoint> = Arc::new(Repeating { inner: InProcess::new(mock), told: AtomicU64::new(0) });
    let generator = generator(at).again("repeating", Options::default());
    let settings = Settings { cases: Some(generator.n_tours() + 20), ..Settings::new("repeating", at, around()) };
    let outcome = runtime().block_on(run_planned(&SET, &settings, &generator, &[endpoint], &|_| {}));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    let is_why = |text: &str| text.contains("overlap/stays") && text.contains("a request that arrived twice");
    assert!(outcome.reasons.iter().any(|(text, _)| is_why(text)), "{:?}", outcome.reasons);
}

/// Every race, on mocks that answer open questions in any way, work at any pace, and lose answers: nothing is found.
fn no_false_alarm(id: &str) {
    let at = find(id);
    let operation = SET.operation(at);
    let (mut races, mut requests, mut overlapped) = (0_u64, 0_u64, 0_u64);
    for seed in 0..wanted("ASWRITTEN_RACE_SEEDS", SEEDS) {
        let turn = usize::try_from(seed).expect("there are not so many");
        let mut policy = policy(at, PACES_MS[turn % PACES_MS.len()], seed % 3 != 1);
        let mut said = Vec::new();
        for (index, question) in operation.questions.iter().enumerate().filter(|_| seed > 0) {
            let choice = (turn / (index + 1) + index) % question.answers.len();
            let answer = format!("{}={}", operation.requirements[question.requirement].id, question.answers[choice].id);
            policy.answer(&SET, &answer).expect("it is one of its answers");
            said.push(answer);
        }
        let generator = generator(at).again(&format!("seed {seed}"), Options::default());
        let first = generator.n_tours();
        let scripts = (first..).filter_map(|number| generator.case(number)).filter(|script| !script.race().is_empty());
        let rounds = generator.planned_races().count() * 2;
        let inner = InProcess::new(Mock::new(SET.clone(), policy.clone()));
        let endpoint: Box<dyn Endpoint> = match seed % 2 {
            0 => Box::new(inner),
            _ => Box::new(Disturbed { inner, seed, sent: AtomicU64::new(0) }),
        };
        let runtime = runtime();
        for (number, script) in scripts.take(rounds).enumerate() {
            let name = format!("{seed}-{number}");
            let history = runtime.block_on(execute(&SET, &script, endpoint.as_ref(), &around(), &name));
            let judged = judge(&SET, &script, &history);
            assert!(
                judged.findings.is_empty(),
                "seed {seed}, {} ms, {}:\n{:#?}\n{}",
                policy.settle_ms,
                said.join(", "),
                judged.findings,
                told(&script, &history)
            );
            races += 1;
            requests += history.exchanges.len() as u64;
            overlapped += judged.races.overlapped;
        }
    }
    println!("{id}: {races} races, {requests} requests, {overlapped} overlapping pairs");
    assert!(overlapped > races / 2);
}

#[test]
fn races_of_ecs_are_no_departures() {
    no_false_alarm("ecs/DeleteImage");
}
#[test]
fn races_of_ecs_legacy_are_no_departures() {
    no_false_alarm("ecs/DeleteImage@legacy");
}
#[test]
fn races_of_ens_are_no_departures() {
    no_false_alarm("ens/DeleteImage");
}
#[test]
fn races_of_swas_are_no_departures() {
    no_false_alarm("swas/DeleteCustomImages");
}
#[test]
fn races_of_cvm_are_no_departures() {
    no_false_alarm("cvm/DeleteImages");
}
