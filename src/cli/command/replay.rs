//! `aswritten replay`.

use std::fs;

use crate::{
    campaign::{
        Verdict,
        counterexample::{self, Counterexample},
        replay::replay,
    },
    cli::{
        args::{Format, Global, Replay},
        connect,
        exit_code::ExitCode,
        failure::Failure,
        profile, reports,
        selector::Selection,
        specs,
    },
    report::replay::{self as report, Context},
    spec::{SpecSet, service::OpRef},
};

/// Times that a sequence is run, and a race.
const TIMES: u32 = 3;
const RACE_TIMES: u32 = 20;

/// Runs a counterexample again.
pub async fn run(args: &Replay, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let path = args.file.display().to_string();
    let text =
        fs::read_to_string(&args.file).map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?;
    let file = counterexample::read(&set, &text).map_err(|why| {
        Failure::usage(format!("cannot replay {path}: {why}"))
            .help("replay files are written by `aswritten run`, and name things of the specs")
    })?;
    let operations = documented(&set, &file);
    if operations.is_empty() {
        return Err(Failure::usage(format!("cannot replay {path}: it calls no documented operation")));
    }
    // Editions that the script names are meant.
    let selection = Selection { operations: operations.clone(), only: Vec::new() };
    let profile = profile::load(&set, &args.endpoint)?;
    let plan = connect::plan(&set, &args.endpoint, profile, selection)?;
    reports::check(&args.report.reports)?;
    let connected = plan.connect(&file.key, global.verbose).await?;
    let index = operations.iter().find_map(|at| connected.operations.iter().find(|(known, _)| known == at));
    let endpoint = &connected.endpoints[index.map_or(0, |(_, index)| *index)];
    let times = args.times.unwrap_or(if file.script.race().is_empty() { TIMES } else { RACE_TIMES });
    let replayed = replay(&set, &file, endpoint.as_ref(), &connected.around, times).await;
    let mut is_left = false;
    if let Some(guard) = &connected.guard {
        let swept = guard.sweep(&set).await;
        guard.tell(&swept, global.quiet);
        is_left = !swept.is_clean();
    }
    let context = Context {
        set: &set,
        file: &file,
        path: &path,
        replayed: &replayed,
        endpoint: &connected.name,
        addresses: &connected.addresses,
        detail: reports::detail(global),
    };
    reports::deliver(args.report.format, &args.report.reports, |format| match format {
        Format::Human => report::human(&context),
        Format::Json => report::json(&context),
    })?;
    Ok(match replayed.verdict {
        Verdict::Violates => ExitCode::Violations,
        Verdict::Inconclusive | Verdict::NotExercised => ExitCode::Inconclusive,
        Verdict::Conforms if is_left => ExitCode::Left,
        Verdict::Conforms => ExitCode::Fine,
    })
}

/// The documented operations of the script, in the order of their first calls.
fn documented(set: &SpecSet, file: &Counterexample) -> Vec<OpRef> {
    let mut operations = Vec::new();
    for at in file.script.commands.iter().map(|command| command.operation) {
        if set.operation(at).is_documented() && !operations.contains(&at) {
            operations.push(at);
        }
    }
    operations
}
