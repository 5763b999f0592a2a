//! What an endpoint offers, and what was asked for.

use super::permit::Permit;
use crate::{spec::service::OpRef, value::Key};

/// What an endpoint offers to a generator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Given things of other people that calls may name, such as `$given.public_image`.
    pub probes: Vec<Key>,
    /// The endpoint may be a real one: what is someone else's is named in dry runs only.
    pub careful: bool,
    /// Services that have a second, restricted credential.
    pub restricted: Vec<usize>,
    /// Only these requirements are aimed at; all when empty.
    pub only: Vec<(OpRef, usize)>,
    /// What the account lacks, and what nobody agreed to.
    pub permit: Permit,
}
