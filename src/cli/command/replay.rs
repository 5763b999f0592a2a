//! `aswritten replay`.

use std::fs;

use crate::{
    campaign::{
        counterexample::{self, Counterexample},
        outcome::FindingResult,
    },
    cli::{
        args::{Global, Replay},
        connect::{self, Connected},
        exit_code::ExitCode,
        failure::Failure,
        selector::Selection,
        specs, terminal,
    },
    execute::execute,
    history::History,
    oracle::{Finding, Judged, Nature, blame, judge},
    report::human::{self, Evidence},
    spec::SpecSet,
};

/// Runs a counterexample again.
pub async fn run(args: &Replay, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let shown = args.file.display();
    let text =
        fs::read_to_string(&args.file).map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    let file = counterexample::read(&set, &text).map_err(|why| {
        Failure::usage(format!("cannot replay {shown}: {why}"))
            .help("replay files are written by `aswritten run`, and name things of the specs")
    })?;
    let mut operations: Vec<_> = file.script.commands.iter().map(|command| command.operation).collect();
    if operations.iter().any(|at| at.service != operations[0].service) {
        return Err(Failure::usage(format!("cannot replay {shown}: its commands are of several services")));
    }
    operations.retain(|at| set.operation(*at).is_documented());
    operations.sort_unstable();
    operations.dedup();
    if operations.is_empty() {
        return Err(Failure::usage(format!("cannot replay {shown}: it calls no documented operation")));
    }
    // Editions that the script names are meant.
    let selection = Selection { operations, only: Vec::new() };
    let connected = connect::plan(&set, &args.endpoint, selection)?.connect(&file.key, global.verbose).await?;
    let mut runs = Vec::new();
    for number in 1..=args.times {
        runs.push(once(&set, &connected, &file, number).await);
    }
    Ok(tell(&set, &connected, &file, runs, global.quiet))
}

/// One run of the script, judged.
struct Once {
    history: History,
    judged: Judged,
}

async fn once(set: &SpecSet, connected: &Connected, file: &Counterexample, number: u32) -> Once {
    let named = file.script.commands.iter().map(|command| command.operation);
    let found = named.filter_map(|at| connected.operations.iter().find(|(known, _)| *known == at)).next();
    let endpoint = &connected.endpoints[found.map_or(0, |(_, index)| *index)];
    let history = execute(set, &file.script, endpoint.as_ref(), &connected.around, &format!("r{number}")).await;
    let mut judged = judge(set, &file.script, &history);
    if let Some(finding) = no_answer(set, file, &history, &judged) {
        judged.findings.push(finding);
    }
    Once { history, judged }
}

/// A documented call that earns no answer is a finding only when it comes every time; the file says that it did.
fn no_answer(set: &SpecSet, file: &Counterexample, history: &History, judged: &Judged) -> Option<Finding> {
    let reason = judged.reasons.iter().find(|reason| {
        reason.promised.is_some_and(|(at, index)| set.operation(at).requirements[index].id == file.requirement)
    })?;
    let exchange = history.exchanges.iter().find(|exchange| exchange.command == reason.command);
    file.key.ends_with("#no answer").then(|| Finding {
        key: file.key.clone(),
        nature: Nature::Violation,
        requirement: reason.promised.unwrap_or((file.script.commands[reason.command].operation, 0)),
        summary: file.summary.clone(),
        expected: vec!["an answer".into()],
        actual: exchange.map(|exchange| exchange.reply.to_json()).unwrap_or_default(),
        command: reason.command,
        culprit: reason.command,
        before: Vec::new(),
    })
}

fn tell(set: &SpecSet, connected: &Connected, file: &Counterexample, runs: Vec<Once>, quiet: bool) -> ExitCode {
    let times = runs.len();
    let same = |found: &&Finding| found.key == file.key;
    let showing = runs.iter().filter(|run| run.judged.findings.iter().any(|found| same(&found))).count();
    let broken = |found: &&Finding| same(found) || blame::counts(set, found);
    let first = runs.iter().find_map(|run| {
        let found = run.judged.findings.iter().find(same).or_else(|| run.judged.findings.iter().find(broken))?;
        (showing == 0 || same(&found)).then_some((run, found))
    });
    if let Some((run, found)) = first {
        let n_shown = if showing > 0 {
            showing
        } else {
            runs.iter().filter(|run| run.judged.findings.iter().any(|other| other.key == found.key)).count()
        };
        let result = FindingResult {
            finding: found.clone(),
            script: file.script.clone(),
            history: run.history.clone(),
            stable: n_shown == times,
            cases: n_shown as u64,
            requests_to_failure: 0,
            shrink_requests: 0,
            counts: true,
        };
        let what = if showing > 0 { "showed itself" } else { "is another failure than the file's, and showed itself" };
        let evidence =
            Evidence { seen: format!("{what} {n_shown} of {times} times on {}", connected.name), replay: None };
        terminal::print(&human::finding(set, &connected.addresses, &result, &evidence));
        return ExitCode::Violations;
    }
    if file.key.ends_with("#two answers") {
        terminal::print(&format!(
            "cannot be judged: {} (it takes two scripts to show that; `aswritten run {}` does)\n",
            file.summary, file.requirement
        ));
        return ExitCode::Inconclusive;
    }
    let reasons: Vec<&str> =
        runs.iter().filter_map(|run| run.judged.reasons.first()).map(|reason| &*reason.text).collect();
    if reasons.len() == times {
        terminal::print(&format!("cannot be judged: {}\n", reasons[0]));
        return ExitCode::Inconclusive;
    }
    if !quiet {
        terminal::print(&format!("{}\n", file.summary));
    }
    terminal::print(&format!("did not show itself, {times} of {times} times on {}\n", connected.name));
    ExitCode::Fine
}
