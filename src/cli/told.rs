//! What a run comes to, executed or recorded: counterexamples, reports, what changed, exit code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    args::{Global, RunReportArgs},
    exit_code::ExitCode,
    failure::Failure,
    reports, terminal,
};
use crate::{
    campaign::{Outcome, Verdict, counterexample},
    record,
    report::{Account, Addresses, Changes, Context, changes::Summary, json},
    spec::{SpecSet, service::OpRef},
};

/// What reports are made of, besides the outcome.
pub struct Around<'a> {
    pub set: &'a SpecSet,
    pub addresses: &'a Addresses,
    pub only: &'a [(OpRef, usize)],
    /// What the run did to an account; nothing on a mock of our own, nor of a record.
    pub account: Option<&'a Account>,
    /// When the run began.
    pub started: &'a str,
}

/// Writes counterexamples and reports; the report as JSON, for the record.
///
/// # Errors
/// A file that cannot be written.
pub fn tell(
    around: &Around<'_>,
    outcome: &Outcome,
    args: &RunReportArgs,
    baseline: Option<&Summary>,
    global: &Global,
) -> Result<serde_json::Value, Failure> {
    let replay = write_counterexamples(around.set, outcome, &args.counterexamples);
    let root = global.specs.as_ref().map_or("specs".into(), |root| root.display().to_string());
    let mut context = Context {
        set: around.set,
        outcome,
        replay: &replay,
        addresses: around.addresses,
        only: around.only,
        account: around.account,
        detail: reports::detail(global),
        changes: None,
        started: around.started,
        root: &root,
    };
    let changes = baseline.map(|before| {
        let name = args.baseline.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        // Our own report can be read.
        let now = Summary::of(&json::value(&context)).unwrap_or_default();
        Changes::since(&name, before, &now)
    });
    context.changes = changes.as_ref();
    reports::deliver(args.format, &args.reports, |reporter| (reporter.text)(&context))?;
    Ok(json::value(&context))
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

/// Reads the run to compare with: a record, or a report as JSON.
///
/// # Errors
/// A file that is neither.
pub fn baseline(set: &SpecSet, path: &Path) -> Result<Summary, Failure> {
    let name = path.display();
    let wrong = |why: String| {
        Failure::usage(format!("cannot compare with {name}: {why}"))
            .help("`--baseline` takes what `--events` or `--report json` wrote")
    };
    match record::read(path) {
        Ok(record) => {
            // What was reported then counts, whatever the specs say today.
            let report = match &record.end {
                Some(end) => end.report.clone(),
                None => {
                    terminal::warning(&format!("{name} ends before its run did; it is judged as far as it goes"));
                    let folded = record::fold(set, &[record]);
                    json::value(&Context {
                        set,
                        outcome: &folded.outcome,
                        replay: &BTreeMap::new(),
                        addresses: &Addresses::new(),
                        only: &folded.only,
                        account: None,
                        detail: crate::report::Detail::Usual,
                        changes: None,
                        started: "",
                        root: "",
                    })
                }
            };
            Summary::of(&report).map_err(wrong)
        }
        Err(record::read::ReadError::NoRecord { .. }) => {
            let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            let report = serde_json::from_str(&text).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
            Summary::of(&report).map_err(wrong)
        }
        Err(error) => Err(Failure::usage(format!("cannot {error}"))),
    }
}

/// How the process ends.
pub fn exit_code(outcome: &Outcome) -> ExitCode {
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
