//! `aswritten spec check`.

use std::path::Path;

use crate::{
    cli::{exit_code::ExitCode, failure::Failure, specs, terminal},
    report::count,
};

/// Says what is wrong; loading prints every problem.
pub fn run(folder: Option<&Path>) -> Result<ExitCode, Failure> {
    let set = specs::load(folder)?;
    let documented = set.operations().filter(|(_, operation)| operation.is_documented()).count();
    let companions = set.operations().count() - documented;
    let levels = set.requirements().count();
    terminal::print(&format!(
        "ok: {}, {}, {}, {}\n",
        count(set.services.len() as u64, "service"),
        count(documented as u64, "documented operation"),
        count(companions as u64, "companion"),
        count(levels as u64, "requirement"),
    ));
    Ok(ExitCode::Fine)
}
