//! `aswritten sdk`.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use crate::{
    campaign::Verdict,
    cli::{
        args::{Format, Global, Sdk, SdkCommand},
        exit_code::ExitCode,
        failure::Failure,
        progress::Bar,
        reports,
        selector::matches,
        signals, specs, terminal,
    },
    report::sdk::{Context, human, json},
    sdk::{
        campaign::{self, Candidate, Outcome, Settings},
        catalogue::{self, Adapter, BadData, Catalogue, Deviation},
        check, install,
        process::Launch,
    },
    spec::diagnostic::did_you_mean,
};

/// Installs, lists, checks or validates.
pub fn run(args: &Sdk, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    if let Some(SdkCommand::CheckAdapter { command }) = &args.command {
        return check_adapter(set, command);
    }
    let catalogue = catalogue::embedded().map_err(|error| bad_data(&error))?;
    let chosen = select(&catalogue, args)?;
    if let Some(root) = &args.install {
        return install_all(root, &chosen, global);
    }
    if args.list {
        terminal::print(&list(&args.sdks, &chosen, args.report.format));
        return Ok(ExitCode::Fine);
    }
    reports::check(&args.report.reports)?;
    let own = own(args)?;
    let deviations = deviations(args, &catalogue, &own)?;
    let (mut candidates, missing) = installed(&args.sdks, chosen)?;
    candidates.extend(own);
    if candidates.is_empty() {
        let names: Vec<&str> = missing.iter().map(|adapter| &*adapter.name).collect();
        let text = format!("not installed in {}: {}", args.sdks.display(), names.join(", "));
        return Err(Failure::environment(text).help(how_to_install(&args.sdks, &missing)));
    }
    let interrupted = Arc::<AtomicBool>::default();
    let settings = Settings {
        seed: args.seed.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>())),
        cases: args.cases.map(|cases| usize::try_from(cases).unwrap_or(usize::MAX)),
        workers: args.workers.map_or_else(|| 2 * thread::available_parallelism().map_or(1, usize::from), usize::from),
        deviations,
        interrupted: interrupted.clone(),
    };
    let runtime = super::runtime()?;
    runtime.spawn(async move { signals::watch(interrupted) });
    let bar = Bar::new(global.quiet, "SDKs", "starting adapters");
    let mut outcome = campaign::run(&set, &catalogue, candidates, &settings, &|sdk, number, of| {
        bar.set(number as u64 - 1, of as u64, sdk)
    });
    bar.set(1, 1, "");
    for adapter in &missing {
        let why =
            format!("start it: it is not installed; {}", how_to_install(&args.sdks, std::slice::from_ref(adapter)));
        outcome.broken.push((adapter.name.clone(), why));
    }
    let context = Context { set: &set, catalogue: &catalogue, outcome: &outcome, detail: reports::detail(global) };
    reports::deliver(args.report.format, &args.report.reports, |format| match format {
        Format::Human => human::text(&context),
        Format::Json => json::text(&context),
    })?;
    Ok(exit_code(&outcome))
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    let nothing = outcome.sdks.is_empty();
    match outcome.verdict() {
        _ if outcome.interrupted => ExitCode::Interrupted,
        Verdict::Violates => ExitCode::Violations,
        Verdict::Conforms => ExitCode::Fine,
        _ if nothing && !outcome.broken.is_empty() => ExitCode::Environment,
        _ if nothing => ExitCode::Nothing,
        _ => ExitCode::Inconclusive,
    }
}

/// An adapter, and the services of it that were asked for.
type Chosen = (Arc<Adapter>, Vec<String>);

fn select(catalogue: &Catalogue, args: &Sdk) -> Result<Vec<Chosen>, Failure> {
    if args.adapters.is_empty() {
        // Whoever brings an adapter means that one.
        let all = if args.own.is_empty() { &catalogue.adapters[..] } else { &[] };
        return Ok(all.iter().map(|adapter| (adapter.clone(), Vec::new())).collect());
    }
    let mut chosen: Vec<Chosen> = Vec::new();
    for selector in &args.adapters {
        let (name, service) =
            selector.split_once('/').map_or((&**selector, None), |(name, service)| (name, Some(service)));
        let found: Vec<_> = catalogue.adapters.iter().filter(|adapter| matches(name, &adapter.name)).collect();
        // An adapter of one's own runs whatever else is chosen.
        let mut own = args.own.iter().filter_map(|text| Some(text.split_once('=')?.0));
        if found.is_empty() && !own.any(|brought| matches(name, brought)) {
            let names = catalogue.adapters.iter().map(|adapter| &*adapter.name);
            let text = format!("no adapter is called `{name}`");
            return Err(Failure::new(ExitCode::Nothing, text).help(did_you_mean(name, names)));
        }
        for adapter in found {
            let services: Vec<String> = service.map(str::to_owned).into_iter().collect();
            match chosen.iter_mut().find(|(known, _)| known.name == adapter.name) {
                // A whole adapter asks for more than a service of it.
                Some((_, known)) if known.is_empty() || services.is_empty() => known.clear(),
                Some((_, known)) => known.extend(services),
                None => chosen.push((adapter.clone(), services)),
            }
        }
    }
    Ok(chosen)
}

