//! Reports: printed, and written to files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{args::Global, failure::Failure, terminal};
use crate::report::Detail;

/// How much a person wants to read.
pub fn detail(global: &Global) -> Detail {
    match (global.quiet, global.verbose) {
        (true, _) => Detail::Little,
        (_, true) => Detail::Much,
        _ => Detail::Usual,
    }
}

/// Opens the files now, because finding out after an hour that one cannot be written is no good.
///
/// # Errors
/// A file that cannot be written.
pub fn check<F>(reports: &[(F, PathBuf)]) -> Result<(), Failure> {
    for (_, path) in reports.iter().filter(|(_, path)| !is_stdout(path)) {
        fs::OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            Failure::usage(format!("cannot write the report {}: {error}", path.display()))
                .help("name a file in a folder that exists and can be written")
        })?;
    }
    Ok(())
}

/// Prints one report and writes the others.
///
/// # Errors
/// A file that can no longer be written.
pub fn deliver<F: Copy>(format: F, reports: &[(F, PathBuf)], text: impl Fn(F) -> String) -> Result<(), Failure> {
    terminal::print(&text(format));
    for (format, path) in reports {
        if is_stdout(path) {
            terminal::print(&text(*format));
            continue;
        }
        let text = anstream::adapter::strip_str(&text(*format)).to_string();
        fs::write(path, text)
            .map_err(|error| Failure::environment(format!("cannot write the report {}: {error}", path.display())))?;
    }
    Ok(())
}

/// `-` is no file.
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
