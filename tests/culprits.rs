//! Who did it: the call that is accused, another one, both, or none of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use aswritten::{
    campaign::{Event, Outcome, Settings, Verdict, run_planned},
    endpoint::{Call, Endpoint, Sent, in_process::InProcess},
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    history::Reply,
    mock::{Mock, Policy},
    model::Caller,
    mutant,
    oracle::Nature,
    record::{Head, Log, Recorded, fold, line::SCHEMA, read},
    sequence::Purpose,
    spec::{self, SpecSet, service::OpRef},
};
use serde_json::{Map, Value};

const OPERATION: &str = "ecs/DeleteImage";
/// Its first sequence is a long one, and has calls that overlap.
const OF_MANY: &str = "swas/DeleteCustomImages";

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static GENERATORS: LazyLock<BTreeMap<&str, Generator<'static>>> = LazyLock::new(|| {
    let of = |operation| Generator::new(&SET, &[at(operation)], "1", Options::default());
    BTreeMap::from([OPERATION, OF_MANY].map(|operation| (operation, of(operation))))
});

fn at(operation: &str) -> OpRef {
    SET.find(operation).expect("it is specified")
}

/// What is wrong besides with the endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Odd {
    /// The list shows each image that is available only once.
    Forgets,
    /// Successes of the judged call come without the id of the request.
    LeavesOut,
    /// Requests without a signature are refused, and obeyed all the same.
    Obeys,
    /// Of the judged calls that are refused, the one after so many is refused with this code.
    Errs(u32, &'static str),
    /// Shared images are refused with a code that nobody knows.
    Mutters,
    /// Each answer of a first so many takes this many milliseconds, and later ones none.
    Wakes(u32, u64),
}

/// The mock, with something odd about it.
struct Oddly {
    inner: InProcess,
    odd: Odd,
    shown: Mutex<BTreeSet<String>>,
    n_calls: AtomicU32,
    n_refused: AtomicU32,
}

impl Oddly {
    fn forget(&self, fields: &mut Map<String, Value>) {
        let mut shown = self.shown.lock().expect("nobody panics");
        let list = fields.get_mut("Images").and_then(|images| images.get_mut("Image"));
        let Some(images) = list.and_then(Value::as_array_mut) else { return };
        let id = |image: &Value| image["ImageId"].as_str().unwrap_or_default().to_owned();
        images.retain(|image| image["Status"] != "Available" || shown.insert(id(image)));
        let n_images = images.len();
        fields.insert("TotalCount".into(), n_images.into());
    }
}

impl Endpoint for Oddly {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(async {
            let n_before = self.n_calls.fetch_add(1, Ordering::Relaxed);
            match self.odd {
                Odd::Wakes(n_calls, ms) if n_before < n_calls => self.inner.wait(ms).await,
                _ => {}
            }
            let mut reply = self.inner.send(call).await;
            let is_judged = SET.operation(call.operation).is_documented();
            match (&mut reply, self.odd) {
                (Reply::Success { fields, .. }, Odd::Forgets) => self.forget(fields),
                (Reply::Success { fields, .. }, Odd::LeavesOut) if is_judged => drop(fields.remove("RequestId")),
                (Reply::Refused { code, .. }, Odd::Errs(n_before, other))
                    if is_judged && self.n_refused.fetch_add(1, Ordering::Relaxed) == n_before =>
                {
                    *code = other.into();
                }
                (Reply::Refused { code, .. }, Odd::Mutters) if code == "ImageUseShared" => *code = "Unheard".into(),
                (Reply::Refused { .. }, Odd::Obeys) if call.caller == Caller::Unsigned => {
                    self.inner.send(&Call { caller: Caller::Main, ..call.clone() }).await;
                }
                _ => {}
            }
            reply
        })
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        "oddly".into()
    }
}

