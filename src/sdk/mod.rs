//! Does a vendor's SDK do what its documentation, and that of the API, say?
//!
//! Generated sequences go through the real SDK to the mock, and the suite sees both ends: what the caller asked and what the
//! wire carried, what was answered and what the caller was told.
//!
//! - [`protocol`] is what an *adapter* speaks: a child process for each SDK, one JSON object per line each way. Anyone can
//!   write one, in any language; [`check`] says what one gets wrong.
//! - [`catalogue`] is data: the requirements, the adapters that are shipped, known deviations. [`install`] puts an adapter
//!   and the packages that it needs into a folder of their own.
//! - [`server`] is the mock's front on a socket of its own, which notes every byte and spoils answers as a [`case`] has it.
//! - [`case`] is one sequence with its *treatment*: what happens to the answer of its last call, attempt by attempt.
//!   [`generate`] makes them: the model gives the sequence, the catalogue of [`spoil`] the treatment.
//! - [`mod@bench`] runs a case and says what was seen; [`judge`] says which requirements that meets and which it breaks.
//! - [`campaign`] runs many for each SDK, shrinks what fails ([`shrink`]), and adds everything up.
//!
//! Nothing here knows a vendor: names, versions, documents and error classes are data beside the adapters.

pub mod bench;
pub mod campaign;
pub mod case;
pub mod catalogue;
pub mod check;
pub mod generate;
pub mod install;
pub mod judge;
pub mod process;
pub mod protocol;
pub mod server;
pub mod shrink;
pub mod spoil;
