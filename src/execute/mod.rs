//! Script + endpoint → history.
//!
//! Places are filled, commands sent one after the other, repeated reads repeated, and everything noted with its times. A
//! command whose handle was never bound is noted as not sent. Nothing is judged here.

mod binding;
mod clean;
mod interpreter;
mod pace;

pub use binding::{Givens, Surroundings};
pub use interpreter::execute;
pub use pace::Pace;