/// What is found when something is odd, and the endpoint has this bug besides: in the run, and in its record.
fn judge(operation: &str, odd: Odd, bug: Option<&str>) -> [Outcome; 2] {
    let healthy = Mock::new(SET.clone(), Policy::new(&SET, 20));
    let planted =
        bug.map(|bug| mutant::derive(&SET).into_iter().find(|mutant| mutant.id == bug).expect("it is a mutant"));
    let mock = match planted {
        Some(mutant) => healthy.with(mutant.plant(&SET)),
        None => healthy,
    };
    let around = Surroundings {
        givens: Givens::defaults(&SET),
        run: "culprits".into(),
        patience_ms: 2_000,
        linger_ms: 100,
        clean: true,
        pace: Default::default(),
    };
    let settings = Settings { cases: Some(60), ..Settings::new("1", at(operation), around) };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    let (specs, operations) = (SET.digest.clone(), vec![operation.to_owned()]);
    let head = Head { schema: SCHEMA, specs, operations, shard: "1/1".into(), patience_ms: 2_000, ..Head::default() };
    let log = Arc::new(Log::create(&path, SET.clone(), head, &[]).expect("it can be written"));
    let oddly = Arc::new(Oddly {
        inner: InProcess::new(mock),
        odd,
        shown: Mutex::default(),
        n_calls: AtomicU32::new(0),
        n_refused: AtomicU32::new(0),
    });
    let endpoint: Arc<dyn Endpoint> = Arc::new(Recorded::new(oddly, log.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let tell = |event: Event<'_>| log.tell(&event);
    let outcome = runtime.block_on(run_planned(&SET, &settings, &GENERATORS[operation], &[endpoint], &tell));
    log.finish(&outcome, Value::Null).expect("all was written");
    let recorded = fold(&SET, &[read(&path).expect("it is a record")]).outcome;
    [outcome, recorded]
}

fn keys(outcome: &Outcome) -> BTreeSet<&str> {
    outcome.findings.iter().map(|result| &*result.finding.key).collect()
}

#[test]
fn nobody_is_blamed_for_what_goes_without_any_call() {
    for outcome in judge(OPERATION, Odd::Forgets, None) {
        assert_eq!((keys(&outcome), outcome.verdict), (BTreeSet::new(), Verdict::Inconclusive));
        let is_told = |(reason, _): &(String, u64)| reason.contains("as well as without: no documented call is known");
        assert!(outcome.reasons.iter().any(is_told), "{:?}", outcome.reasons);
    }
}

/// Neither of two bugs hides behind the other.
#[test]
fn each_of_two_culprits_is_found() {
    let check = |odd: Odd, bug: &str, expected: &[&str]| {
        for outcome in judge(OPERATION, odd, Some(&format!("{OPERATION}/{bug}"))) {
            let expected: Vec<String> = expected.iter().map(|key| format!("{OPERATION}/{key}")).collect();
            let found = keys(&outcome);
            assert_eq!(found, expected.iter().map(String::as_str).collect(), "{bug}");
            assert_eq!(outcome.verdict, Verdict::Violates);
        }
    };
    check(Odd::Forgets, "other-status/ImageUseShared", &["error/ImageUseShared#status 400"]);
    let nameless = "response/RequestId#no RequestId";
    check(Odd::LeavesOut, "other-status/ImageUseShared", &["error/ImageUseShared#status 400", nameless]);
    check(
        Odd::LeavesOut,
        "other-code/InvalidImageId.NotFound",
        &["error/InvalidImageId.NotFound#answered ImageUsingByInstance", nameless],
    );
    let unsigned = "access/no-signature#something changed";
    let dry = "promise/dry-run-changes-nothing#something changed";
    check(Odd::Obeys, "change-on-dry-run/DryRun", &[unsigned, dry]);
    // A dry run is refused as well, when the image is shared.
    check(Odd::Obeys, "effect-on-refusal/ImageUseShared", &[unsigned, dry, "unchanged#something changed"]);
}

/// Where success may be due as well, an unknown code proves nothing; where it may not, it does, and neither hides the other.
#[test]
fn an_unknown_code_is_held_against_what_is_due_for_sure() {
    for outcome in judge(OPERATION, Odd::Mutters, None) {
        let [due, unknown] =
            ["answered", "unknown code"].map(|what| format!("{OPERATION}/error/ImageUseShared#{what} Unheard"));
        let found = keys(&outcome);
        assert!([&*due, &*unknown].iter().all(|key| found.contains(key)), "{found:?}");
        let counting = outcome.findings.iter().filter(|result| result.counts).map(|result| result.finding.nature);
        assert_eq!((outcome.verdict, counting.collect()), (Verdict::Violates, vec![Nature::Violation]), "{found:?}");
    }
}

/// What an earlier call began, and another one met halfway: by chance, that is, and never again.
#[test]
fn a_call_that_came_in_between_is_not_to_blame() {
    for ms in [4, 8] {
        let bug = format!("{OPERATION}/change-on-dry-run/DryRun");
        for outcome in judge(OPERATION, Odd::Wakes(200, ms), Some(&bug)) {
            let promise = format!("{OPERATION}/promise/dry-run-changes-nothing#something changed");
            assert_eq!(keys(&outcome), BTreeSet::from([&*promise]), "{ms} ms");
        }
    }
}

/// What is seen once and not again cannot be shrunk by trying; what came after it, or is about other things, is not told.
#[test]
fn of_what_does_not_show_again_an_excerpt_is_told() {
    // What the call is about takes a snapshot and an image.
    let check = |n_before: u32, most_made: usize| {
        for outcome in judge(OF_MANY, Odd::Errs(n_before, "CustomImageInShare"), None) {
            let [result] = &outcome.findings[..] else { panic!("{:?}", keys(&outcome)) };
            let commands = &result.script.commands;
            let n_made = commands.iter().filter(|command| !command.creates.is_empty()).count();
            let (last, others) = commands.split_last().expect("there is one");
            let told = (result.finding.culprit + 1, last.purpose, result.again.shown);
            assert_eq!(told, (commands.len(), Purpose::Call, 0), "{n_before}");
            assert!(n_made <= most_made, "{n_before}: {n_made} things made");
            assert!(others.iter().all(|other| !other.creates.is_empty() || !other.uses().is_empty()), "{n_before}");
        }
    };
    check(0, 0);
    check(2, 0);
    check(6, 2);
    check(15, 2);
}