/// Those that can be started, and those that are not installed.
fn installed(root: &Path, chosen: Vec<Chosen>) -> Result<(Vec<Candidate>, Vec<Arc<Adapter>>), Failure> {
    let (mut candidates, mut missing) = (Vec::new(), Vec::new());
    for (adapter, services) in chosen {
        if !install::is_installed(root, &adapter) {
            missing.push(adapter);
            continue;
        }
        let launch =
            install::launch(root, &adapter).map_err(|error| Failure::environment(format!("failed to {error}")))?;
        candidates.push(Candidate { adapter, launch, services });
    }
    Ok((candidates, missing))
}

fn own(args: &Sdk) -> Result<Vec<Candidate>, Failure> {
    args.own
        .iter()
        .map(|text| {
            let (name, command) = text.split_once('=').unwrap_or_default();
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let launch = Launch::words(&words).filter(|_| !name.is_empty());
            let launch = launch.ok_or_else(|| Failure::usage(format!("`--adapter {text}` is not NAME=COMMAND")))?;
            Ok(Candidate { adapter: Arc::new(Adapter::unknown(name)), launch, services: Vec::new() })
        })
        .collect()
}

fn deviations(args: &Sdk, catalogue: &Catalogue, own: &[Candidate]) -> Result<Vec<Deviation>, Failure> {
    let shipped = catalogue.adapters.iter().map(|adapter| &*adapter.name);
    let adapters: Vec<&str> = shipped.chain(own.iter().map(|candidate| &*candidate.adapter.name)).collect();
    match args.deviations.as_deref() {
        None => catalogue::known().map_err(|error| bad_data(&error)),
        Some(path) if path == Path::new("none") => Ok(Vec::new()),
        Some(path) => catalogue::deviations_at(path, catalogue, &adapters).map_err(|error| bad_data(&error)),
    }
}

fn bad_data(error: &BadData) -> Failure {
    Failure::new(ExitCode::BadSpec, format!("failed to {error}"))
}

/// The command that installs what is missing.
fn how_to_install(root: &Path, missing: &[Arc<Adapter>]) -> String {
    let names: Vec<&str> = missing.iter().map(|adapter| &*adapter.name).collect();
    let root = root.display().to_string();
    let plain = root.chars().all(|letter| letter.is_alphanumeric() || "/._-@".contains(letter));
    let root = if plain { root } else { format!("'{}'", root.replace('\'', "'\\''")) };
    format!("`aswritten sdk --install {root} {}` installs what is missing", names.join(" "))
}

fn install_all(root: &Path, chosen: &[Chosen], global: &Global) -> Result<ExitCode, Failure> {
    for (adapter, _) in chosen {
        if install::is_installed(root, adapter) {
            terminal::print(&format!("{}: already installed\n", adapter.name));
            continue;
        }
        if !global.quiet {
            for words in install::commands(root, adapter) {
                terminal::note(&format!("{}: {}", adapter.name, words.join(" ")));
            }
        }
        install::install(root, adapter).map_err(|error| Failure::environment(format!("failed to {error}")))?;
        terminal::print(&format!("{}: installed in {}\n", adapter.name, install::folder(root, adapter).display()));
    }
    Ok(ExitCode::Fine)
}

fn list(root: &Path, chosen: &[Chosen], format: Format) -> String {
    if format == Format::Json {
        let list = chosen.iter().map(|(adapter, _)| {
            serde_json::json!({
                "adapter": adapter.name,
                "title": adapter.title,
                "packages": adapter.packages,
                "installed": install::is_installed(root, adapter),
            })
        });
        let object = serde_json::json!({ "adapters": list.collect::<Vec<_>>() });
        return format!("{}\n", serde_json::to_string_pretty(&object).unwrap_or_default());
    }
    let mut out = String::new();
    for (adapter, _) in chosen {
        let state = if install::is_installed(root, adapter) { "installed" } else { "not installed" };
        out.push_str(&format!("{} ({state})\n  {}\n", adapter.name, adapter.title));
        adapter.packages.iter().for_each(|package| out.push_str(&format!("  {package}\n")));
        if state == "not installed" {
            for words in install::commands(root, adapter) {
                out.push_str(&format!("    {}\n", words.join(" ")));
            }
        }
    }
    let missing: Vec<_> = chosen
        .iter()
        .map(|(adapter, _)| adapter)
        .filter(|adapter| !install::is_installed(root, adapter))
        .cloned()
        .collect();
    if !missing.is_empty() {
        out.push_str(&format!("\n{}\n", how_to_install(root, &missing)));
    }
    out
}

fn check_adapter(set: Arc<crate::spec::SpecSet>, command: &[String]) -> Result<ExitCode, Failure> {
    let Some(launch) = Launch::words(command) else { return Err(Failure::usage("the adapter's command is empty")) };
    let findings = check::check(&set, &launch);
    let mut wrong = 0;
    for found in &findings {
        let (mark, why) = match &found.result {
            Ok(()) => ("✓", String::new()),
            Err(why) => ("✗", format!("\n    {why}")),
        };
        wrong += usize::from(found.result.is_err());
        terminal::print(&format!("{mark} {}{why}\n", found.what));
    }
    if wrong == 0 {
        terminal::print("the adapter speaks the protocol\n");
        return Ok(ExitCode::Fine);
    }
    terminal::print(&format!("{wrong} of {} checks failed\n", findings.len()));
    Ok(ExitCode::Violations)
}
