//! How fast the suite is: over HTTP against what the HTTP client alone can do, and in process.
//!
//! `cargo bench --bench throughput`, or a part of it: `cargo bench --bench throughput -- http`, or `-- process`.
//! `ASWRITTEN_BENCH_CASES` sets the number of cases of the longest run, 100,000 otherwise.

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aswritten::{
    campaign::{Outcome, Settings, run_planned},
    endpoint::{
        Call, Endpoint, Noted, Sent,
        http::{Http, Target},
        in_process::InProcess,
    },
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::Reply,
    mock::{Front, Mock, Policy, http::MAIN, server::Server},
    oracle::judge,
    spec::{self, SpecSet, service::OpRef},
    value::{field_at, plain},
    wire::{Credential, Format, Placement},
};
use serde_json::Value;
use url::Url;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For ever, so that what uses it runs on any thread.
static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static GENERATOR: LazyLock<Generator> = LazyLock::new(|| {
    let at = SET.find(OPERATION).expect("it is specified");
    Generator::new(&SET, &[at], "throughput", Options::default())
});

/// Operation that is run.
const OPERATION: &str = "ecs/DeleteImage";
/// How long work takes on the mock, so that waiting for it is not what is measured.
const SETTLE_MS: u64 = 0;
/// Cases of a run over HTTP: enough that learning the mock's pace, which takes waiting, is not what is measured.
const HTTP_CASES: u64 = 8_000;
/// Cases of the short run in process, and of the long one.
const FEW: u64 = 1_000;
const MANY: u64 = 100_000;

fn main() {
    // Test runners call benches with `--test` or `--list`; there is nothing to measure then.
    if env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let set = &*SET;
    let at = set.find(OPERATION).expect("it is specified");
    let began = Instant::now();
    let generator = &*GENERATOR;
    let planning = began.elapsed();
    let mut table = Table::default();
    table.row(["planning one operation", &format!("{:.2} s", planning.as_secs_f64()), ""]);
    // Without a socket first: what HTTP takes of memory is not what is measured.
    if is_wanted("process") {
        process(set, at, generator, &mut table);
    }
    if is_wanted("http") {
        http(set, at, generator, &mut table);
    }
    table.print();
}

/// Over HTTP, with one worker and with several.
fn http(set: &'static Arc<SpecSet>, at: OpRef, generator: &'static Generator<'static>, table: &mut Table) {
    for workers in [1, 8] {
        // As the binary does, which hands nothing from thread to thread with one worker.
        let runtime = match workers {
            1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
            _ => tokio::runtime::Runtime::new(),
        };
        let runtime = runtime.expect("a runtime");
        // Both on the runtime's own threads: to wake one that is not costs more than a request.
        let compared = runtime.block_on(async { tokio::spawn(over_http(set, at, generator, workers)).await });
        let Compared { suite, bare, waiting } = compared.expect("both go through");
        let name = |what: &str| format!("{what}, {workers} worker{}", if workers == 1 { "" } else { "s" });
        table.row([&name("HTTP client alone"), &format!("{bare:.0} requests/s"), "1.00"]);
        table.row([&name("suite over HTTP"), &format!("{suite:.0} requests/s"), &format!("{:.2}", suite / bare)]);
        table.row(["  of it waiting for the endpoint's work", "", &format!("{waiting:.2}")]);
    }
}

