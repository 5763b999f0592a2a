//! What a run found, for people and for programs.
//!
//! A report reads a [`Context`] and makes text; it never computes a verdict, and knows neither endpoints nor how cases run.
//! Each format of a run's report is one file with a [`Reporter`], listed in [`REPORTERS`].

pub mod account;
mod alike;
pub mod changes;
pub mod curl;
mod github;
pub mod human;
pub mod json;
mod junit;
pub mod kills;
mod markdown;
pub mod replay;
pub mod sdk;

use std::collections::BTreeMap;

pub use account::Account;
use serde_json::{Value, json};
use url::Url;

pub use changes::Changes;

use crate::{
    campaign::{
        Outcome, Verdict,
        outcome::{FindingResult, OperationResult},
    },
    spec::{Operation, Requirement, SpecSet, operation::Document, service::OpRef},
    wire::{Format, Placement},
};

/// A format of a run's report.
pub struct Reporter {
    /// Name for `--report NAME=PATH`.
    pub name: &'static str,
    /// What it is, in few words.
    pub about: &'static str,
    /// Makes the text; it may hold colours.
    pub text: fn(&Context<'_>) -> String,
}

/// All formats; the first is what people read.
pub static REPORTERS: &[&Reporter] =
    &[&human::REPORTER, &json::REPORTER, &junit::REPORTER, &markdown::REPORTER, &github::REPORTER];

impl std::fmt::Debug for Reporter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

/// Everything that reports read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub set: &'a SpecSet,
    pub outcome: &'a Outcome,
    /// Paths of counterexamples, by the key of their finding.
    pub replay: &'a BTreeMap<String, String>,
    /// How requests of each service travel.
    pub addresses: &'a Addresses,
    /// Requirements that were selected; all when empty.
    pub only: &'a [(OpRef, usize)],
    /// What a run did to an account; nothing on a mock of our own.
    pub account: Option<&'a Account>,
    pub detail: Detail,
    /// What changed since an earlier run, where there is one to compare with.
    pub changes: Option<&'a Changes>,
    /// When the run began: ISO 8601, in UTC.
    pub started: &'a str,
    /// Folder of the specs, as seen from where the run began.
    pub root: &'a str,
}

/// Requirements of an operation that were selected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub selected: usize,
    pub exercised: usize,
    pub violated: usize,
}

impl Context<'_> {
    /// Path of the counterexample of a finding.
    pub fn replay_of(&self, result: &FindingResult) -> Option<&str> {
        self.replay.get(&result.finding.key).map(String::as_str)
    }

    pub fn is_selected(&self, at: OpRef, requirement: usize) -> bool {
        self.only.is_empty() || self.only.contains(&(at, requirement))
    }

    pub fn counts(&self, result: &OperationResult) -> Counts {
        let mut counts = Counts::default();
        for found in result.requirements.iter().filter(|found| self.is_selected(result.at, found.requirement)) {
            counts.selected += 1;
            counts.exercised += usize::from(found.exercised > 0);
            counts.violated += usize::from(found.verdict == Verdict::Violates);
        }
        counts
    }
}

/// How much a person wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    Little,
    Usual,
    Much,
}

/// By service.
pub type Addresses = BTreeMap<usize, Address>;

/// Where requests of a service go, and how; without secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    pub url: Url,
    pub scheme: String,
    pub placement: Placement,
    pub format: Format,
}

impl Address {
    /// As records keep it.
    pub fn to_json(&self) -> Value {
        let placement = PLACEMENTS.iter().find(|(_, placement)| *placement == self.placement);
        json!({
            "url": self.url.as_str(),
            "scheme": self.scheme,
            "placement": placement.map(|(name, _)| name),
            "xml": self.format == Format::Xml,
        })
    }

    /// Reads what [`Address::to_json`] wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let placement = PLACEMENTS.iter().find(|(name, _)| value["placement"] == *name)?;
        Some(Self {
            url: Url::parse(value["url"].as_str()?).ok()?,
            scheme: value["scheme"].as_str()?.to_owned(),
            placement: placement.1,
            format: if value["xml"] == true { Format::Xml } else { Format::Json },
        })
    }
}

const PLACEMENTS: [(&str, Placement); 4] = [
    ("get", Placement::Get),
    ("post-query", Placement::PostQuery),
    ("post-form", Placement::PostForm),
    ("post-json", Placement::PostJson),
];

/// A document with its date: `ECS: DeleteImage (2026-06-18)`.
pub fn document(document: &Document) -> String {
    if document.updated.is_empty() {
        document.title.clone()
    } else {
        format!("{} ({})", document.title, document.updated)
    }
}

/// Where a requirement is promised: `ECS: DeleteImage (2026-06-18), Error codes, row 2`.
pub fn citation(operation: &Operation, requirement: &Requirement) -> String {
    let own = || document(&operation.document);
    format!("{}, {}", requirement.document.clone().unwrap_or_else(own), requirement.source)
}

/// A number with separators between thousands: `1,203`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 case`, `1,203 cases`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// What cases and shrinking have sent.
fn requests(outcome: &Outcome) -> String {
    let cases = count(outcome.requests, "request");
    match outcome.shrink_requests {
        0 => cases,
        more => format!("{cases} and {} to shrink", number(more)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers() {
        for (number, expected) in [(0, "0"), (999, "999"), (1203, "1,203"), (1_234_567, "1,234,567")] {
            assert_eq!(super::number(number), expected);
        }
        assert_eq!([0, 1, 1203].map(|n| super::count(n, "case")), ["0 cases", "1 case", "1,203 cases"]);
    }
}
