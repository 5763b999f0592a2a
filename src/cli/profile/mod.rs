//! `aswritten.toml`: where a run works, what it finds there, and what it may do.
//!
//! A file holds profiles; one is used only when it is named. No credentials are in it, only names of profiles of the
//! vendors' own tools. What is typed wins over what the profile says.

mod file;

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    time::Duration,
};

pub use file::Profile;

use super::{args::EndpointArgs, duration, exit_code::ExitCode, failure::Failure, givens};
use crate::{
    endpoint::limits::Limits,
    generate::Permit,
    guard::{self, Probes},
    spec::{SpecSet, diagnostic::did_you_mean, rate::Rate},
};

/// Name of the file that is looked for.
pub const FILE: &str = "aswritten.toml";

/// The profile that was asked for, if any.
///
/// # Errors
/// A file that cannot be read or makes no sense, and a profile that it does not have.
pub fn load(set: &SpecSet, args: &EndpointArgs) -> Result<Option<Profile>, Failure> {
    let Some(name) = &args.profile else {
        return match &args.config {
            Some(_) => Err(Failure::usage("`--config` names a file with profiles; `--profile` says which one")),
            None => Ok(None),
        };
    };
    let path = match &args.config {
        Some(path) => path.clone(),
        None => find().ok_or_else(|| {
            Failure::usage(format!("there is no {FILE} here or in a folder above"))
                .help("`aswritten profile new` prints one to begin with, or name a file with `--config`")
        })?,
    };
    let profile = file::read(&path, name)?;
    check(set, &profile)?;
    Ok(Some(profile))
}

/// The file in this folder, or the nearest one above.
fn find() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|folder: &Path| folder.join(FILE)).find(|path| path.is_file())
}

/// Everything that a profile names is known.
fn check(set: &SpecSet, profile: &Profile) -> Result<(), Failure> {
    let services = || set.services.iter().map(|service| service.name.as_str());
    let known = |table: &str, name: &str| {
        if services().any(|service| service == name) {
            return Ok(());
        }
        Err(wrong(profile, &format!("`{table}.{name}`: no service is called `{name}`"))
            .help(did_you_mean(name, services())))
    };
    for name in profile.endpoint.keys().filter(|name| *name != file::ALL) {
        known("endpoint", name)?;
    }
    profile.credentials.keys().try_for_each(|name| known("credentials", name))?;
    profile.restricted.keys().try_for_each(|name| known("restricted", name))?;
    for (name, text) in &profile.rate {
        let operation = set.operations().any(|(_, operation)| operation.id == *name);
        if !operation {
            known("rate", name)?;
        }
        if text != NO_RATE && Rate::parse(text).is_none() {
            return Err(wrong(profile, &format!("`rate.{name}`: `{text}` is no rate"))
                .help(format!("write one such as 10/s, 60/min or 1000/h, or {NO_RATE}")));
        }
    }
    for (name, value) in &profile.given {
        let is_text = |value: &toml::Value| value.is_str();
        let is_fine = is_text(value) || value.as_table().is_some_and(|table| table.values().all(is_text));
        if !is_fine {
            return Err(wrong(profile, &format!("`given.{name}` is neither a text nor a table of texts")));
        }
        let all = 0..set.services.len();
        let (services, names): (Vec<usize>, Vec<&String>) = match value.as_table() {
            Some(table) => {
                known("given", name)?;
                (all.filter(|index| set.services[*index].name == *name).collect(), table.keys().collect())
            }
            None => (all.collect(), vec![name]),
        };
        for name in names {
            givens::having(set, &services, name)
                .map_err(|(text, help)| wrong(profile, &format!("`given`: {text}")).help(help))?;
        }
    }
    let kinds: BTreeSet<&str> =
        set.services.iter().flat_map(|service| &service.kinds).map(|kind| kind.name.as_str()).collect();
    if let Some(name) = profile.budget.at_once.keys().find(|name| !kinds.contains(name.as_str())) {
        return Err(wrong(profile, &format!("`budget.at_once.{name}`: no kind of resource is called `{name}`"))
            .help(did_you_mean(name, kinds)));
    }
    for text in [&profile.wait.patience, &profile.wait.timeout].into_iter().flatten() {
        duration::parse(text).map_err(|why| wrong(profile, &format!("`wait`: {why}")))?;
    }
    Ok(())
}

