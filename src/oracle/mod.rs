//! Judges a history by the model.
//!
//! What is known of the endpoint is a *belief*: a set of worlds, each a state with the answers to open questions that it
//! depends on. Each answer keeps the worlds that explain it; when none is left, the endpoint did what no reading of the
//! documents permits, and [`blame`] finds the sentence that was broken.
//!
//! - Asynchronous work may be done or not: before each exchange every world is joined by those in which some of it is.
//! - A lost answer may have happened or not: both stay.
//! - A world in which work takes longer than patience allows is kept, but marked *late*: as soon as only late worlds explain
//!   what was seen, a documented call was too slow, and that is the finding, for nothing that comes later can tell otherwise.
//! - A requirement counts as *exercised* only when every world that explains the whole history agrees that it was: a
//!   delete that may have come after the copy had finished says nothing about images being copied.
//! - Of calls that overlap, every order is tried in which each takes effect between its start and its end (`order`); a
//!   history conforms if some order of them does (`race`). So the model of single calls is enough to judge races.
//! - What a call promised about state counts once a later read has shown it.
//!
//! This layer is pure: it knows neither time nor endpoints, only what the history says.

mod attempt;
mod attribute;
mod belief;
pub mod blame;
mod course;
mod explain;
pub mod finding;
mod hindsight;
mod judge;
mod late;
mod order;
mod precedence;
mod race;
mod repeated;
mod shown;

pub use finding::{Finding, Judged, Nature};
pub use judge::judge;
pub use repeated::is_explained_by_repetition;
