//! Many cases for each SDK, and what they add up to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use super::{
    bench::{Bench, BenchError, Seen, Surfaced},
    case::Case,
    catalogue::{Adapter, Catalogue, Deviation},
    generate::{Cases, Stock},
    judge::{Breach, is_overtaken, judge, too_late},
    process::{Launch, Process},
    protocol::Known,
    shrink::shrink,
};
use crate::{
    campaign::Verdict,
    spec::{SpecSet, service::OpRef},
};

/// What to run.
pub struct Settings {
    pub seed: String,
    /// Cases for each SDK; all when absent.
    pub cases: Option<usize>,
    pub workers: usize,
    pub deviations: Vec<Deviation>,
    pub interrupted: Arc<AtomicBool>,
}

/// An adapter that is to be run.
#[derive(Clone)]
pub struct Candidate {
    pub adapter: Arc<Adapter>,
    pub launch: Launch,
    /// Only these services; all when empty.
    pub services: Vec<String>,
}

/// Everything that was found.
#[derive(Debug)]
pub struct Outcome {
    pub seed: String,
    pub seconds: f64,
    pub interrupted: bool,
    pub sdks: Vec<SdkResult>,
    pub findings: Vec<Finding>,
    /// Deviations that are known, and did not occur although their requirement was exercised: with the SDK that no longer
    /// shows them.
    pub stale: Vec<(Deviation, Known)>,
    /// Adapters that were of no use, with why.
    pub broken: Vec<(String, String)>,
}

/// What one SDK did.
#[derive(Debug, Clone)]
pub struct SdkResult {
    pub adapter: Arc<Adapter>,
    pub known: Known,
    pub runtime: String,
    /// Id of the documented operation that was called.
    pub operation: String,
    pub cases: u64,
    pub requests: u64,
    /// In the order of the catalogue.
    pub requirements: Vec<RequirementResult>,
    /// Why it ended early.
    pub trouble: Option<String>,
}

#[derive(Debug, Clone)]
pub struct RequirementResult {
    /// Index into the catalogue.
    pub requirement: usize,
    pub exercised: u64,
    pub broken: u64,
    /// Broken in ways that are all known.
    pub known: bool,
    pub verdict: Verdict,
}

/// One departure, whichever SDKs of an adapter show it.
#[derive(Debug, Clone)]
pub struct Finding {
    pub key: String,
    pub adapter: Arc<Adapter>,
    pub requirement: usize,
    pub breach: Breach,
    /// The SDKs that show it; it was shrunk with the first.
    pub sdks: Vec<Known>,
    pub runtime: String,
    pub case: Case,
    pub seen: Seen,
    pub stable: bool,
    /// Cases that show it.
    pub cases: u64,
    pub requests_to_failure: u64,
    pub shrink_requests: u64,
    /// Why it does not count.
    pub known: Option<String>,
}

impl Finding {
    /// It makes the verdict: it is not known, and showed itself each time it was run again.
    pub fn counts(&self) -> bool {
        self.known.is_none() && self.stable
    }

    /// What the caller was told, as data.
    pub fn surfaced(&self) -> Value {
        match &self.seen.surfaced {
            Surfaced::Success { fields: Some(fields), .. } => json!({ "success": fields }),
            Surfaced::Success { text, .. } => json!({ "success": text }),
            Surfaced::Error(shown) => json!({ "error": shown }),
            Surfaced::Hung => json!("nothing"),
            Surfaced::Died(stderr) => json!({ "ended": stderr }),
        }
    }
}

impl Outcome {
    pub fn verdict(&self) -> Verdict {
        let is_exercised = self.sdks.iter().any(|sdk| sdk.requirements.iter().any(|result| result.exercised > 0));
        let is_unsure = self.findings.iter().any(|finding| finding.known.is_none() && !finding.stable);
        if self.findings.iter().any(Finding::counts) || !self.stale.is_empty() {
            Verdict::Violates
        } else if is_unsure
            || !self.broken.is_empty()
            || !is_exercised
            || self.sdks.iter().any(|sdk| sdk.trouble.is_some())
        {
            Verdict::Inconclusive
        } else {
            Verdict::Conforms
        }
    }

    pub fn requests(&self) -> u64 {
        self.sdks.iter().map(|sdk| sdk.requests).sum()
    }

    pub fn cases(&self) -> u64 {
        self.sdks.iter().map(|sdk| sdk.cases).sum()
    }
}

/// Calls that did not come back, after which an SDK is left alone: each takes a while.
const MOST_HUNG: u32 = 2;

/// One SDK to be run.
struct Job {
    candidate: Candidate,
    known: Known,
    stock: Arc<Stock>,
    /// Its place in the report.
    place: usize,
}

