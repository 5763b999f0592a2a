//! `aswritten run`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::dry_plan;
use crate::{
    campaign::{self, Outcome, Settings, Verdict, counterexample},
    cli::{
        args::{Format, Global, Run},
        connect,
        exit_code::ExitCode,
        failure::Failure,
        profile::{self, Profile},
        progress::Progress,
        reports, selector, signals, specs, terminal,
    },
    guard::Budget,
    report::{self, Account, Context},
    spec::SpecSet,
};

/// Runs the suite.
pub async fn run(args: &Run, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let profile = profile::load(&set, &args.endpoint)?;
    let of_profile = profile.as_ref().filter(|_| args.selectors.is_empty()).map(|profile| &profile.services);
    let selection = selector::select(&set, of_profile.unwrap_or(&args.selectors))?;
    let plan = connect::plan(&set, &args.endpoint, profile, selection)?;
    reports::check(&args.report)?;
    let seed = args.seed.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let profile = plan.profile.clone().unwrap_or_default();
    let limit = Limit::of(args, &profile);
    if args.dry_plan {
        terminal::print(&dry_plan::text(&set, &plan, &seed, limit));
        return Ok(ExitCode::Fine);
    }
    let began = Instant::now();
    let connected = plan.connect(&seed, global.verbose).await?;
    let only = connected.options.only.clone();
    let settings = Settings {
        seed,
        operations: connected.operations.clone(),
        cases: limit.cases,
        workers: args.workers.map_or(connected.workers, usize::from),
        max_requests: limit.requests,
        max_time: limit.time,
        shrink_requests: args.shrink_requests,
        stop_at_first: false,
        around: connected.around.clone(),
        options: connected.options.clone(),
        interrupted: connected.stop.clone(),
    };
    signals::watch(settings.interrupted.clone());
    let progress = Progress::new(global.quiet);
    let mut outcome = campaign::run(&set, &settings, &connected.endpoints, &|event| progress.tell(&event)).await;
    let account = match &connected.guard {
        Some(guard) => {
            let swept = guard.sweep(&set).await;
            guard.tell(&swept, global.quiet);
            Some(Account {
                run: guard.endpoint.ledger().run(),
                budget: Budget { requests: limit.requests, ..guard.endpoint.rules().budget.clone() },
                time: limit.time,
                usage: guard.endpoint.usage(),
                seconds: began.elapsed().as_secs_f64(),
                swept,
            })
        }
        None => None,
    };
    // Ports of our own mock mean nothing to a reader.
    outcome.endpoint.clone_from(&connected.name);
    let replay = write_counterexamples(&set, &outcome, &args.counterexamples);
    let context = Context {
        set: &set,
        outcome: &outcome,
        replay: &replay,
        addresses: &connected.addresses,
        only: &only,
        account: account.as_ref(),
        detail: reports::detail(global),
    };
    reports::deliver(&args.report, |format| match format {
        Format::Human => report::human::text(&context),
        Format::Json => report::json::text(&context),
    })?;
    if let Some(reason) = connected.guard.as_ref().and_then(|guard| guard.endpoint.ledger().failure()) {
        return Err(Failure::environment(format!("{reason}; nothing more was created"))
            .help("`--ledger DIR` names another folder"));
    }
    let is_left = account.is_some_and(|account| !account.swept.is_clean());
    Ok(match exit_code(&outcome) {
        ExitCode::Fine if is_left => ExitCode::Left,
        code => code,
    })
}

/// How much a run does at most: as was typed, or as the profile says.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub cases: Option<u64>,
    pub requests: Option<u64>,
    pub time: Option<Duration>,
}

impl Limit {
    fn of(args: &Run, profile: &Profile) -> Self {
        let minutes = profile.budget.minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
        Self {
            cases: args.cases.or(profile.cases),
            requests: args.max_requests.or(profile.budget.requests),
            time: args.max_time.or(minutes),
        }
    }
}

/// Writes a file for each finding; their paths by key.
fn write_counterexamples(set: &SpecSet, outcome: &Outcome, folder: &Path) -> BTreeMap<String, String> {
    let mut paths = BTreeMap::new();
    for result in &outcome.findings {
        let path: PathBuf = folder.join(counterexample::file_name(&result.finding.key));
        let text = counterexample::write(set, &outcome.seed, &outcome.endpoint, result);
        match fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)) {
            Ok(()) => {
                paths.insert(result.finding.key.clone(), path.display().to_string());
            }
            Err(error) => terminal::warning(&format!("cannot write the counterexample {}: {error}", path.display())),
        }
    }
    paths
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.interrupted {
        return ExitCode::Interrupted;
    }
    match outcome.verdict {
        Verdict::Conforms => ExitCode::Fine,
        Verdict::Violates => ExitCode::Violations,
        Verdict::Inconclusive => ExitCode::Inconclusive,
        Verdict::NotExercised => ExitCode::Nothing,
    }
}
