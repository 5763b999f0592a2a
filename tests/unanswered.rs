//! Answers that never come: the same call each time is a failure, shown by a short script; any other loss is bad luck.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU64, Ordering},
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, run_planned},
    endpoint::{Call, Endpoint, Sent, in_process::InProcess},
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    history::{Reply, Trouble, TroubleKind},
    mock::{Mock, Policy},
    sequence::Command,
    spec::{self, SpecSet},
};

const OPERATION: &str = "ecs/DeleteImage";

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static GENERATOR: LazyLock<Generator<'static>> =
    LazyLock::new(|| Generator::new(&SET, &[SET.find(OPERATION).expect("it is specified")], "1", Options::default()));

/// Number of the last judged call of the first tour, if nothing is looked at twice before it.
static LAST_CALL: LazyLock<u64> = LazyLock::new(|| {
    let tour = GENERATOR.case(0).expect("there are aims");
    let is_call = |command: &Command| SET.operation(command.operation).is_documented();
    1 + tour.commands.iter().rposition(is_call).expect("it makes calls") as u64
});

/// Whether the answer to the call with this number is lost.
type Loses = fn(u64, &Call) -> bool;

/// The mock, some of whose answers are lost.
struct Lossy {
    inner: InProcess,
    sent: AtomicU64,
    loses: Loses,
}

impl Endpoint for Lossy {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        let number = 1 + self.sent.fetch_add(1, Ordering::Relaxed);
        if !(self.loses)(number, call) {
            return self.inner.send(call);
        }
        let trouble = Trouble { kind: TroubleKind::Timeout, text: "lost".into(), may_have_happened: true };
        Box::pin(std::future::ready(Reply::Trouble(trouble)))
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        "lossy".into()
    }
}

fn judge(cases: u64, workers: usize, max_requests: Option<u64>, loses: Loses) -> Outcome {
    let inner = InProcess::new(Mock::new(SET.clone(), Policy::new(&SET, 20)));
    let around = Surroundings {
        givens: Givens::defaults(&SET),
        run: "unanswered".into(),
        patience_ms: 2_000,
        linger_ms: 100,
        clean: true,
        pace: Default::default(),
    };
    let settings = Settings {
        cases: Some(cases),
        workers,
        max_requests,
        ..Settings::new("1", SET.find(OPERATION).expect("it is specified"), around)
    };
    let endpoint: Arc<dyn Endpoint> = Arc::new(Lossy { inner, sent: AtomicU64::new(0), loses });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(run_planned(&SET, &settings, &GENERATOR, &[endpoint], &|_| {}))
}

fn is_judged(call: &Call) -> bool {
    SET.operation(call.operation).is_documented()
}

/// The judged call names a resource and uses force, so it takes a set-up.
fn is_forced(_: u64, call: &Call) -> bool {
    let operation = SET.operation(call.operation);
    let forced = || call.arguments[operation.param("Force").expect("it is a parameter")] == Some(true.into());
    is_judged(call) && forced()
}

/// A number below 100 that looks like chance.
fn chance(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) % 100
}

fn keys(outcome: &Outcome) -> Vec<&str> {
    outcome.findings.iter().map(|result| &*result.finding.key).collect()
}

#[test]
fn a_call_that_never_earns_an_answer_is_shown_by_a_short_script() {
    let outcome = judge(GENERATOR.n_tours() + 20, 1, None, is_forced);
    assert_eq!(outcome.verdict, Verdict::Violates, "{:?}", outcome.reasons);
    for result in &outcome.findings {
        let script = &result.script.commands;
        assert!(result.finding.key.ends_with("#no answer"), "{}", result.finding.key);
        assert!(result.finding.summary.contains("6 times of 6"), "{}", result.finding.summary);
        assert!(script.len() <= 10, "{} takes {} commands", result.finding.key, script.len());
        assert_eq!(result.finding.command, script.len() - 1, "the call comes last");
        assert!(result.history.exchanges.iter().any(|exchange| matches!(exchange.reply, Reply::Trouble(_))));
    }
}

/// Requirements that were exercised.
fn exercised(outcome: &Outcome) -> usize {
    let results = outcome.operations.iter().flat_map(|operation| &operation.requirements);
    results.filter(|result| result.exercised > 0).count()
}

#[test]
fn a_tour_in_which_one_answer_is_lost_is_run_again_once() {
    let tour = GENERATOR.case(0).expect("there are aims").commands.len() as u64;
    assert!(tour >= 8, "{tour} commands");
    let healthy = judge(1, 1, None, |_, _| false);
    // A call of the tour is lost, and never again.
    let outcome = judge(1, 1, None, |number, call| is_judged(call) && (*LAST_CALL..*LAST_CALL + 2).contains(&number));
    assert!(outcome.reasons.iter().any(|(text, _)| text.contains("lost")), "{:?}", outcome.reasons);
    assert!(outcome.findings.is_empty(), "{:?}", keys(&outcome));
    assert_eq!((outcome.cases, exercised(&outcome)), (2, exercised(&healthy)), "it shows all that it was to show");
    let extra = outcome.requests.saturating_sub(2 * healthy.requests);
    assert!(extra <= 10, "{extra} requests more than the {} of two healthy runs", healthy.requests);
}

#[test]
fn other_losses_each_time_are_bad_luck() {
    // Every n-th would hit the same command of a script of n commands each time.
    for loses in [(|number, _| chance(number) < 5) as Loses, |number, call| is_judged(call) && chance(number) < 10] {
        let outcome = judge(GENERATOR.n_tours() + 100, 1, None, loses);
        assert!(outcome.findings.is_empty(), "{:?}", keys(&outcome));
        assert!(outcome.reasons.iter().any(|(text, _)| text.contains("lost")));
    }
}

#[test]
fn an_operation_that_is_down_is_confirmed_once_for_each_promise() {
    let down: Loses = |_, call| is_judged(call);
    let few = judge(GENERATOR.n_tours() + 150, 1, None, down);
    let many = judge(GENERATOR.n_tours() + 300, 1, None, down);
    assert!(few.findings.iter().any(|result| result.cases > 3), "cases are counted");
    let each = |outcome: &Outcome| outcome.requests as f64 / outcome.cases as f64;
    let (early, late) = (each(&few), (many.requests - few.requests) as f64 / 150.0);
    let healthy = each(&judge(GENERATOR.n_tours() + 300, 1, None, |_, _| false));
    assert!(late < early && late < 2.0 * healthy, "{late} requests a case; {early} before, {healthy} in health");
}

#[test]
fn confirming_stays_within_the_budget() {
    for most in [60, 120, 240] {
        let outcome = judge(GENERATOR.n_tours() + 100, 1, Some(most), |_, call| is_judged(call));
        // The last execution may take a few looks more than it has commands.
        assert!(outcome.requests <= most + 20, "{} requests of {most}", outcome.requests);
    }
}

#[test]
fn workers_confirm_the_same() {
    let cases = GENERATOR.n_tours() + 40;
    let found = |workers| {
        let outcome = judge(cases, workers, None, is_forced);
        let results = outcome.findings.iter();
        results.map(|result| (result.finding.key.clone(), result.cases, result.script.clone())).collect::<Vec<_>>()
    };
    assert_eq!(found(1), found(4));
}
