//! A service that does what the specs say: the model with the choices made.
//!
//! - [`service`] holds the state and answers calls; it knows no bytes.
//! - [`handling`] is one call on its way, beside others: no lock is held while a call is worked on.
//! - [`policy`] is how open questions are answered, and how fast asynchronous work is done.
//! - [`http`] reads and writes requests: protocol, signature, time and nonce are checked as the vendors document.
//! - [`server`] puts it on a socket.
//! - [`manners`] are those of real clouds: slow, late, throttled, lossy, shared with others. All are off by default.
//! - [`fault`] is where a planted bug takes hold; this module knows none.
//!
//! It shares the model with the oracle, so it proves nothing by itself.

mod carry;
pub mod fault;
pub mod handling;
pub mod http;
mod line;
pub mod manners;
pub mod policy;
pub mod render;
pub mod server;
pub mod service;
#[cfg(feature = "wiremock")]
pub mod wiremock;

pub use http::Front;
pub use manners::Manners;
pub use policy::Policy;
pub use service::Mock;
