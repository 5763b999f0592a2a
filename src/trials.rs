//! The suite as trials of a Rust test harness: one for each requirement of each documented operation.
//!
//! Any project can run them against a server of its own, with a test target that has `harness = false`:
//!
//! ```no_run
//! use aswritten::trials::{Trials, libtest_mimic};
//!
//! fn main() {
//!     let arguments = libtest_mimic::Arguments::from_args();
//!     libtest_mimic::run(&arguments, aswritten::trials(Trials::from_env())).exit();
//! }
//! ```
//!
//! Trials are named after requirements, `/` spelled `::`, so that `cargo test ecs::DeleteImage::error` and nextest select
//! them. Each is a small campaign of its own that aims at nothing but its requirement, and tries every way in which that can
//! be broken: it fails with what it found, and says why where it could not judge. What no sequence of calls can exercise is
//! ignored, with the reason.
//!
//! Without more they run against the embedded mock over a real socket. With `ASWRITTEN_ENDPOINT` set to a URL,
//! [`Trials::from_env`] aims them at that; credentials come from the environment variables that the specs name, and the
//! mock's well-known pair is used where they are not set, on this machine only.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
    time::Duration,
};

pub use libtest_mimic;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::Runtime;
use url::{Host, Url};

use crate::{
    campaign::{Outcome, Settings, Verdict, outcome::FindingResult, run_planned},
    endpoint::{
        Endpoint,
        http::{Http, Target},
        limits::Limits,
    },
    execute::{Givens, Surroundings, run_name},
    generate::{Generator, Options, Permit},
    guard::{Budget, Guarded, Ledger, Probes, Rules, record::About, sweep},
    mock::{
        Front, Mock, Policy,
        http::{MAIN, RESTRICTED, SERVER},
        server::Server,
    },
    model::Choices,
    oracle::finding::ReqRef,
    sequence::command::line,
    spec::{self, SpecSet, service::OpRef},
    value::{Key, given_place},
    wire::{Credential, Format, signing},
};

/// Variable with the URL that trials run against.
pub const ENDPOINT: &str = "ASWRITTEN_ENDPOINT";
/// Variables with a second credential, whose policy denies the documented operations.
pub const RESTRICTED_ID: &str = "ASWRITTEN_RESTRICTED_ID";
pub const RESTRICTED_SECRET: &str = "ASWRITTEN_RESTRICTED_SECRET";

/// Folder for ledgers of trials at a URL.
const LEDGERS: &str = ".aswritten/ledger";
/// How long to wait for what a trial left to be gone.
const TIDY_MS: u64 = 60_000;
/// How long the mock's asynchronous work takes.
const SETTLE_MS: u64 = 20;
/// Patience on the mock, many times that, because machines that run tests are busy.
const MOCK_PATIENCE_MS: u64 = 5_000;
/// Patience on another server of this machine.
const LOOPBACK_PATIENCE_MS: u64 = 10_000;
/// Patience for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Cases of one trial that run at the same time: they spend most of their time waiting.
const WORKERS: usize = 4;

/// What trials run against, and how much they do.
#[derive(Debug, Clone)]
pub struct Trials {
    pub subject: Subject,
    pub seed: String,
    /// Cases for each requirement, besides those that try every way to break it once.
    pub cases: u64,
    /// Things that a run needs and never creates, as `snapshot` or `ecs.snapshot` → value; the mock's where nothing is said.
    pub givens: BTreeMap<String, String>,
}

/// What is tested.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The embedded mock, on a socket of this machine.
    Mock,
    /// Whatever answers there, for every service. Only current editions of documents are judged.
    Url(Url),
    /// A text that was meant to be a URL: every trial fails and says so.
    Unknown(String),
}

impl Default for Trials {
    fn default() -> Self {
        Self { subject: Subject::Mock, seed: "trials".into(), cases: 4, givens: BTreeMap::new() }
    }
}

impl Trials {
    /// Trials of the URL in `ASWRITTEN_ENDPOINT`, or of the embedded mock.
    pub fn from_env() -> Self {
        match env::var(ENDPOINT).ok().filter(|text| !text.is_empty()) {
            Some(text) => Self::of(&text),
            None => Self::default(),
        }
    }

