//! One run over many cases: plan, execute, judge, shrink, confirm, count.
//!
//! [`run()`] hands case numbers to workers; each generates its script, executes it, and judges the history. Because a case is a
//! function of the seed and its number, the order in which workers finish changes nothing but the progress bar.
//! [`tally`] adds up what cases say, and `precedence` puts codes that won over one another in a row. A call that earned no
//! answer is sent again, with the little that it needs; what takes two cases to show itself is found in the later one
//! (`between`); a case that trouble kept from its aims is run again (`disturbed`).
//! When all cases are done, each failure is shrunk and confirmed once, and held against the call that did it; of one that
//! does not come again, an `excerpt` of what was seen is told.
//! [`conclude()`] says what it all comes to, for a run and for its record alike. What a reader needs is plain data in
//! [`outcome`]; terminals and file formats are for others.

mod between;
mod conclude;
mod confirm;
pub mod control;
pub mod counterexample;
mod disturbed;
pub mod event;
mod excerpt;
pub mod outcome;
mod precedence;
pub mod replay;
mod room;
pub mod run;
pub mod settings;
pub mod shard;
mod shrink;
pub mod tally;

pub use conclude::{Conclusion, Frame, conclude, failures, merge};
pub use confirm::{Confirmed, Doubts, unanswered};
pub use event::Event;
pub use outcome::{Outcome, Verdict};
pub use run::{Tell, run, run_planned, run_shard};
pub use settings::Settings;
pub use shard::Shard;
pub use shrink::Failed;
pub use tally::{Case, First, Tally};
