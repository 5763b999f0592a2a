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
    generate::{Generator, Need, Permit},
    spec::{SpecSet, service::OpRef},
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
    let reachable = generator.reachable().len();
    let mut together: BTreeMap<BTreeSet<Need>, BTreeSet<String>> = BTreeMap::new();
    let mut never = 0;
    let alone = enabled(set, plan, generator);
    let id = |aim: &(OpRef, usize)| set.operation(aim.0).requirements[aim.1].id.clone();
    for aim in generator.unplanned.keys() {
        let ways: Vec<BTreeSet<Need>> = generator.needs(*aim).into_iter().filter(|needs| !needs.is_empty()).collect();
        let is_alone = alone.values().any(|aims| aims.contains(&id(aim)));
        match ways.into_iter().min_by_key(BTreeSet::len) {
            _ if is_alone => {}
            None => never += 1,
            Some(needs) => drop(together.entry(needs).or_default().insert(id(aim))),
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
    let n_named: usize = rows.iter().map(|(_, ids)| ids.len()).sum();
    let n_different = rows.iter().flat_map(|(_, ids)| ids).collect::<BTreeSet<_>>().len();
    if n_named > n_different {
        let _ = writeln!(text, "  where a requirement stands more than once below, any one of those things is enough");
    }
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

/// What each missing thing would enable if it alone were there.
fn enabled(set: &SpecSet, plan: &Plan, generator: &Generator<'_>) -> BTreeMap<Need, BTreeSet<String>> {
    let mut found: BTreeMap<Need, BTreeSet<String>> = BTreeMap::new();
    let permit = &generator.options().permit;
    let services: BTreeSet<usize> = plan.operations.iter().map(|at| at.service).collect();
    let mut needs: Vec<(Need, Permit)> = Vec::new();
    for place in &permit.missing {
        let missing = permit.missing.iter().filter(|other| *other != place).cloned().collect();
        needs.push((Need::Given(place.0, place.1.clone()), Permit { missing, ..permit.clone() }));
    }
    if permit.unpaid {
        needs.push((Need::Money, Permit { unpaid: false, ..permit.clone() }));
    }
    for (need, other) in needs {
        let concerns = |at: &&OpRef| match &need {
            Need::Given(service, _) => at.service == *service,
            _ => services.contains(&at.service),
        };
        let operations: Vec<OpRef> = plan.operations.iter().filter(concerns).copied().collect();
        let with = generator.permitting(&operations, other);
        let reachable = with.reachable();
        let gained = reachable.iter().filter(|aim| generator.unplanned.contains_key(aim));
        let ids: BTreeSet<String> = gained.map(|aim| set.operation(aim.0).requirements[aim.1].id.clone()).collect();
        if !ids.is_empty() {
            found.insert(need, ids);
        }
    }
    // What is no matter of what can be called: credentials, other people's things, room.
    for aim in generator.unplanned.keys() {
        for needs in generator.needs(*aim) {
            let Some(need) = needs.first().filter(|_| needs.len() == 1) else { continue };
            found.entry(need.clone()).or_default().insert(set.operation(aim.0).requirements[aim.1].id.clone());
        }
    }
    found
}

/// A file to begin with.
fn example(set: &SpecSet) -> String {
    let mut text = String::from(HEAD);
    for service in &set.services {
        let _ = writeln!(text, "{} = \"none\"", service.name);
    }
    for service in &set.services {
        let _ = writeln!(text, "\n[profile.practice.given.{}]", service.name);
        for given in &service.givens {
            let _ = writeln!(text, "# {}\n{} = {:?}", given.text, given.name, given.default);
        }
    }
    let names: Vec<&str> = set.services.iter().map(|service| service.name.as_str()).collect();
    let first = set.services.first();
    let night = NIGHT
        .replace("SERVICES", &names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "))
        .replace("SERVICE", names.first().copied().unwrap_or_default())
        .replace("ENDPOINT", first.map_or("", |service| service.endpoint.as_str()));
    text.push_str(&night);
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

# It answers as fast as anyone asks; real services have the limits that their documents print.
[profile.practice.wait]
patience = "10s"

[profile.practice.rate]
"#;

const NIGHT: &str = r#"
# A real account.
[profile.night]
# services = [SERVICES] # selectors [default: everything]
probes = "dry-run"                     # other people's images are named in dry runs only; or "off"
workers = 4

# Default: the public endpoint of each of the services.
# [profile.night.endpoint]
# SERVICE = "ENDPOINT"

# Names of profiles of the vendors' tools [default: variables, then the tools' own default].
# [profile.night.credentials]
# SERVICE = "night"
# A second credential, whose policy denies the documented operations.
# [profile.night.restricted]
# SERVICE = "night-restricted"

[profile.night.budget]
requests = 3000
minutes = 60
at_once = { image = 4, instance = 1 }
paid = false                           # instances cost money

# Documented limits are kept; others than those:
# [profile.night.rate]
# SERVICE = "20/s"

[profile.night.wait]
patience = "20m"
timeout = "30s"
"#;
