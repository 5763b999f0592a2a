//! Things that go by themselves: no call that was made in between is to blame for that.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, Mutex},
};

use aswritten::{
    campaign::{Event, Outcome, Settings, Verdict, run_planned},
    endpoint::{Call, Endpoint, Sent, in_process::InProcess},
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    history::Reply,
    mock::{Mock, Policy},
    mutant,
    record::{Head, Log, Recorded, fold, line::SCHEMA, read},
    spec::{self, SpecSet},
};
use serde_json::Value;

const OPERATION: &str = "ecs/DeleteImage";

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static GENERATOR: LazyLock<Generator<'static>> =
    LazyLock::new(|| Generator::new(&SET, &[SET.find(OPERATION).expect("it is specified")], "1", Options::default()));

/// The mock, whose list shows each image that is available only once.
struct Forgetful {
    inner: InProcess,
    shown: Mutex<BTreeSet<String>>,
}

impl Forgetful {
    fn forget(&self, reply: Reply) -> Reply {
        let Reply::Success { status, mut fields } = reply else { return reply };
        let mut shown = self.shown.lock().expect("nobody panics");
        if let Some(Value::Array(images)) = fields.get_mut("Images").and_then(|images| images.get_mut("Image")) {
            images.retain(|image| {
                image["Status"] != "Available" || shown.insert(image["ImageId"].as_str().unwrap_or_default().to_owned())
            });
            let n_images = images.len();
            fields.insert("TotalCount".into(), n_images.into());
        }
        Reply::Success { status, fields }
    }
}

impl Endpoint for Forgetful {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(async { self.forget(self.inner.send(call).await) })
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        "forgetful".into()
    }
}

/// What is found when images go by themselves, and the endpoint has this bug besides: in the run, and in its record.
fn judge(bug: Option<&str>) -> [Outcome; 2] {
    let healthy = Mock::new(SET.clone(), Policy::new(&SET, 20));
    let planted =
        bug.map(|bug| mutant::derive(&SET).into_iter().find(|mutant| mutant.id == bug).expect("it is a mutant"));
    let mock = match planted {
        Some(mutant) => healthy.with(mutant.plant(&SET)),
        None => healthy,
    };
    let settings = Settings {
        seed: "1".into(),
        operations: vec![(SET.find(OPERATION).expect("it is specified"), 0)],
        cases: Some(40),
        workers: 1,
        max_requests: None,
        max_time: None,
        shrink_requests: 250,
        stop_at_first: false,
        around: Surroundings {
            givens: Givens::defaults(&SET),
            run: "vanishing".into(),
            patience_ms: 2_000,
            linger_ms: 100,
            clean: true,
            pace: Default::default(),
        },
        options: Options::default(),
        interrupted: Arc::default(),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    let (specs, operations) = (SET.digest.clone(), vec![OPERATION.to_owned()]);
    let head = Head { schema: SCHEMA, specs, operations, shard: "1/1".into(), patience_ms: 2_000, ..Head::default() };
    let log = Arc::new(Log::create(&path, SET.clone(), head, &[]).expect("it can be written"));
    let forgetful = Arc::new(Forgetful { inner: InProcess::new(mock), shown: Mutex::default() });
    let endpoint: Arc<dyn Endpoint> = Arc::new(Recorded::new(forgetful, log.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let tell = |event: Event<'_>| log.tell(&event);
    let outcome = runtime.block_on(run_planned(&SET, &settings, &GENERATOR, &[endpoint], &tell));
    log.finish(&outcome, Value::Null).expect("all was written");
    let recorded = fold(&SET, &[read(&path).expect("it is a record")]).outcome;
    [outcome, recorded]
}

fn keys(outcome: &Outcome) -> Vec<&str> {
    outcome.findings.iter().map(|result| &*result.finding.key).collect()
}

#[test]
fn nobody_is_blamed_for_what_goes_without_any_call() {
    for outcome in judge(None) {
        assert_eq!((keys(&outcome), outcome.verdict), (Vec::new(), Verdict::Inconclusive));
        let is_told = |(reason, _): &(String, u64)| reason.contains("as well as without: no documented call is known");
        assert!(outcome.reasons.iter().any(is_told), "{:?}", outcome.reasons);
    }
}

#[test]
fn a_wrong_answer_is_found_all_the_same() {
    for outcome in judge(Some("ecs/DeleteImage/other-status/ImageUseShared")) {
        assert_eq!(keys(&outcome), ["ecs/DeleteImage/error/ImageUseShared#status 400"]);
        assert_eq!(outcome.verdict, Verdict::Violates);
    }
}
