//! One file for each subcommand.

mod cleanup;
mod dry_plan;
mod judge;
mod mutants;
mod profile;
mod replay;
mod run;
mod sdk;
mod serve;
mod spec;

use super::{
    args::{Cli, Command},
    exit_code::ExitCode,
    failure::Failure,
};

/// Does what a command line says.
///
/// # Errors
/// What kept it from doing so.
pub fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    match &cli.command {
        Command::Run(args) => runtime_of(args.workers)?.block_on(run::run(args, &cli.global)),
        Command::Serve(args) => runtime()?.block_on(serve::run(args, &cli.global)),
        Command::Mutants(args) => runtime()?.block_on(mutants::run(args, &cli.global)),
        Command::Replay(args) => runtime()?.block_on(replay::run(args, &cli.global)),
        Command::Sdk(args) => sdk::run(args, &cli.global),
        Command::Cleanup(args) => runtime()?.block_on(cleanup::run(args, &cli.global)),
        Command::Profile(args) => runtime()?.block_on(profile::run(args, &cli.global)),
        Command::Judge(args) => judge::judge(&args.files, &args.report, &cli.global),
        Command::Merge(args) => judge::merge(&args.files, &args.report, &cli.global),
        Command::Spec(command) => spec::run(command, &cli.global),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    runtime_of(None)
}

/// Threads for so many workers. One has nothing to share: handing its requests from thread to thread takes longer than they do.
fn runtime_of(workers: Option<u16>) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match workers {
        Some(1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build().map_err(|error| Failure::environment(format!("cannot start threads: {error}")))
}
