//! The command line: what was typed, what it means, what is printed, how it exits.
//!
//! [`args`] is what the user typed; `connect` and `selector` make of it what a campaign needs; [`command`] has one file
//! for each subcommand. Only this layer prints, reads the environment, and decides exit codes.

pub mod args;
pub mod command;
mod connect;
mod credentials;
mod duration;
pub mod exit_code;
mod failure;
mod givens;
mod preflight;
mod profile;
mod progress;
mod render;
mod reports;
mod safety;
mod selector;
mod signals;
mod specs;
mod target;
mod terminal;
mod told;

use clap::Parser;

pub use exit_code::ExitCode;
pub use failure::Failure;

/// Parses the arguments of this process and does what they say. Usage errors exit at once, as clap has it.
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    terminal::set_colors(cli.global.color);
    match command::run(&cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.code
        }
    }
}
