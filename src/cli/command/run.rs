//! `aswritten run`.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::dry_plan;
use crate::{
    campaign::{self, Settings},
    cli::{
        args::{Global, Run},
        connect::{self, Connected},
        exit_code::ExitCode,
        failure::Failure,
        profile::{self, Profile},
        progress::Progress,
        reports, selector, signals, specs, terminal,
        told::{self, Around},
    },
    endpoint::Endpoint,
    guard::Budget,
    record::{Head, Log, Recorded, line::SCHEMA},
    report::Account,
    spec::SpecSet,
};

/// Runs the suite.
pub async fn run(args: &Run, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let profile = profile::load(&set, &args.endpoint)?;
    let of_profile = profile.as_ref().filter(|_| args.selectors.is_empty()).map(|profile| &profile.services);
    let selection = selector::select(&set, of_profile.unwrap_or(&args.selectors))?;
    let plan = connect::plan(&set, &args.endpoint, profile, selection)?;
    // It may be the file that the events are going to be written to.
    let baseline = args.report.baseline.as_ref().map(|path| told::baseline(&set, path)).transpose()?;
    reports::check(&args.report.reports)?;
    let seed = args.seed.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let profile = plan.profile.clone().unwrap_or_default();
    let limit = Limit::of(args, &profile);
    if args.dry_plan {
        terminal::print(&dry_plan::text(&set, &plan, &seed, limit));
        return Ok(ExitCode::Fine);
    }
    let began = Instant::now();
    let connected = plan.connect(&seed, global.verbose).await?;
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let chosen = args.workers.map(usize::from).or(profile.workers.map(|_| connected.workers));
    let settings = Settings {
        seed,
        operations: connected.operations.clone(),
        cases: limit.cases,
        workers: chosen.unwrap_or_else(|| limit.workers(connected.workers)),
        max_requests: limit.requests,
        max_time: limit.time,
        shrink_requests: args.shrink_requests,
        stop_at_first: false,
        around: connected.around.clone(),
        options: connected.options.clone(),
        interrupted: connected.stop.clone(),
    };
    let head = head(&set, &connected, &settings, args, &started);
    let log = args.events.as_ref().map(|path| log(path, &set, head, &connected)).transpose()?;
    let endpoints: Vec<Arc<dyn Endpoint>> = match &log {
        Some(log) => connected
            .endpoints
            .iter()
            .map(|endpoint| Arc::new(Recorded::new(endpoint.clone(), log.clone())) as Arc<dyn Endpoint>)
            .collect(),
        None => connected.endpoints.clone(),
    };
    if let (Some(guard), Some(log)) = (&connected.guard, &log) {
        let log = log.clone();
        guard.endpoint.tell(Box::new(move |call, reply| log.own(call, reply)));
    }
    signals::watch(settings.interrupted.clone());
    let progress = Progress::new(global.quiet);
    let tell = |event: campaign::Event<'_>| {
        progress.tell(&event);
        if let Some(log) = &log {
            log.tell(&event);
        }
    };
    let mut outcome = campaign::run_shard(&set, &settings, args.shard, &endpoints, &tell).await;
    let account = match &connected.guard {
        Some(guard) => {
            let swept = guard.sweep(&set).await;
            guard.tell(&swept, global.quiet);
            let usage = guard.endpoint.usage();
            // Shrinking comes last; where there was none, all that was sent belongs to the cases.
            let is_shrunk = outcome.shrink_requests > 0;
            let spent = if is_shrunk { outcome.spent.min(usage.requests) } else { usage.requests };
            Some(Account {
                run: guard.endpoint.ledger().run(),
                budget: Budget { requests: limit.requests, ..guard.endpoint.rules().budget.clone() },
                time: limit.time,
                usage,
                spent,
                seconds: began.elapsed().as_secs_f64(),
                swept,
            })
        }
        None => None,
    };
    // Ports of our own mock mean nothing to a reader.
    outcome.endpoint.clone_from(&connected.name);
    let around = Around {
        set: &set,
        addresses: &connected.addresses,
        only: &connected.options.only,
        account: account.as_ref(),
        started: &started,
    };
    let report = told::tell(&around, &outcome, &args.report, baseline.as_ref(), global)?;
    if let (Some(log), Some(path)) = (&log, &args.events)
        && let Err(error) = log.finish(&outcome, report)
    {
        terminal::warning(&format!("the record {} is not complete: {error}", path.display()));
    }
    if let Some(reason) = connected.guard.as_ref().and_then(|guard| guard.endpoint.ledger().failure()) {
        return Err(Failure::environment(format!("{reason}; nothing more was created"))
            .help("`--ledger DIR` names another folder"));
    }
    let is_left = account.is_some_and(|account| !account.swept.is_clean());
    Ok(match told::exit_code(&outcome) {
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

/// Requests of a budget for each case that runs at the same time.
const REQUESTS_EACH: u64 = 100;

impl Limit {
    fn of(args: &Run, profile: &Profile) -> Self {
        let minutes = profile.budget.minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
        Self {
            cases: args.cases.or(profile.cases),
            requests: args.max_requests.or(profile.budget.requests),
            time: args.max_time.or(minutes),
        }
    }

    /// Cases at the same time where nobody chose: with few requests, so few that some are left to send a call again that
    /// earned no answer.
    fn workers(&self, most: usize) -> usize {
        let Some(requests) = self.requests else { return most };
        usize::try_from(requests / REQUESTS_EACH).map_or(most, |affordable| most.min(affordable.max(1)))
    }
}

fn log(path: &Path, set: &Arc<SpecSet>, head: Head, connected: &Connected) -> Result<Arc<Log>, Failure> {
    if path == Path::new("-") {
        return Err(
            Failure::usage("events are written to a file, and `-` is none").help("name one: `--events run.jsonl`")
        );
    }
    let log = Log::create(path, set.clone(), head, &connected.secrets).map_err(|error| {
        Failure::usage(format!("cannot write the events {}: {error}", path.display()))
            .help("name a file in a folder that exists and can be written")
    })?;
    Ok(Arc::new(log))
}

/// What the record says of the run before it begins.
fn head(set: &SpecSet, connected: &Connected, settings: &Settings, args: &Run, started: &str) -> Head {
    let addresses = connected.addresses.iter();
    Head {
        schema: SCHEMA,
        aswritten: env!("CARGO_PKG_VERSION").into(),
        specs: set.digest.clone(),
        seed: settings.seed.clone(),
        endpoint: connected.name.clone(),
        own: connected.own,
        started: started.into(),
        shard: args.shard.to_string(),
        side_by_side: settings.are_side_by_side(args.shard),
        patience_ms: settings.around.patience_ms,
        operations: settings.operations.iter().map(|(at, _)| set.operation(*at).id.clone()).collect(),
        selected: connected.options.only.iter().map(|which| crate::record::line::id(set, *which)).collect(),
        addresses: addresses.map(|(service, at)| (set.services[*service].name.clone(), at.to_json())).collect(),
        ..Head::default()
    }
}