    /// The given things: the mock's, and those that were set.
    fn filled(&self) -> Givens {
        let mut givens = Givens::defaults(specs());
        for (service, described) in specs().services.iter().enumerate() {
            for given in &described.givens {
                if let Some(value) = self.value(&described.name, &given.name) {
                    givens.set(service, &given.name, value);
                }
            }
        }
        givens
    }

    /// Given things that nobody set, and that no account has by itself.
    fn missing(&self) -> BTreeSet<(usize, String)> {
        let services = specs().services.iter().enumerate();
        let all = services.flat_map(|(index, service)| service.givens.iter().map(move |given| (index, service, given)));
        let unset = all.filter(|(_, service, given)| {
            !given.real && !given.probe && self.value(&service.name, &given.name).is_none()
        });
        unset.map(|(index, _, given)| (index, given.name.clone())).collect()
    }

    fn value(&self, service: &str, name: &str) -> Option<&String> {
        self.givens.get(&format!("{service}.{name}")).or_else(|| self.givens.get(name))
    }

    /// Trials of a URL.
    pub fn of(url: &str) -> Self {
        let subject = match Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Subject::Url(url),
            _ => Subject::Unknown(url.to_owned()),
        };
        Self { subject, ..Self::default() }
    }
}

/// One trial for each requirement of each documented operation and edition.
///
/// # Panics
/// When the specs that this crate ships are broken, which its own tests rule out.
pub fn trials(trials: Trials) -> Vec<Trial> {
    let set = specs();
    let edition_is_served =
        |at: &OpRef| set.operation(*at).edition.is_none() || matches!(trials.subject, Subject::Mock);
    let requirements: Vec<(ReqRef, String)> = set
        .requirements()
        .filter(|(at, ..)| set.operation(*at).is_documented() && edition_is_served(at))
        .map(|(at, requirement, found)| ((at, requirement), found.id.replace('/', "::")))
        .collect();
    let bench = Arc::new(Bench::new(trials));
    requirements
        .into_iter()
        .map(|(aim, name)| {
            let bench = bench.clone();
            Trial::ignorable_test(name, move || bench.trial(aim))
        })
        .collect()
}

fn specs() -> &'static Arc<SpecSet> {
    static SPECS: LazyLock<Arc<SpecSet>> = LazyLock::new(|| match spec::embedded() {
        Ok(set) => Arc::new(set),
        Err(error) => panic!("the embedded specs are sound: {error}"),
    });
    &SPECS
}

/// The edition that a mock serves, and the answers that it gives otherwise than usual.
type MockKey = (Option<OpRef>, Vec<(usize, usize)>);

/// What all trials share: it is made when it is first needed, and only once.
struct Bench {
    trials: Trials,
    runtime: OnceLock<Result<Runtime, String>>,
    /// Plans take longer than trials.
    generators: BTreeMap<OpRef, OnceLock<Generator<'static>>>,
    /// By edition that is served, and by answers that differ from the first ones.
    mocks: Mutex<BTreeMap<MockKey, Subjected>>,
    given: OnceLock<Result<Subjected, String>>,
}

/// An endpoint, and what the suite may do with it.
#[derive(Clone)]
struct Subjected {
    endpoint: Arc<dyn Endpoint>,
    probes: bool,
    restricted: Vec<usize>,
    patience_ms: u64,
    linger_ms: u64,
    /// What stands before a URL: nothing but what the trials made is changed there.
    guard: Option<Arc<Guarded>>,
    /// What the account lacks, and what nobody agreed to.
    permit: Permit,
    /// Stops when the last trial is done.
    _server: Option<Arc<Server>>,
}

impl Bench {
    fn new(trials: Trials) -> Self {
        let documented = specs().operations().filter(|(_, operation)| operation.is_documented());
        Self {
            trials,
            runtime: OnceLock::new(),
            generators: documented.map(|(at, _)| (at, OnceLock::new())).collect(),
            mocks: Mutex::default(),
            given: OnceLock::new(),
        }
    }

