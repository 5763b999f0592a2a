//! Scripts from the model: planned ways to every requirement, random ones around them, and free ones.
//!
//! [`plan`] searches the model breadth first, from nothing, with two kinds of moves: ways to call companions
//! ([`moves`]), and letting asynchronous work finish. In every state that it meets it tries the candidate calls of the
//! documented operation ([`candidates`]) and asks the model what each would exercise. The first, and so the shortest, way to
//! each requirement becomes its plan; nothing is written by hand for any of them.
//!
//! `pairs` puts two ways together, so that two reasons to refuse a call hold at once. `beside` makes ways to a call with
//! something next to it. `goal` says what a call shows, `stop` where it may be made, and `cover` puts such stops together into
//! few scripts, each a `tour`, that exercise everything once; they are the first cases of a run. `aimed` is about what is left
//! of that where single requirements are asked for, and more of it. `approach` finds the cheapest way from where a tour stands
//! to its next stop, `spot` keeps what was worked out there for other tours, and `raced` lets tours have races in them.
//! [`case`] makes the others: a plan, `woven` with random moves and arguments that are kept only while the model says
//! that the requirement is still met, or a free walk. [`readback`] adds the reads that prove what a call did.
//!
//! [`races`] puts calls beside each other, in lanes, for what can only be seen when they overlap.
//!
//! `beginning` is what fits of a tour into the rest of a budget. `proposal` and [`tree`] make smaller scripts of one that
//! fails: what the model would do, and what is left with less.
//!
//! Everything follows from the seed and the specs: a case is a function of the root seed and its number, whatever ran
//! before it and however many workers there are. This is the only home of proptest.

mod aimed;
mod approach;
mod beginning;
mod beside;
pub mod candidates;
pub mod case;
mod cover;
pub mod dice;
mod exercise;
mod gap;
mod goal;
pub mod join;
pub mod moves;
mod options;
mod pairs;
pub mod permit;
pub mod plan;
mod proposal;
mod raced;
pub mod races;
pub mod readback;
mod relevance;
pub mod simulate;
mod spot;
mod stop;
mod tour;
pub mod tree;
mod woven;

pub use case::Generator;
pub use options::Options;
pub use permit::{Need, Permit};
