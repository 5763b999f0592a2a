//! What the validation of SDKs found, for people and for programs.

pub mod human;
pub mod json;

use crate::{
    sdk::{
        campaign::{Finding, Outcome},
        catalogue::{Catalogue, REQUIREMENTS},
        server::{self, Arrival},
        spoil::Delivery,
    },
    spec::SpecSet,
};

use super::Detail;

/// Everything that reports read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub set: &'a SpecSet,
    pub catalogue: &'a Catalogue,
    pub outcome: &'a Outcome,
    pub detail: Detail,
}

impl Context<'_> {
    /// Full id of a requirement of an adapter.
    fn id(&self, finding: &Finding) -> String {
        format!("{}/{}", finding.adapter.name, self.catalogue.requirements[finding.requirement].id)
    }

    /// Where the requirement is written.
    fn file(&self, finding: &Finding) -> String {
        format!("{REQUIREMENTS}:{}", self.catalogue.requirements[finding.requirement].line)
    }
}

/// What was answered, as it travelled; and what became of the connection, where that matters.
fn answered(arrival: &Arrival) -> (Vec<u8>, Option<&'static str>) {
    match &arrival.delivery {
        Delivery::Answer { response, cut } => {
            let mut raw = server::head(response);
            raw.extend_from_slice(&response.body[..cut.unwrap_or(response.body.len())]);
            (raw, cut.map(|_| "the connection is closed here"))
        }
        Delivery::Reset => (Vec::new(), Some("the connection is reset")),
        Delivery::Closed => (Vec::new(), Some("the connection is closed")),
        Delivery::Silence => (Vec::new(), Some("nothing, and the connection stays open")),
    }
}