    fn trial(&self, aim: ReqRef) -> Result<Completion, Failed> {
        let requirement = &specs().operation(aim.0).requirements[aim.1];
        if let Some(reason) = &requirement.unreachable {
            return Ok(Completion::ignored_with(reason));
        }
        if let Subject::Unknown(text) = &self.trials.subject {
            return Err(format!("{ENDPOINT} is `{text}`, which is no URL such as http://127.0.0.1:8080").into());
        }
        let subject = self.subject(aim.0, &Choices::default())?;
        let planned = self.generators[&aim.0].get_or_init(|| {
            let options = Options { only: Vec::new(), ..options(&subject, aim) };
            Generator::new(specs(), &[aim.0], &self.trials.seed, options)
        });
        let generator = planned.again(&self.trials.seed, options(&subject, aim));
        if let Some(reason) = generator.unplanned.get(&aim) {
            return Ok(Completion::ignored_with(reason));
        }
        let mut outcome = self.campaign(aim, &generator, &subject)?;
        // Some requirements only show themselves on an endpoint that answers an open question in another way.
        if matches!(self.trials.subject, Subject::Mock) && outcome.verdict != Verdict::Violates {
            let mut assumed: Vec<Choices> =
                generator.assumed(aim).filter(|choices| !choices.is_empty()).cloned().collect();
            assumed.dedup();
            for choices in assumed {
                if exercised(&outcome, aim) {
                    break;
                }
                outcome = self.campaign(aim, &generator, &self.subject(aim.0, &choices)?)?;
            }
        }
        verdict(&outcome, aim)
    }

    fn runtime(&self) -> Result<&Runtime, Failed> {
        let make = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2).enable_all().build().map_err(|error| format!("make a runtime: {error}"))
        };
        self.runtime.get_or_init(make).as_ref().map_err(Into::into)
    }

    fn campaign(&self, aim: ReqRef, generator: &Generator<'_>, subject: &Subjected) -> Result<Outcome, Failed> {
        let seed = &self.trials.seed;
        let around = Surroundings {
            givens: self.trials.filled(),
            run: subject.guard.as_ref().map_or_else(|| self.run_name(aim), |guard| guard.ledger().run()),
            patience_ms: subject.patience_ms,
            linger_ms: subject.linger_ms,
            clean: true,
            pace: Default::default(),
        };
        let settings = Settings {
            cases: Some(generator.n_tours() + self.trials.cases),
            workers: WORKERS,
            options: options(subject, aim),
            ..Settings::new(seed, aim.0, around)
        };
        let endpoints = [subject.endpoint.clone()];
        Ok(self.runtime()?.block_on(run_planned(specs(), &settings, generator, &endpoints, &|_| {})))
    }

    /// On the mock, every trial has a name of its own.
    fn run_name(&self, aim: ReqRef) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.trials.seed, aim).hash(&mut hasher);
        run_name(hasher.finish())
    }

    fn subject(&self, at: OpRef, answers: &Choices) -> Result<Subjected, Failed> {
        if let Subject::Url(url) = &self.trials.subject {
            let runtime = self.runtime()?;
            return self.given.get_or_init(|| runtime.block_on(reach(url, &self.trials))).clone().map_err(Into::into);
        }
        let edition = specs().operation(at).edition.is_some().then_some(at);
        // Answers belong to one operation, so mocks with other answers than the first serve one operation each.
        let key = (edition.or_else(|| (!answers.is_empty()).then_some(at)), answers.iter().collect());
        let mut mocks = self.mocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = mocks.get(&key) {
            return Ok(found.clone());
        }
        let mut policy = Policy::new(specs(), SETTLE_MS);
        if edition.is_some() {
            policy.edition(specs(), &specs().operation(at).id)?;
        }
        let known = policy.choices.entry(at).or_default();
        *known = known.joined(answers);
        let made = self.runtime()?.block_on(serve(policy))?;
        mocks.insert(key, made.clone());
        Ok(made)
    }
}

