//! What came of a counterexample that was run again, for people and for programs.

use serde_json::{Value, json};

use super::{
    Addresses, Detail,
    human::{self, Evidence},
    json::{SCHEMA, finding, pretty, reasons, seconds},
};
use crate::{
    campaign::{counterexample::Counterexample, replay::Replayed},
    oracle::finding::Races,
    spec::SpecSet,
};

/// Everything that the reports of a replay read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub set: &'a SpecSet,
    pub file: &'a Counterexample,
    /// Path of the file.
    pub path: &'a str,
    pub replayed: &'a Replayed,
    /// Name of the endpoint.
    pub endpoint: &'a str,
    pub addresses: &'a Addresses,
    pub detail: Detail,
}

/// For people: the finding as a run tells it, or that it did not show itself.
pub fn human(context: &Context<'_>) -> String {
    let Replayed { times, shown, .. } = context.replayed;
    let races = match context.replayed.races {
        Races { pairs: 0, .. } => String::new(),
        Races { pairs, overlapped } => format!("; {overlapped} of {pairs} pairs of calls overlapped"),
    };
    if let Some(result) = &context.replayed.finding {
        let is_same = context.replayed.is_same(context.file);
        let what = if is_same { "showed itself" } else { "is another failure than the file's, and showed itself" };
        let seen = format!("{what} {shown} of {times} times on {}{races}", context.endpoint);
        return human::finding(context.set, context.addresses, result, &Evidence { seen, replay: None });
    }
    if let Some(reason) = &context.replayed.reason {
        return format!("cannot be judged: {reason}\n");
    }
    let summary = if context.detail > Detail::Little { format!("{}\n", context.file.summary) } else { String::new() };
    format!("{summary}did not show itself, {times} of {times} times on {}{races}\n", context.endpoint)
}

/// One JSON object: that of a run, as far as it goes, and what was replayed. Fields are only ever added.
pub fn json(context: &Context<'_>) -> String {
    let replayed = context.replayed;
    let findings: Vec<Value> =
        replayed.finding.iter().map(|result| finding(context.set, result, Some(context.path))).collect();
    pretty(&json!({
        "schema": SCHEMA,
        "verdict": replayed.verdict.name(),
        "reason": replayed.reason,
        "endpoint": context.endpoint,
        "cases": replayed.times,
        "requests": replayed.requests,
        "seconds": seconds(replayed.seconds),
        "replayed": {
            "file": context.path,
            "key": context.file.key,
            "requirement": context.file.requirement,
            "summary": context.file.summary,
            "times": replayed.times,
            "pairs": replayed.races.pairs,
            "overlapped": replayed.races.overlapped,
            "shown": if replayed.is_same(context.file) { replayed.shown } else { 0 },
        },
        "findings": findings,
        "reasons": reasons(&replayed.reasons),
    }))
}
