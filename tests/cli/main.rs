//! The binary as a process: what it prints, what it writes, how it exits, and what its runs leave behind.

mod arguments;
mod counterexamples;
mod endpoints;
mod hunts;
mod kill;
mod morning;
mod practice;
mod process;
mod profiles;
mod reports;
#[path = "../support/served.rs"]
mod served;
mod specs;