fn options(subject: &Subjected, aim: ReqRef) -> Options {
    let givens = specs().services.iter().flat_map(|service| &service.givens);
    let probes: BTreeSet<Key> =
        givens.filter(|given| given.probe && subject.probes).map(|given| given_place(&given.name)).collect();
    Options {
        probes: probes.into_iter().collect(),
        careful: !subject.probes,
        restricted: subject.restricted.clone(),
        only: vec![aim],
        permit: subject.permit.clone(),
    }
}

impl Drop for Bench {
    /// What the trials left at a URL goes with the last of them; what cannot be removed is in the ledger.
    fn drop(&mut self) {
        let Some(Ok(Subjected { guard: Some(guard), patience_ms, linger_ms, .. })) = self.given.get() else { return };
        if let Some(Ok(runtime)) = self.runtime.get() {
            let services = (0..specs().services.len()).collect();
            runtime.block_on(sweep(specs(), guard, &services, *patience_ms, *linger_ms));
        }
    }
}

/// A mock on a free port of this machine.
async fn serve(policy: Policy) -> Result<Subjected, String> {
    let front = Front::new(Mock::new(specs().clone(), policy), Vec::new());
    let server =
        Server::start(front, ([127, 0, 0, 1], 0).into()).await.map_err(|error| format!("start the mock: {error}"))?;
    let url = Url::parse(&server.url()).map_err(|error| error.to_string())?;
    let targets = (0..specs().services.len())
        .map(|service| {
            Ok((service, target(service, &url, Credential::pair(MAIN), Some(Credential::pair(RESTRICTED)))?))
        })
        .collect::<Result<_, String>>()?;
    let http = Http::new(specs().clone(), targets, TIMEOUT).map_err(|error| error.to_string())?;
    Ok(Subjected {
        endpoint: Arc::new(http),
        probes: true,
        restricted: (0..specs().services.len()).collect(),
        guard: None,
        permit: Permit::default(),
        patience_ms: MOCK_PATIENCE_MS,
        linger_ms: 3 * SETTLE_MS,
        _server: Some(Arc::new(server)),
    })
}

/// A client for a URL, once someone has answered there.
async fn reach(url: &Url, trials: &Trials) -> Result<Subjected, String> {
    let mut targets = BTreeMap::new();
    for (service, described) in specs().services.iter().enumerate() {
        let names = &described.credentials;
        let credential = match (first(&names.id), first(&names.secret)) {
            (Some(id), Some(secret)) => {
                Credential { id, secret: secret.into(), token: first(&names.token).map(Into::into) }
            }
            _ if is_loopback(url) => Credential::pair(MAIN),
            // The service cannot be called; its trials say so.
            _ => continue,
        };
        targets.insert(service, target(service, url, credential, restricted())?);
    }
    let mut http = Http::new(specs().clone(), targets, TIMEOUT).map_err(|error| error.to_string())?;
    let mut is_mock = false;
    if let Some(service) = (0..specs().services.len()).find(|service| http.has(*service)) {
        let server =
            http.greet(service).await.map_err(|trouble| format!("nobody answers at {url}: {}", trouble.text))?;
        is_mock = server.is_some_and(|name| name.split('/').next() == SERVER.split('/').next());
    }
    if is_mock {
        http.restrict(&Credential::pair(RESTRICTED));
    }
    let n_services = specs().services.len();
    let patience = specs().services.iter().map(|service| service.patience_ms).max().unwrap_or(LOOPBACK_PATIENCE_MS);
    let is_local = is_loopback(url);
    let restricted = (0..n_services).filter(|service| http.has_restricted(*service)).collect();
    let about = About {
        run: run_name(rand::random()),
        endpoints: specs().services.iter().map(|service| (service.name.clone(), url.to_string())).collect(),
        ..About::default()
    };
    let ledger = Ledger::create(Path::new(LEDGERS), about).map_err(|error| error.to_string())?;
    let probing = if is_mock && is_local { Probes::Free } else { Probes::DryRun };
    let limits = if is_local { Limits::default() } else { Limits::documented(specs()) };
    let budget = Budget { paid: is_local, paid_at_once: if is_local { usize::MAX } else { 1 }, ..Budget::default() };
    let rules = Rules { givens: trials.filled(), probes: probing, budget, patience_ms: TIDY_MS };
    let guard =
        Arc::new(Guarded::new(specs().clone(), Arc::new(http), rules, limits, Arc::new(ledger), Arc::default()));
    let permit = if is_local {
        Permit::default()
    } else {
        Permit { unpaid: true, thrifty: true, missing: trials.missing(), ..Permit::default() }
    };
    Ok(Subjected {
        probes: is_mock && is_local,
        restricted,
        permit,
        patience_ms: if is_loopback(url) { LOOPBACK_PATIENCE_MS } else { patience },
        linger_ms: if is_loopback(url) { 100 } else { 1_000 },
        endpoint: guard.clone(),
        guard: Some(guard),
        _server: None,
    })
}

