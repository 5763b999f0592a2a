//! Does a cloud API behave as its document is written?
//!
//! `aswritten` takes machine-readable specs of documented operations, generates sequences of requests from them, sends
//! the sequences to any endpoint that speaks the API, and judges every answer by a model. What departs from the document
//! is shrunk to the shortest sequence that shows it, and reported with the place in the document that it contradicts.
//!
//! # The journey of a request
//!
//! Data flows one way, and so do the imports (a test keeps them):
//!
//! 1. [`spec`] reads TOML files into a checked [`spec::SpecSet`], or reports everything that is wrong with them.
//! 2. [`model`] is what the documents permit, as a pure function: `outcomes(state, request) → {(answer, changes)}`. The answer
//!    is a set, because documents leave things open and asynchronous work may be done or not.
//! 3. [`generate`] searches the model for the shortest way to every requirement, weaves random moves around it, and adds
//!    the reads that prove what a call did. The result is a [`sequence::Script`] with symbolic handles.
//! 4. [`execute`] fills the handles with real ids and sends the script to an [`endpoint`]: the mock called as a function, or
//!    any URL. [`wire`] spells, signs and reads what travels. What was sent and seen is a [`history::History`].
//! 5. [`oracle`] holds a *belief*, the set of worlds that explain the history so far. An empty belief is a violation, and
//!    the oracle says which sentence was broken. A requirement counts as exercised only when every explanation agrees.
//! 6. [`campaign`] runs many cases, shrinks and confirms failures, and adds everything up.
//! 7. [`record`] writes all of it down while it happens, and makes of what was written what the run would report.
//! 8. [`report`] turns that into text, JSON, XML and Markdown; [`cli`] alone prints, reads the environment and exits.
//!
//! [`mock`] is the model with the choices made: a server that does what the specs say. It shares the model with the oracle, so
//! it proves nothing by itself. [`mutant`] plants one bug at a time in it, and sees whether the suite finds that.
//!
//! [`sdk`] turns this round: generated sequences go through vendors' SDKs to the mock, and what reaches the wire and what the
//! caller is told is judged.
//!
//! # Invariants
//!
//! - The model and the oracle know no clock, no randomness, no bytes and no endpoint.
//! - Only [`generate`] uses proptest, only [`endpoint::http`] sends requests.
//! - Vendor names are in the specs and in [`wire`]; the engine knows none.
//! - A lost answer is never an error answer, inconclusive is never passing, and nothing is repeated silently.
//!
//! # In your own tests
//!
//! [`trials()`] hands out one test for each requirement; see there for a harness of three lines.

pub mod campaign;
pub mod cli;
pub mod endpoint;
pub mod execute;
pub mod generate;
pub mod guard;
pub mod history;
pub mod mock;
pub mod model;
pub mod mutant;
pub mod oracle;
pub mod record;
pub mod report;
pub mod sdk;
pub mod sequence;
pub mod spec;
pub mod trials;
pub mod value;
pub mod wire;

pub use trials::trials;
