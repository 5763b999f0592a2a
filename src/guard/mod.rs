//! What keeps a run from touching anything but what it made.
//!
//! A real account holds other people's things. Nothing here believes the generator: between whoever makes calls and the
//! wire stands one [`Guarded`] endpoint, and a call that may change something passes only if
//!
//! - every resource that it [names], in whatever spelling, is in the run's own [`Ledger`], or was looked up just
//!   before and is not there, or is one of the given things that the operation reads;
//! - whatever it creates carries the run's name, and is in the ledger, on disk, before it is sent;
//! - the budget allows it.
//!
//! What does not pass is *not sent*, with the reason; nothing is judged by it. [`mod@sweep`] removes what a ledger holds, users
//! before what they use, and proves each removal by a read. `listing` finds what a killed run made and had no time to note.
//!
//! Nothing here knows what is expected of an answer, and no vendor: what reads, removes, names and lists is in the specs.

pub mod budget;
pub mod ledger;
mod listing;
mod lookup;
pub mod names;
mod reads;
pub mod record;
mod rules;
pub mod sender;
pub mod sweep;

pub use budget::{Budget, Usage};
pub use ledger::{Ledger, LedgerError, Sink};
pub use rules::{Probes, Rules};
pub use sender::Guarded;
pub use sweep::{Swept, sweep};