fn target(service: usize, url: &Url, credential: Credential, restricted: Option<Credential>) -> Result<Target, String> {
    let described = &specs().services[service];
    let scheme = described.signing.first().and_then(|name| signing::find(name));
    let scheme = scheme.ok_or_else(|| format!("{} has no signing scheme", described.name))?;
    Ok(Target {
        url: url.clone(),
        credential,
        restricted,
        scheme: scheme.name().to_owned(),
        placement: scheme.preferred_placement(),
        format: Format::Json,
    })
}

fn restricted() -> Option<Credential> {
    let (id, secret) = (env::var(RESTRICTED_ID).ok()?, env::var(RESTRICTED_SECRET).ok()?);
    Some(Credential::pair((&id, &secret)))
}

/// The first variable that is set and not empty.
fn first(names: &[String]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

fn exercised(outcome: &Outcome, aim: ReqRef) -> bool {
    let results = outcome.operations.iter().filter(|result| result.at == aim.0).flat_map(|result| &result.requirements);
    results.into_iter().any(|result| result.requirement == aim.1 && result.exercised > 0)
}

fn verdict(outcome: &Outcome, aim: ReqRef) -> Result<Completion, Failed> {
    let counting: Vec<&FindingResult> = outcome.findings.iter().filter(|result| result.counts).collect();
    if !counting.is_empty() {
        return Err(counting.into_iter().map(described).collect::<Vec<_>>().join("\n\n").into());
    }
    let results = outcome.operations.iter().filter(|result| result.at == aim.0).flat_map(|result| &result.requirements);
    let result = results.into_iter().find(|result| result.requirement == aim.1);
    let Some(result) = result else { return Err("it was not judged".into()) };
    let reason = result.reason.clone().unwrap_or_default();
    match result.verdict {
        Verdict::Conforms => Ok(Completion::Completed),
        // Without trouble on the way, the endpoint just leaves open whether it was this requirement that it met.
        Verdict::NotExercised if outcome.reasons.is_empty() => Ok(Completion::ignored_with(reason)),
        Verdict::NotExercised | Verdict::Inconclusive => Err(format!("inconclusive: {reason}").into()),
        Verdict::Violates => Err("violated, and no finding says how".into()),
    }
}

/// A finding in words.
fn described(result: &FindingResult) -> String {
    let set = specs();
    let finding = &result.finding;
    let requirement = &set.operation(finding.requirement.0).requirements[finding.requirement.1];
    let mut lines = vec![
        finding.summary.clone(),
        format!("  requirement {} ({})", requirement.id, requirement.level),
        format!("  promised    {}", requirement.text),
        format!("  source      {}; {}", requirement.source, requirement.span),
        format!("  expected    {}", finding.expected.join(", or ")),
        format!("  actual      {}", finding.actual),
    ];
    for before in &finding.before {
        lines.push(format!("  before      {before}"));
    }
    for (index, command) in result.script.commands.iter().enumerate() {
        let replies = result.history.exchanges.iter().filter(|exchange| exchange.command == index);
        let replies: Vec<String> = replies.map(|exchange| exchange.reply.brief()).collect();
        lines.push(format!(
            "  {:>3}. {} -> {}",
            index + 1,
            line(set, command),
            replies.last().map_or("", String::as_str)
        ));
    }
    let again = result.again;
    if again.times > 0 && !again.is_stable() {
        lines.push(format!("  it showed itself {} of {} times that this was run again", again.shown, again.times));
    }
    lines.join("\n")
}
