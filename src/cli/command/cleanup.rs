//! `aswritten cleanup`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        args::{Cleanup, EndpointArgs, Global},
        connect,
        exit_code::ExitCode,
        failure::Failure,
        profile, safety,
        selector::{self, Selection},
        specs, terminal,
    },
    guard::{
        Ledger, LedgerError,
        record::{About, Record},
    },
    spec::SpecSet,
};

/// Removes what runs have left.
pub async fn run(args: &Cleanup, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let folder = &args.endpoint.ledger;
    let mut all_clean = true;
    let mut paths = Vec::new();
    let mut unknown = Vec::new();
    if args.runs.is_empty() {
        paths = unclean(folder)?;
        if paths.is_empty() && !global.quiet {
            terminal::note(&format!("no ledger in {} has anything left", folder.display()));
        }
    }
    for run in &args.runs {
        check_name(run)?;
        let path = folder.join(format!("{run}.jsonl"));
        if path.is_file() { paths.push(path) } else { unknown.push(run.clone()) }
    }
    let is_somewhere = !args.endpoint.endpoints.is_empty() || args.endpoint.profile.is_some();
    if let Some(run) = unknown.first().filter(|_| args.list || !is_somewhere) {
        let help = "`--ledger` names the folder of its ledger; without one, `--endpoint` or `--profile` says where to look \
                    for what bears its name";
        return Err(Failure::usage(format!("there is no ledger of {run} in {}", folder.display())).help(help));
    }
    if args.list {
        paths.iter().try_for_each(|path| list(&set, path))?;
        return Ok(ExitCode::Fine);
    }
    for path in paths {
        let ledger = match Ledger::open(&path) {
            Ok(ledger) => ledger,
            Err(error @ LedgerError::Busy { .. }) if args.runs.is_empty() => {
                terminal::note(&format!("{error}; it is left alone"));
                continue;
            }
            Err(error) => return Err(safety::failure(error)),
        };
        all_clean &= clean(&set, ledger, args, global).await?;
    }
    for run in unknown {
        // What is found is noted like what a run makes.
        let ledger = Ledger::create(folder, About { run, ..About::default() }).map_err(safety::failure)?;
        all_clean &= clean(&set, ledger, args, global).await?;
    }
    Ok(if all_clean { ExitCode::Fine } else { ExitCode::Left })
}

/// Names of runs are short and plain; anything else might match what is not ours.
fn check_name(run: &str) -> Result<(), Failure> {
    let digits = run.strip_prefix("aw").unwrap_or_default();
    if digits.len() == 8 && digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{run}` is no name of a run"))
        .help("they look like aw0123abcd; reports and ledgers have them"))
}

/// Ledgers of a folder that do not end clean.
fn unclean(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::environment(format!("cannot read {}: {error}", folder.display()))),
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        match record(&path) {
            Ok(record) if record.clean => {}
            Ok(_) => found.push(path),
            // A run that was killed before its first line was written has created nothing.
            Err(why) if fs::metadata(&path).is_ok_and(|file| file.len() == 0) => drop(why),
            Err(why) => return Err(why),
        }
    }
    Ok(found)
}

fn record(path: &Path) -> Result<Record, Failure> {
    let text =
        fs::read(path).map_err(|error| Failure::environment(format!("cannot read {}: {error}", path.display())))?;
    let text = String::from_utf8_lossy(&text);
    Record::read(&text).map_err(|why| Failure::usage(format!("cannot read the ledger {}: {why}", path.display())))
}

fn list(set: &SpecSet, path: &Path) -> Result<(), Failure> {
    let record = record(path)?;
    // Records of what was done, such as tasks, cost nothing, and nobody can remove them.
    let stays = |service: &str, kind: &str| {
        let service = set.services.iter().find(|described| described.name == service);
        service.and_then(|service| Some(&service.kinds[service.kind(kind)?])).is_none_or(|kind| kind.is_removable())
    };
    for entry in record.open().filter(|entry| stays(&entry.service, &entry.kind)) {
        let id = entry.id.as_deref().unwrap_or("(no answer)");
        let line =
            format!("{}  {} {}  {id}  {}  {}\n", record.about.run, entry.service, entry.kind, entry.region, entry.name);
        terminal::print(&line);
    }
    Ok(())
}

/// Cleans up after one run; whether nothing is left.
async fn clean(
    set: &std::sync::Arc<SpecSet>,
    ledger: Ledger,
    args: &Cleanup,
    global: &Global,
) -> Result<bool, Failure> {
    let about = ledger.record().about;
    let endpoint = filled(&args.endpoint, &about);
    let profile = profile::load(set, &endpoint)?;
    let everything: Selection = selector::select(set, &[])?;
    let plan = connect::plan(set, &endpoint, profile, everything)?;
    let guard = plan.cleaner(ledger, global.verbose).await?;
    let swept = guard.sweep(set).await;
    guard.tell(&swept, global.quiet);
    Ok(swept.is_clean())
}

/// What was typed, with what the ledger says of where the run worked in place of what was not.
fn filled(args: &EndpointArgs, about: &About) -> EndpointArgs {
    let mut args = args.clone();
    if args.profile.is_none() {
        args.profile.clone_from(&about.profile.clone().filter(|_| args.endpoints.is_empty()));
    }
    if args.endpoints.is_empty() {
        args.endpoints = about.endpoints.iter().map(|(service, url)| format!("{service}={url}")).collect();
    }
    let of_service = |(service, values): (&String, &BTreeMap<String, String>)| -> Vec<String> {
        values.iter().map(|(name, value)| format!("{service}.{name}={value}")).collect()
    };
    args.givens = about.givens.iter().flat_map(of_service).chain(args.givens).collect();
    args
}
