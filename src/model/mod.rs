//! The reference model: what the documents permit, as a pure function.
//!
//! `outcomes(state, request) → {(answer, changes)}`: the answer is a *set*, because documents leave things open, several
//! conditions may hold at once, and asynchronous work may be done or not. The same function drives three readers: the
//! planner searches it, the oracle explains answers with it, and the mock picks one of its outcomes.
//!
//! # How a call is judged here
//!
//! A call that does not prove who sends it is refused, whatever it asks. Of every other call:
//!
//! 1. Every [row](crate::spec::operation::Row) whose condition holds is *due*, unless an override lifts it. A condition
//!    that looks at named resources is evaluated for each of them.
//! 2. With nothing due the call succeeds, with its effects. Otherwise it is refused with the code of any due row, and
//!    nothing changes but what the spec says of refused calls (partial batches).
//! 3. Open questions are asked lazily: evaluation stops at a question whose answer matters and is not known, and goes on
//!    once for each answer. So a world is bound only to the answers that its history depends on.
//! 4. A row that only overlapping calls can earn is permitted, and never due, where other work was under way on what the
//!    call names. Whether it was is for others to know: the model carries out one call at a time.
//! 5. `later` effects become *pending*; [`State::settle`] yields the states in which some of them have happened.
//!
//! The model knows no clock (time is an argument), no randomness, no bytes, and no endpoint.

mod access;
pub mod choices;
mod common;
mod deciding;
mod effects;
pub mod evaluate;
mod looked;
pub mod outcome;
pub mod request;
#[cfg(test)]
pub(crate) mod shop;
pub mod state;
#[cfg(test)]
mod tests;
pub mod view;

pub use choices::Choices;
pub use deciding::{Deciding, deciding};
pub use evaluate::Ask;
pub use looked::Looked;
pub use outcome::{
    Answer, Aspect, Claim, Outcome, Refused, goes_first, likely, outcomes, outcomes_looking, outcomes_with,
};
pub use request::{Caller, Request};
pub use state::{Change, Pending, Resource, State};