fn wrong(profile: &Profile, text: &str) -> Failure {
    Failure::new(ExitCode::BadSpec, format!("profile `{}` in {}: {text}", profile.name, profile.path.display()))
}

/// What a rate is that limits nothing.
const NO_RATE: &str = "none";

impl Profile {
    /// What was typed, with what the profile says in place of what was not.
    pub fn fill(&self, set: &SpecSet, args: &EndpointArgs) -> Result<EndpointArgs, Failure> {
        let mut args = args.clone();
        if args.endpoints.is_empty() {
            args.endpoints = self.endpoints(set);
        }
        // Later ones win.
        args.givens = self.givens().into_iter().chain(args.givens).collect();
        let parsed = |text: &Option<String>| -> Result<Option<Duration>, Failure> {
            text.as_deref().map(duration::parse).transpose().map_err(|why| wrong(self, &why))
        };
        args.patience = match args.patience {
            Some(patience) => Some(patience),
            None => parsed(&self.wait.patience)?,
        };
        args.timeout = match args.timeout {
            Some(timeout) => Some(timeout),
            None => parsed(&self.wait.timeout)?,
        };
        args.signing = args.signing.or_else(|| self.signing.clone());
        Ok(args)
    }

    /// `SERVICE=URL` for each service; public endpoints where the profile names none.
    fn endpoints(&self, set: &SpecSet) -> Vec<String> {
        let wanted = |name: &str| {
            let of_service = |selector: &String| selector.split('/').next() == Some(name) || selector.contains('*');
            self.services.is_empty() || self.services.iter().any(of_service)
        };
        let services = set.services.iter().filter(|service| wanted(&service.name));
        services
            .filter_map(|service| {
                let named = self.endpoint.get(&service.name).or_else(|| self.endpoint.get(file::ALL));
                // A profile that names some endpoints means those.
                let public = || self.endpoint.is_empty().then_some(&service.endpoint);
                let url = named.or_else(|| (!self.services.is_empty()).then_some(&service.endpoint).or_else(public))?;
                Some(format!("{}={url}", service.name))
            })
            .collect()
    }

    /// `[SERVICE.]NAME=VALUE` for each given thing, those of all services first.
    fn givens(&self) -> Vec<String> {
        let common = self.given.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
        let own = self.given.iter().filter_map(|(service, values)| Some((service, values.as_table()?)));
        let own = own.flat_map(|(service, values)| {
            values.iter().filter_map(move |(name, value)| Some(format!("{service}.{name}={}", value.as_str()?)))
        });
        common.chain(own).collect()
    }

    /// Documented limits, with what the profile says of them.
    pub fn limits(&self, set: &SpecSet) -> Limits {
        let mut limits = Limits::documented(set);
        for (name, text) in &self.rate {
            let rate = Rate::parse(text);
            match set.find(name) {
                Some(at) => limits.of_operation(at, rate),
                None => {
                    let Some(service) = set.services.iter().position(|service| service.name == *name) else { continue };
                    limits.of_service(service, rate);
                    // Whoever lifts the limits of a service means all of them.
                    for (at, operation) in set.operations().filter(|(at, _)| at.service == service) {
                        let own = self.rate.contains_key(&operation.id);
                        if !own && (rate.is_none() || operation.rate.is_none()) {
                            limits.of_operation(at, None);
                        }
                    }
                }
            }
        }
        limits
    }

    /// What the run may do.
    pub fn budget(&self) -> guard::Budget {
        guard::Budget {
            requests: self.budget.requests,
            at_once: self.budget.at_once.clone(),
            paid: self.budget.paid,
            paid_at_once: self.budget.paid_at_once.unwrap_or(1).max(1),
        }
    }

    /// What scripts may be like; what is missing is for whoever knows the endpoint.
    pub fn permit(&self, set: &SpecSet) -> Permit {
        let at_once = set.services.iter().enumerate().flat_map(|(service, described)| {
            self.budget.at_once.iter().filter_map(move |(kind, most)| Some(((service, described.kind(kind)?), *most)))
        });
        Permit { unpaid: !self.budget.paid, thrifty: true, at_once: at_once.collect(), ..Permit::default() }
    }

    pub fn probes(&self) -> Probes {
        match self.probes {
            file::Probing::Off => Probes::Off,
            file::Probing::DryRun => Probes::DryRun,
            file::Probing::Free => Probes::Free,
        }
    }
}
