//! Script + endpoint → history.
//!
//! Places are filled, commands sent one after the other, repeated reads repeated, and everything noted with its times. A
//! command whose handle was never bound is noted as not sent. Commands with a lane are sent side by side ([`lanes`]), and
//! what comes after them waits for all. In the end, what the script has `left` is removed. Nothing is judged here.

mod binding;
pub mod clean;
mod interpreter;
pub mod lanes;
mod left;
mod pace;

pub use binding::{Givens, Surroundings, run_name};
pub use interpreter::execute;
pub use pace::Pace;
