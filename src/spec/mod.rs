//! What the documents promise, as checked data.
//!
//! A spec is a folder of TOML files: `<vendor>/<service>/service.toml`, and one file per operation beside it.
//! Reading goes in passes, and each reports every problem that it finds before the next begins to rely on it:
//!
//! 1. [`reading`]: TOML → entries with the right keys and kinds, by the description in [`mod@format`];
//! 2. `lower`: entries → a [`SpecSet`] in which every name is resolved and every rule has its requirement.
//!
//! This layer knows nothing of requests, endpoints or states.
//!
//! # The ideas of the format
//!
//! - **Resources** have attributes that vary independently (status, accounts that it is shared with); what follows from
//!   them is *derived* (shared: there are accounts; in use: some instance refers to the image).
//! - **Rows** say when a call must be refused and with which code. Several may hold at once; any of their codes is right. A
//!   condition that looks at a named resource holds for a batch when it holds for one element.
//! - **Access** rows come first: a request that does not prove who sends it is refused, and nothing else of it matters.
//! - **Overrides** lift rows: `Force`, a dry run that checks nothing.
//! - **Open questions** are constants of the endpoint that the document leaves open. Conditions use them like values
//!   (`image.missing and missing-image is refused`), so a contradiction is written once, where it bites.
//! - **Effects** create, update and delete; `later` effects happen by themselves some time after the answer.
//! - **Views** say what a read shows, which is how effects are proved.
//! - **Promises** name what the prose says, so that a violation is reported under the sentence it breaks.

mod caller;
pub mod diagnostic;
pub mod expression;
pub mod format;
pub mod id;
pub mod load;
mod lower;
pub mod operation;
pub mod rate;
pub mod reading;
pub mod requirement;
pub mod resource;
pub mod schema;
pub mod service;
pub mod source;

pub use caller::Caller;
pub use load::{embedded, from_folder};
pub use operation::Operation;
pub use requirement::{Kind, Level, Requirement};
pub use service::{OpRef, Service, SpecSet};
