//! `aswritten mutants`.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{
    cli::{
        args::{Format, Global, Mutants},
        exit_code::ExitCode,
        failure::Failure,
        progress::Bar,
        reports,
        selector::matches,
        signals, specs, terminal,
    },
    mutant::{self, Fate, Hunt, KillTable, Mutant, OPERATORS},
    report::{
        Detail,
        kills::{human, json},
    },
    spec::{SpecSet, diagnostic::did_you_mean},
};

/// Hunts mutants, or lists them.
pub async fn run(args: &Mutants, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let mutants = select(&set, args)?;
    if args.list {
        terminal::print(&list(&set, &mutants, args.report.format));
        return Ok(ExitCode::Fine);
    }
    reports::check(&args.report.reports)?;
    let interrupted = Arc::<AtomicBool>::default();
    let hunt = Hunt {
        seeds: seeds(args),
        cases: args.cases,
        max_requests: args.max_requests,
        workers: args.workers.map_or_else(cores, usize::from),
        prove: true,
        aimed: args.aimed,
        shortest: args.shortest,
        interrupted: interrupted.clone(),
    };
    signals::watch(interrupted);
    let bar = Bar::new(global.quiet, "mutants", "looking for sequences of calls");
    let (hunted, counted) = (set.clone(), AtomicSurvivors::default());
    let work = move || {
        mutant::kill::hunt(&hunted, &mutants, &hunt, &|event| {
            let survived = counted.add(event.result.worst().map(|trial| &trial.fate));
            bar.set(event.done as u64, event.of as u64, &format!("{survived} survived  {}", event.result.mutant.id));
        })
    };
    let table = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::environment(format!("the hunt broke off: {error}")))?
        .map_err(|error| Failure::environment(format!("cannot start threads: {error}")))?;
    reports::deliver(args.report.format, &args.report.reports, |format| {
        text(&set, &table, format, reports::detail(global))
    })?;
    Ok(exit_code(&table))
}

/// Survivors so far.
#[derive(Default)]
struct AtomicSurvivors(std::sync::atomic::AtomicUsize);

impl AtomicSurvivors {
    fn add(&self, fate: Option<&Fate>) -> usize {
        let one = usize::from(matches!(fate, Some(Fate::Survived { .. })));
        one + self.0.fetch_add(one, Ordering::Relaxed)
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Those that were asked for, or the first; the same seed makes the same cases.
fn seeds(args: &Mutants) -> Vec<String> {
    if !args.seed.is_empty() {
        return args.seed.clone();
    }
    (1..=args.seeds).map(|number| number.to_string()).collect()
}

fn text(set: &SpecSet, table: &KillTable, format: Format, detail: Detail) -> String {
    match format {
        Format::Human => human::text(set, table, detail),
        Format::Json => json::text(set, table),
    }
}

fn exit_code(table: &KillTable) -> ExitCode {
    let survived = |result: &mutant::kill::MutantResult| {
        result.worst().is_some_and(|trial| matches!(trial.fate, Fate::Survived { .. }))
    };
    match () {
        () if table.interrupted => ExitCode::Interrupted,
        () if table.results.iter().any(survived) => ExitCode::Violations,
        () => ExitCode::Fine,
    }
}

/// What the selectors mean: operations, mutants by their ids, or those that break a requirement.
fn select(set: &SpecSet, args: &Mutants) -> Result<Vec<Mutant>, Failure> {
    let all = mutant::derive(set);
    for name in &args.operators {
        if !OPERATORS.iter().any(|operator| operator.name == name) {
            let names = OPERATORS.iter().map(|operator| operator.name);
            return Err(Failure::usage(format!("no operator is called `{name}`")).help(did_you_mean(name, names)));
        }
    }
    let mut chosen = BTreeSet::new();
    for selector in &args.selectors {
        let fits = |mutant: &Mutant| {
            let operation = set.operation(mutant.at);
            let names = [&set.service(mutant.at).name, &operation.id, &mutant.id, mutant.broken(set)];
            names.into_iter().any(|name| matches(selector, name))
        };
        let found: Vec<usize> = (0..all.len()).filter(|index| fits(&all[*index])).collect();
        if found.is_empty() {
            return Err(unknown(set, &all, selector));
        }
        chosen.extend(found);
    }
    let by_operator =
        |mutant: &Mutant| args.operators.is_empty() || args.operators.iter().any(|name| name == mutant.operator);
    let mutants: Vec<Mutant> = all
        .into_iter()
        .enumerate()
        .filter(|(index, mutant)| (args.selectors.is_empty() || chosen.contains(index)) && by_operator(mutant))
        .map(|(_, mutant)| mutant)
        .collect();
    if mutants.is_empty() {
        let text = format!("`{}` makes no mutant of what is selected", args.operators.join("`, `"));
        return Err(Failure::new(ExitCode::Nothing, text).help("`aswritten mutants --list` shows what there is"));
    }
    Ok(mutants)
}

fn unknown(set: &SpecSet, all: &[Mutant], selector: &str) -> Failure {
    let help = if selector.matches('/').count() > 1 {
        closest(all, selector)
    } else {
        let documented = set.operations().filter(|(_, operation)| operation.is_documented());
        let names = documented.map(|(_, operation)| &*operation.id);
        did_you_mean(selector, names.chain(set.services.iter().map(|service| &*service.name)))
    };
    Failure::new(ExitCode::Nothing, format!("no mutant is selected by `{selector}`")).help(help)
}

/// What was probably meant; the whole list is no help.
fn closest(all: &[Mutant], id: &str) -> String {
    let help = did_you_mean(id, all.iter().map(|mutant| &*mutant.id));
    if help.starts_with("valid") { "`aswritten mutants --list` shows all ids".into() } else { help }
}

/// The mutant of this id.
///
/// # Errors
/// When there is none, with what was probably meant.
pub fn find(set: &SpecSet, id: &str) -> Result<Mutant, Failure> {
    let all = mutant::derive(set);
    let found = all.iter().find(|mutant| mutant.id == id).cloned();
    found.ok_or_else(|| Failure::usage(format!("no mutant is called `{id}`")).help(closest(&all, id)))
}

fn list(set: &SpecSet, mutants: &[Mutant], format: Format) -> String {
    if format == Format::Json {
        let list: Vec<serde_json::Value> = mutants
            .iter()
            .map(|mutant| {
                serde_json::json!({
                    "id": mutant.id,
                    "operator": mutant.operator,
                    "operation": set.operation(mutant.at).id,
                    "breaks": mutant.broken(set),
                    "text": mutant.text,
                })
            })
            .collect();
        let mut text = serde_json::to_string_pretty(&serde_json::json!({ "mutants": list })).unwrap_or_default();
        text.push('\n');
        return text;
    }
    let mut out = String::new();
    for mutant in mutants {
        out.push_str(&format!("{}\n  breaks {}: {}\n", mutant.id, mutant.broken(set), mutant.text));
    }
    out
}
