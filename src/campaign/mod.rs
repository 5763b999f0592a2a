//! One run over many cases: plan, execute, judge, shrink, confirm, count.
//!
//! [`run()`] hands case numbers to workers; each generates its script, executes it, and judges the history. Because a case is a
//! function of the seed and its number, the order in which workers finish changes nothing but the progress bar.
//! [`tally`] adds up what cases say, and `precedence` puts codes that won over one another in a row. A call that earned no answer is sent again, with the little that it needs. When all
//! cases are done, each failure is shrunk and confirmed once.
//! What a reader needs is plain data in [`outcome`]; terminals and file formats are for others.

mod confirm;
pub mod counterexample;
pub mod event;
pub mod outcome;
mod precedence;
pub mod replay;
mod room;
pub mod run;
pub mod settings;
mod shrink;
pub mod tally;

pub use event::Event;
pub use outcome::{Outcome, Verdict};
pub use run::{run, run_planned};
pub use settings::Settings;
