//! The alphabet: commands with symbolic handles, and scripts of them.
//!
//! Arguments are JSON with places to fill, texts that begin with `$`:
//!
//! | Place | Filled with |
//! |---|---|
//! | `$image1` | the id of the resource that the command which *creates* `$image1` made; a [handle](command::Command::creates) |
//! | `$given.account` | a thing that the endpoint already has |
//! | `$name`, `$run` | a fresh name; the name of the run |
//! | `$token1` | an idempotency token, fresh in each execution; what follows `~` is appended, and one that is padded with `=` is as long as its place |
//!
//! The model computes with the places themselves: a handle is the key of its resource, and two arguments are equal when
//! their places are. So a script means the same on every endpoint, and shrinking never has to renumber anything.
//!
//! # Lanes
//!
//! A script is a sequence, but for one part of it, its *race*: commands that carry a [lane](command::Command::lane) run at the
//! same time as those of other lanes, and one after the other within their own. What comes before the race is done when it
//! begins, and what comes after it begins when all lanes are done. Commands keep one numbering, lanes or not, so that
//! everything that speaks of the position of a command needs to know nothing of lanes.

pub mod command;
pub mod script;

pub use command::{Command, Expected, Purpose, Until, Wait};
pub use script::Script;
