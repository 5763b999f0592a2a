//! `aswritten spec`.

mod check;
mod list;
mod schema;
mod show;

use crate::{
    cli::{
        args::{Global, Spec},
        exit_code::ExitCode,
        failure::Failure,
    },
    spec::operation::Code,
};

pub fn run(command: &Spec, global: &Global) -> Result<ExitCode, Failure> {
    let folder = global.specs.as_deref();
    match command {
        Spec::List { format } => list::run(folder, *format),
        Spec::Show { id, format } => show::run(folder, id, *format),
        Spec::Check { path } => check::run(path.as_deref().or(folder)),
        Spec::Schema => schema::run(),
    }
}

/// A code as documents write it.
fn code(code: &Code) -> String {
    match code {
        Code::Exact(exact) => exact.clone(),
        Code::Pattern { before, after } => format!("{before}%s{after}"),
        Code::Any => "*".into(),
    }
}
