//! `aswritten profile`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::Arc,
};

use crate::{
    cli::{
        args::{EndpointArgs, Global, Profile as Command},
        connect::{self, Plan},
        exit_code::ExitCode,
        failure::Failure,
        profile, selector, specs, terminal,
    },
    generate::{Generator, Need},
    spec::SpecSet,
};

/// Looks at profiles.
pub async fn run(command: &Command, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    match command {
        Command::New => terminal::print(&example(&set)),
        Command::Check { selectors, endpoint, offline } => {
            terminal::print(&check(&set, selectors, endpoint, *offline, global).await?);
        }
    }
    Ok(ExitCode::Fine)
}

async fn check(
    set: &Arc<SpecSet>,
    selectors: &[String],
    args: &EndpointArgs,
    offline: bool,
    global: &Global,
) -> Result<String, Failure> {
    let profile = profile::load(set, args)?.ok_or_else(|| {
        Failure::usage("which profile is to be checked?").help("name it: `aswritten profile check --profile NAME`")
    })?;
    let services = profile.services.clone();
    let selectors = if selectors.is_empty() { &services } else { selectors };
    let selection = selector::select(set, selectors)?;
    let title = format!("profile `{}` in {}\n", profile.name, profile.path.display());
    let plan = connect::plan(set, args, Some(profile), selection)?;
    let (plan, options, origins) = if offline {
        let options = plan.offline_options();
        (plan, options, Vec::new())
    } else {
        plan.look(global.verbose).await?
    };
    let generator = Generator::new(set, &plan.operations, "check", options);
    let mut text = title;
    for origin in origins {
        let _ = writeln!(text, "  {origin}");
    }
    text.push_str(&costs(set, &plan, &generator));
    Ok(text)
}

/// What can be exercised, and what each missing thing costs.
fn costs(set: &SpecSet, plan: &Plan, generator: &Generator<'_>) -> String {
    let total: usize = plan.operations.iter().map(|at| set.operation(*at).requirements.len()).sum();
    let reachable = generator.aims().len();
    let mut alone: BTreeMap<Need, BTreeSet<String>> = BTreeMap::new();
    let mut together: BTreeMap<BTreeSet<Need>, BTreeSet<String>> = BTreeMap::new();
    let mut never = 0;
    for aim in generator.unplanned.keys() {
        let id = set.operation(aim.0).requirements[aim.1].id.clone();
        let ways: Vec<BTreeSet<Need>> = generator.needs(*aim).into_iter().filter(|needs| !needs.is_empty()).collect();
        if ways.is_empty() {
            never += 1;
            continue;
        }
        let singles: BTreeSet<&Need> =
            ways.iter().filter(|needs| needs.len() == 1).filter_map(BTreeSet::first).collect();
        for need in &singles {
            alone.entry((*need).clone()).or_default().insert(id.clone());
        }
        if singles.is_empty()
            && let Some(needs) = ways.into_iter().min_by_key(BTreeSet::len)
        {
            together.entry(needs).or_default().insert(id);
        }
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {reachable} of {total} requirements can be exercised; {never} by no sequence of calls at all"
    );
    if alone.is_empty() && together.is_empty() {
        let _ = writeln!(text, "  nothing is missing");
        return text;
    }
    let combined = together.into_iter().map(|(needs, ids)| {
        let texts: Vec<String> = needs.iter().map(|need| need.text(set)).collect();
        (texts.join(", and "), ids)
    });
    let mut rows: Vec<(String, BTreeSet<String>)> =
        alone.into_iter().map(|(need, ids)| (need.text(set), ids)).chain(combined).collect();
    rows.sort_by(|(left, ids), (right, others)| others.len().cmp(&ids.len()).then_with(|| left.cmp(right)));
    for (need, ids) in rows {
        let _ = writeln!(
            text,
            "\n  missing: {need}\n    costs {} requirement{}",
            ids.len(),
            if ids.len() == 1 { "" } else { "s" }
        );
        for id in ids {
            let _ = writeln!(text, "      {id}");
        }
    }
    text
}

/// A file to begin with.
fn example(set: &SpecSet) -> String {
    let mut text = String::from(HEAD);
    for service in &set.services {
        let _ = writeln!(text, "\n[profile.practice.given.{}]", service.name);
        for given in &service.givens {
            let _ = writeln!(text, "# {}\n{} = {:?}", given.text, given.name, given.default);
        }
    }
    text.push_str(NIGHT);
    for service in &set.services {
        let _ = writeln!(text, "\n[profile.night.given.{}]", service.name);
        for given in &service.givens {
            let _ = writeln!(text, "# {}\n# {} = \"…\"", given.text, given.name);
        }
    }
    text
}

const HEAD: &str = r#"# Profiles of aswritten: `aswritten run --profile NAME`. Credentials do not belong here: they come from the variables and
# the files of the vendors' own tools.

# To practise: `aswritten serve` in another terminal.
[profile.practice]
probes = "free"                        # on this machine only: there is nobody else

[profile.practice.endpoint]
all = "http://127.0.0.1:8080"

[profile.practice.budget]
paid = true
paid_at_once = 8

[profile.practice.wait]
patience = "10s"
"#;

const NIGHT: &str = r#"
# A real account.
[profile.night]
# services = ["ecs", "cvm/DeleteImages"] # selectors [default: everything]
probes = "dry-run"                     # other people's images are named in dry runs only; or "off"
workers = 4

# Default: the public endpoint of each of the services.
# [profile.night.endpoint]
# ecs = "https://ecs.{region}.aliyuncs.example"

# Names of profiles of the vendors' tools [default: variables, then the tools' own default].
# [profile.night.credentials]
# ecs = "night"
# A second credential, whose policy denies the documented operations.
# [profile.night.restricted]
# ecs = "night-restricted"

[profile.night.budget]
requests = 3000
minutes = 60
at_once = { image = 4, instance = 1 }
paid = false                           # instances cost money

# Documented limits are kept; others than those:
# [profile.night.rate]
# ecs = "20/s"

[profile.night.wait]
patience = "20m"
timeout = "30s"
"#;