/// Without a socket, on one core.
fn process(set: &Arc<SpecSet>, at: OpRef, generator: &Generator<'_>, table: &mut Table) {
    let many = env::var("ASWRITTEN_BENCH_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(MANY);
    let mut parts = Parts::default();
    in_process(set, at, generator, 0..FEW, &mut parts);
    let first = resident_kb();
    let memory = |kb: Option<u64>| kb.map_or("not known here".into(), |kb| format!("{:.1} MB", kb as f64 / 1024.0));
    table.row([&format!("resident after {FEW} cases"), &memory(first), "1.00"]);
    // A mock of its own for each part: what no call can remove stays with it, and makes its answers slower and slower.
    for start in (FEW..many.max(FEW)).step_by(FEW as usize) {
        in_process(set, at, generator, start..(start + FEW).min(many), &mut parts);
    }
    let last = resident_kb();
    let growth = first.zip(last).map_or(String::new(), |(first, last)| format!("{:.2}", last as f64 / first as f64));
    table.row([&format!("resident after {} cases", many.max(FEW)), &memory(last), &growth]);
    let all = parts.generating + parts.executing + parts.judging;
    let per_second = |n: u64, time: Duration| n as f64 / time.as_secs_f64();
    let share = |time: Duration| format!("{:.2}", time.as_secs_f64() / all.as_secs_f64());
    table.row(["in process, one core", &format!("{:.0} commands/s", per_second(parts.commands, all)), "1.00"]);
    table.row(["in process, one core", &format!("{:.0} requests/s", per_second(parts.requests, all)), ""]);
    table.row(["  of it generating", &format!("{:.2} s", parts.generating.as_secs_f64()), &share(parts.generating)]);
    table.row(["  of it executing", &format!("{:.2} s", parts.executing.as_secs_f64()), &share(parts.executing)]);
    table.row(["  of it judging", &format!("{:.2} s", parts.judging.as_secs_f64()), &share(parts.judging)]);
}

/// An endpoint that measures for how long it was asked to wait.
struct Timed {
    inner: Http,
    waited_us: AtomicU64,
}

impl Endpoint for Timed {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.inner.send(call)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        Box::pin(async move {
            let began = Instant::now();
            self.inner.wait(ms).await;
            let waited = began.elapsed().as_micros() as u64;
            self.waited_us.fetch_add(waited, Ordering::Relaxed);
        })
    }

    fn name(&self) -> String {
        self.inner.name()
    }
}

/// An endpoint that keeps the calls that it was sent, by case.
struct Kept {
    set: &'static SpecSet,
    inner: Http,
    /// The name of each execution, with its calls.
    cases: Mutex<Vec<(String, Vec<Sample>)>>,
    /// The latest call, which no execution has told of yet.
    latest: Mutex<Option<Sample>>,
}

/// A call, with the ids of what it made.
struct Sample {
    call: Call,
    made: Vec<String>,
}

impl Endpoint for Kept {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(async move {
            let reply = self.inner.send(call).await;
            let sample = Sample { call: call.clone(), made: made(self.set, call, &reply) };
            *self.latest.lock().expect("nobody panics") = Some(sample);
            reply
        })
    }

    fn note(&self, noted: &Noted<'_>) {
        let Some(sample) = self.latest.lock().expect("nobody panics").take() else { return };
        let mut cases = self.cases.lock().expect("nobody panics");
        match cases.last_mut().filter(|(name, _)| name == noted.execution) {
            Some((_, calls)) => calls.push(sample),
            None => cases.push((noted.execution.to_owned(), vec![sample])),
        }
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        self.inner.name()
    }
}

/// Ids of what a call has made.
fn made(set: &SpecSet, call: &Call, reply: &Reply) -> Vec<String> {
    let Reply::Success { fields, .. } = reply else { return Vec::new() };
    let created = set.operation(call.operation).fields.iter().filter(|field| field.creates.is_some());
    created.filter_map(|field| field_at(fields, &field.name).map(plain)).collect()
}

/// Sends the calls of a case again, with the ids of what is made this time.
async fn send_again(set: &SpecSet, client: &Http, calls: &[Sample]) {
    let mut names: Vec<(&str, String)> = Vec::new();
    for Sample { call, made: before } in calls {
        let mut call = call.clone();
        if !names.is_empty() {
            call.arguments.iter_mut().flatten().for_each(|value| rename(value, &names));
        }
        let reply = client.send(&call).await;
        assert!(matches!(reply, Reply::Success { .. } | Reply::Refused { .. }), "{reply:?}");
        names.extend(before.iter().map(String::as_str).zip(made(set, &call, &reply)));
    }
}

