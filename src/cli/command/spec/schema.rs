//! `aswritten spec schema`.

use crate::{
    cli::{exit_code::ExitCode, failure::Failure, terminal},
    spec::schema::schema,
};

pub fn run() -> Result<ExitCode, Failure> {
    terminal::print(&schema());
    Ok(ExitCode::Fine)
}
