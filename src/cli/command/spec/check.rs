//! `aswritten spec check`.

use std::path::Path;

use crate::cli::{
    exit_code::ExitCode,
    failure::Failure,
    specs::{self, count},
    terminal,
};

/// Says what is wrong; loading prints every problem.
pub fn run(folder: Option<&Path>) -> Result<ExitCode, Failure> {
    let set = specs::load(folder)?;
    let documented = set.operations().filter(|(_, operation)| operation.is_documented()).count();
    let companions = set.operations().count() - documented;
    let levels = set.requirements().count();
    terminal::print(&format!(
        "ok: {}, {}, {}, {}\n",
        count(set.services.len(), "service"),
        count(documented, "documented operation"),
        count(companions, "companion"),
        count(levels, "requirement"),
    ));
    Ok(ExitCode::Fine)
}