fn rename(value: &mut Value, names: &[(&str, String)]) {
    match value {
        Value::String(text) => {
            for (before, now) in names {
                if text.contains(before) {
                    *text = text.replace(before, now);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

/// Requests per second.
struct Compared {
    suite: f64,
    /// Of the same client without the suite: it sends the same calls, in the same order, to the same mock.
    bare: f64,
    /// The part of the suite's time in which its workers let time pass.
    waiting: f64,
}

async fn over_http(
    set: &'static Arc<SpecSet>,
    at: OpRef,
    generator: &'static Generator<'static>,
    workers: usize,
) -> Compared {
    // Calls that take their time would make the mock what is measured.
    let policy = Policy { work_ms: 0, ..Policy::new(set, SETTLE_MS) };
    let front = Front::new(Mock::new(set.clone(), policy), Vec::new());
    let server = Server::start(front, ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let target = Target {
        url: Url::parse(&server.url()).expect("a URL"),
        credential: Credential::pair(MAIN),
        restricted: None,
        scheme: set.service(at).signing[0].clone(),
        placement: Placement::PostQuery,
        format: Format::Json,
    };
    let client = || {
        let targets = BTreeMap::from([(at.service, target.clone())]);
        Http::new(set.clone(), targets, Duration::from_secs(30)).expect("a client")
    };
    let settings = Settings {
        cases: Some(HTTP_CASES),
        workers,
        shrink_requests: 0,
        ..Settings::new("throughput", at, around(set))
    };
    // What keeps takes fresh memory all the time, so that is done beforehand; with one worker, cases do not mix.
    let kept = Arc::new(Kept { set, inner: client(), cases: Mutex::default(), latest: Mutex::default() });
    run(set, &Settings { workers: 1, ..settings.clone() }, generator, kept.clone()).await;
    let timed = Arc::new(Timed { inner: client(), waited_us: AtomicU64::new(0) });
    let outcome = run(set, &settings, generator, timed.clone()).await;
    let suite = outcome.requests as f64 / outcome.seconds;
    let cases = std::mem::take(&mut *kept.cases.lock().expect("nobody panics"));
    let requests: usize = cases.iter().map(|(_, calls)| calls.len()).sum();
    let (cases, next) = (Arc::new(cases), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let loops: Vec<_> = (0..workers)
        .map(|_| {
            let (timed, next, cases) = (timed.clone(), next.clone(), cases.clone());
            tokio::spawn(async move {
                while let Some((_, calls)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    send_again(set, &timed.inner, calls).await;
                }
            })
        })
        .collect();
    for one in loops {
        one.await.expect("no request fails");
    }
    let bare = requests as f64 / began.elapsed().as_secs_f64();
    server.stop().await;
    let waited = timed.waited_us.load(Ordering::Relaxed) as f64 / 1e6;
    Compared { suite, bare, waiting: waited / workers as f64 / outcome.seconds }
}

/// A run that learns the endpoint's pace anew.
async fn run(
    set: &Arc<SpecSet>,
    settings: &Settings,
    generator: &Generator<'_>,
    endpoint: Arc<dyn Endpoint>,
) -> Outcome {
    let settings = Settings { around: around(set), ..settings.clone() };
    let outcome = run_planned(set, &settings, generator, &[endpoint], &|_| {}).await;
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    outcome
}

#[derive(Default)]
struct Parts {
    commands: u64,
    requests: u64,
    generating: Duration,
    executing: Duration,
    judging: Duration,
}

/// Generates, executes and judges, one case after the other.
fn in_process(
    set: &Arc<SpecSet>,
    at: OpRef,
    generator: &Generator<'_>,
    cases: std::ops::Range<u64>,
    parts: &mut Parts,
) {
    let endpoint = InProcess::new(Mock::new(set.clone(), Policy::new(set, SETTLE_MS)));
    let around = around(set);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for number in cases {
        let began = Instant::now();
        let script = generator.case(number).expect("there are aims");
        let generated = Instant::now();
        let history = runtime.block_on(execute(set, &script, &endpoint, &around, &number.to_string()));
        let executed = Instant::now();
        let judged = judge(set, &script, &history);
        parts.judging += executed.elapsed();
        parts.executing += executed - generated;
        parts.generating += generated - began;
        parts.commands += script.commands.len() as u64;
        parts.requests += history.exchanges.len() as u64;
        assert!(judged.findings.is_empty(), "{} departs: {:?}", set.operation(at).id, judged.findings);
    }
}

fn around(set: &SpecSet) -> Surroundings {
    Surroundings {
        givens: Givens::defaults(set),
        run: "throughput".into(),
        patience_ms: 2_000,
        linger_ms: 0,
        clean: true,
        pace: Default::default(),
    }
}

/// Memory of this process, where the system tells.
fn resident_kb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[derive(Default)]
struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    fn row(&mut self, cells: [&str; 3]) {
        self.rows.push(cells.map(str::to_owned));
    }

    fn print(&self) {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0).max(4), width(1).max(6));
        println!("{:first$}  {:>second$}  ratio", "what", "figure");
        for [what, figure, ratio] in &self.rows {
            println!("{what:first$}  {figure:>second$}  {ratio:>5}");
        }
    }
}