/// Runs every SDK of the adapters.
pub fn run(
    set: &Arc<SpecSet>,
    catalogue: &Catalogue,
    candidates: Vec<Candidate>,
    settings: &Settings,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Outcome {
    let began = Instant::now();
    let mut broken = Vec::new();
    let mut jobs: VecDeque<Job> = VecDeque::new();
    let mut stocks: BTreeMap<OpRef, Arc<Stock>> = BTreeMap::new();
    for candidate in candidates {
        match Process::greet(&candidate.launch) {
            Ok((_, hello)) => {
                let services: Vec<&str> = hello.sdks.iter().map(|known| &*known.service).collect();
                for wanted in candidate.services.iter().filter(|wanted| !services.contains(&&***wanted)) {
                    let why = format!("run it with `{wanted}`: it has {}", services.join(", "));
                    broken.push((candidate.adapter.name.clone(), why));
                }
                for known in hello.sdks {
                    if !candidate.services.is_empty() && !candidate.services.contains(&known.service) {
                        continue;
                    }
                    let Some(at) = documented(set, &known.service) else { continue };
                    let stock = stocks.entry(at).or_insert_with(|| Arc::new(Stock::new(set, at, &settings.seed)));
                    let job = Job { candidate: candidate.clone(), known, stock: stock.clone(), place: jobs.len() };
                    jobs.push_back(job);
                }
            }
            Err(error) => broken.push((candidate.adapter.name.clone(), error.to_string())),
        }
    }
    // What takes longest begins first, so that nobody waits for it in the end.
    jobs.make_contiguous().sort_by_key(|job| !job.candidate.adapter.slow);
    let of = jobs.len();
    let queue = Mutex::new((jobs, 0));
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let (job, number) = {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(job) = queue.0.pop_front() else { return };
                queue.1 += 1;
                (job, queue.1)
            };
            progress(&job.known.sdk, number, of);
            let result = run_sdk(set, catalogue, &job, settings);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((job.place, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..settings.workers.max(1) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    let (mut sdks, mut findings) = (Vec::new(), Vec::<Finding>::new());
    for (_, (sdk, found)) in done {
        sdks.push(sdk);
        for finding in found {
            match findings.iter_mut().find(|known| known.key == finding.key) {
                Some(known) => {
                    known.sdks.extend(finding.sdks);
                    known.cases += finding.cases;
                }
                None => findings.push(finding),
            }
        }
    }
    let order = |finding: &Finding| (finding.adapter.name.clone(), finding.requirement);
    findings.sort_by_key(order);
    let stale = match_known(catalogue, settings, &mut findings, &mut sdks);
    Outcome {
        seed: settings.seed.clone(),
        seconds: began.elapsed().as_secs_f64(),
        interrupted: settings.interrupted.load(Ordering::Relaxed),
        sdks,
        findings,
        stale,
        broken,
    }
}

/// The documented operation of a service, in its current edition.
fn documented(set: &SpecSet, service: &str) -> Option<OpRef> {
    set.operations()
        .find(|(at, operation)| {
            set.service(*at).name == service && operation.is_documented() && operation.edition.is_none()
        })
        .map(|(at, _)| at)
}

fn run_sdk(set: &Arc<SpecSet>, catalogue: &Catalogue, job: &Job, settings: &Settings) -> (SdkResult, Vec<Finding>) {
    let requirements = (0..catalogue.requirements.len())
        .map(|requirement| RequirementResult {
            requirement,
            exercised: 0,
            broken: 0,
            known: false,
            verdict: Verdict::NotExercised,
        })
        .collect();
    let mut result = SdkResult {
        adapter: job.candidate.adapter.clone(),
        known: job.known.clone(),
        runtime: String::new(),
        operation: set.operation(job.stock.at).id.clone(),
        cases: 0,
        requests: 0,
        requirements,
        trouble: None,
    };
    let mut findings = Vec::new();
    if let Err(error) = try_sdk(set, catalogue, job, settings, &mut result, &mut findings) {
        result.trouble = Some(error.to_string());
    }
    for requirement in &mut result.requirements {
        requirement.verdict = match (requirement.exercised, requirement.broken) {
            (0, _) => Verdict::NotExercised,
            (_, 0) => Verdict::Conforms,
            _ => Verdict::Violates,
        };
    }
    (result, findings)
}

fn try_sdk(
    set: &Arc<SpecSet>,
    catalogue: &Catalogue,
    job: &Job,
    settings: &Settings,
    result: &mut SdkResult,
    findings: &mut Vec<Finding>,
) -> Result<(), BenchError> {
    let Candidate { adapter, launch, .. } = &job.candidate;
    let started = Process::greet(launch)?;
    let mut bench = Bench::new(set.clone(), adapter.clone(), launch.clone(), started, job.known.clone())?;
    result.runtime = bench.runtime.clone();
    let seed = format!("{}/{}/{}", settings.seed, adapter.name, job.known.service);
    let cases = Cases::new(set.clone(), job.stock.clone(), adapter.clone(), &seed);
    let mut n_hung = 0;
    for number in 0..settings.cases.unwrap_or(cases.len()) {
        if settings.interrupted.load(Ordering::Relaxed) {
            return Ok(());
        }
        if n_hung >= MOST_HUNG {
            result.trouble = Some(format!("{n_hung} calls did not come back, so no more were made"));
            return Ok(());
        }
        let Some(case) = cases.case(number) else { continue };
        result.cases += 1;
        // One case may show the same several times.
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut seen = bench.run(&case)?;
        if seen.iter().any(is_overtaken) {
            // The machine may have been busy; not twice.
            result.requests += seen.iter().map(|seen| seen.arrivals.len() as u64).sum::<u64>();
            seen = bench.run(&case)?;
        }
        for seen in seen {
            result.requests += seen.arrivals.len() as u64;
            n_hung += u32::from(matches!(seen.surfaced, Surfaced::Hung));
            for judgement in judge(set, adapter, &case, &seen).into_iter().chain(too_late(&seen)) {
                let Some(index) = catalogue.requirements.iter().position(|known| known.id == judgement.requirement)
                else {
                    continue;
                };
                let tally = &mut result.requirements[index];
                tally.exercised += 1;
                let Some(breach) = judgement.breach else { continue };
                tally.broken += 1;
                let key = format!("{}/{} {}", adapter.name, judgement.requirement, breach.symptom);
                let is_new = told.insert(key.clone());
                if let Some(known) = findings.iter_mut().find(|finding| finding.key == key) {
                    known.cases += u64::from(is_new);
                    continue;
                }
                let requests_to_failure = result.requests;
                let shrunk = shrink(&mut bench, &job.stock, &case, &seen, judgement.requirement, &breach)?;
                findings.push(Finding {
                    key,
                    adapter: adapter.clone(),
                    requirement: index,
                    breach: shrunk.breach,
                    sdks: vec![job.known.clone()],
                    runtime: bench.runtime.clone(),
                    case: shrunk.case,
                    seen: shrunk.seen,
                    stable: shrunk.stable,
                    cases: 1,
                    requests_to_failure,
                    shrink_requests: shrunk.requests,
                    known: None,
                });
            }
        }
    }
    Ok(())
}

/// Marks what is known; returns what is known and did not occur.
fn match_known(
    catalogue: &Catalogue,
    settings: &Settings,
    findings: &mut [Finding],
    sdks: &mut [SdkResult],
) -> Vec<(Deviation, Known)> {
    let mut stale = Vec::new();
    // A short run may not have come to it.
    let is_whole = settings.cases.is_none() && !settings.interrupted.load(Ordering::Relaxed);
    for deviation in &settings.deviations {
        let is_meant = |finding: &&mut Finding| {
            finding.adapter.name == deviation.adapter
                && catalogue.requirements[finding.requirement].id == deviation.requirement
                && finding.breach.symptom == deviation.symptom
        };
        // It belongs to versions: with others, it is looked at anew.
        let names = |known: &Known| deviation.sdks.contains(&format!("{} {}", known.sdk, known.sdk_version));
        let mut found = findings.iter_mut().find(is_meant);
        if let Some(finding) = &mut found
            && finding.sdks.iter().all(names)
        {
            finding.known = Some(deviation.reason.clone());
        }
        let shown = found.map(|finding| finding.sdks.clone()).unwrap_or_default();
        // SDKs of one adapter share what deviates, and not every run comes to it with each of them.
        if shown.iter().any(names) {
            continue;
        }
        for sdk in sdks.iter().filter(|sdk| sdk.adapter.name == deviation.adapter && names(&sdk.known)) {
            let was_exercised = sdk.requirements.iter().any(|result| {
                result.exercised > 0 && catalogue.requirements[result.requirement].id == deviation.requirement
            });
            if is_whole && was_exercised && sdk.trouble.is_none() {
                stale.push((deviation.clone(), sdk.known.clone()));
            }
        }
    }
    for sdk in sdks {
        for result in sdk.requirements.iter_mut().filter(|result| result.broken > 0) {
            let mut shown = findings.iter().filter(|finding| {
                finding.requirement == result.requirement
                    && finding.adapter.name == sdk.adapter.name
                    && finding.sdks.contains(&sdk.known)
            });
            result.known = shown.all(|finding| finding.known.is_some());
        }
    }
    stale
}
