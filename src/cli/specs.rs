//! Loading specs, or saying everything that is wrong with them.

use std::{path::Path, sync::Arc};

use super::{exit_code::ExitCode, failure::Failure, render, terminal};
use crate::{
    report::count,
    spec::{self, SpecSet, load::LoadError},
};

/// The specs of a folder, or those that are built in.
pub fn load(folder: Option<&Path>) -> Result<Arc<SpecSet>, Failure> {
    let loaded = folder.map_or_else(spec::embedded, spec::from_folder);
    loaded.map(Arc::new).map_err(failure)
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
