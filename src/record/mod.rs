//! The record of a run: everything that was sent and seen, as JSON Lines that are written while it happens.
//!
//! One line is one [`Line`]: the run with its seed and specs, a case that begins, an exchange, a case that was judged,
//! a failure, the end. Lines are whole as soon as they are written, so the record of a run that was killed can be read up to
//! that moment. Secrets of the run are taken out of every line.
//!
//! [`read`](mod@read) gives the lines back, and [`fold()`] makes of one or more records what the run itself would have
//! reported: histories are judged again, by the specs that are loaded now, with the same code that judges a run. So a night
//! can be judged again without sending anything, and the shards of a run add up to what one run would have said.

pub mod fold;
pub mod line;
pub mod log;
pub mod read;
mod recorded;

pub use fold::{Folded, fold};
pub use line::{Head, Line};
pub use log::Log;
pub use read::{Record, read};
pub use recorded::Recorded;
