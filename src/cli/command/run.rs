//! `aswritten run`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    campaign::{self, Outcome, Settings, Verdict, counterexample},
    cli::{
        args::{Format, Global, Run},
        connect,
        exit_code::ExitCode,
        failure::Failure,
        progress::Progress,
        reports, selector, signals, specs, terminal,
    },
    report::{self, Context},
    spec::SpecSet,
};

/// Runs the suite.
pub async fn run(args: &Run, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let selection = selector::select(&set, &args.selectors)?;
    let plan = connect::plan(&set, &args.endpoint, selection)?;
    reports::check(&args.report)?;
    let seed = args.seed.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let connected = plan.connect(&seed, global.verbose).await?;
    let only = connected.options.only.clone();
    let settings = Settings {
        seed,
        operations: connected.operations.clone(),
        cases: args.cases,
        workers: args.workers.map_or(connected.workers, usize::from),
        max_requests: args.max_requests,
        max_time: args.max_time,
        shrink_requests: args.shrink_requests,
        stop_at_first: false,
        around: connected.around.clone(),
        options: connected.options.clone(),
        interrupted: Arc::default(),
    };
    signals::watch(settings.interrupted.clone());
    let progress = Progress::new(global.quiet);
    let mut outcome = campaign::run(&set, &settings, &connected.endpoints, &|event| progress.tell(&event)).await;
    // Ports of our own mock mean nothing to a reader.
    outcome.endpoint.clone_from(&connected.name);
    let replay = write_counterexamples(&set, &outcome, &args.counterexamples);
    let context = Context {
        set: &set,
        outcome: &outcome,
        replay: &replay,
        addresses: &connected.addresses,
        only: &only,
        detail: reports::detail(global),
    };
    reports::deliver(&args.report, |format| match format {
        Format::Human => report::human::text(&context),
        Format::Json => report::json::text(&context),
    })?;
    Ok(exit_code(&outcome))
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
