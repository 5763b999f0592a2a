//! Reports: printed, and written to files.

use std::fs;

use super::{
    args::{Format, Global, ReportArgs},
    failure::Failure,
    terminal,
};
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
pub fn check(args: &ReportArgs) -> Result<(), Failure> {
    for (_, path) in &args.reports {
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
pub fn deliver(args: &ReportArgs, text: impl Fn(Format) -> String) -> Result<(), Failure> {
    terminal::print(&text(args.format));
    for (format, path) in &args.reports {
        let text = anstream::adapter::strip_str(&text(*format)).to_string();
        fs::write(path, text)
            .map_err(|error| Failure::environment(format!("cannot write the report {}: {error}", path.display())))?;
    }
    Ok(())
}
