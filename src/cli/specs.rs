//! Loading specs, or saying everything that is wrong with them.

use std::{path::Path, sync::Arc};

use super::{exit_code::ExitCode, failure::Failure, render, terminal};
use crate::{
    report::count,
    spec::{
        self, SpecSet,
        diagnostic::{Diagnostic, Diagnostics, did_you_mean},
        load::LoadError,
    },
    wire::{
        protocol::{self, PROTOCOLS},
        signing::SCHEMES,
    },
};

/// The specs of a folder, or those that are built in.
pub fn load(folder: Option<&Path>) -> Result<Arc<SpecSet>, Failure> {
    let set = folder.map_or_else(spec::embedded, spec::from_folder).map_err(failure)?;
    let unspoken = unspoken(&set);
    if !unspoken.is_empty() {
        return Err(failure(LoadError::Problems(unspoken)));
    }
    Ok(Arc::new(set))
}

/// Protocols and signing schemes that nobody here speaks; a spec may name any.
fn unspoken(set: &SpecSet) -> Vec<Diagnostic> {
    let mut problems = Diagnostics::default();
    for service in &set.services {
        let mut report = |message: String, help: String| {
            problems.report("unknown-name", &service.span, message, "this service", help);
        };
        let Some(protocol) = protocol::find(&service.protocol) else {
            let names = PROTOCOLS.iter().map(|protocol| protocol.name());
            report(format!("no protocol is called `{}`", service.protocol), did_you_mean(&service.protocol, names));
            continue;
        };
        let schemes = || SCHEMES.iter().filter(|scheme| scheme.protocol() == protocol.name());
        for name in &service.signing {
            if !schemes().any(|scheme| scheme.name() == name) {
                let help = did_you_mean(name, schemes().map(|scheme| scheme.name()));
                report(format!("no signing scheme of {} is called `{name}`", protocol.name()), help);
            }
        }
    }
    problems.into_sorted()
}

fn failure(error: LoadError) -> Failure {
    match error {
        LoadError::Problems(list) => {
            list.iter().for_each(|problem| terminal::note(&render::diagnostic(problem)));
            let mut files: Vec<&str> =
                list.iter().filter_map(|problem| Some(&*problem.span.as_ref()?.file.path)).collect();
            files.dedup();
            let text =
                format!("{} in {}", count(list.len() as u64, "problem"), count(files.len().max(1) as u64, "spec file"));
            Failure::new(ExitCode::BadSpec, text)
        }
        LoadError::Empty(path) => {
            Failure::new(ExitCode::BadSpec, format!("there is no service.toml under {}", path.display()))
                .help("name the folder that holds <vendor>/<service>/service.toml")
        }
        LoadError::Read { path, cause } => {
            Failure::new(ExitCode::BadSpec, format!("cannot read {}: {cause}", path.display()))
        }
    }
}
