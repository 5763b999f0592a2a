//! One JSON object for a run. Fields are only ever added.

use serde_json::{Map, Value, json};

use super::{Context, Reporter, alike};
use crate::{
    campaign::{
        Verdict,
        outcome::{FindingResult, OperationResult},
    },
    model::Caller,
    oracle::finding::Order,
    sequence::{Script, command::short},
    spec::SpecSet,
};

pub static REPORTER: Reporter = Reporter { name: "json", about: "one JSON object", text };

/// Version of the object.
pub(super) const SCHEMA: u64 = 1;

/// The object, ending in a line break.
pub fn text(context: &Context<'_>) -> String {
    pretty(&value(context))
}

/// An object over several lines, ending in a line break.
pub(super) fn pretty(object: &Value) -> String {
    let mut text = serde_json::to_string_pretty(object).unwrap_or_default();
    text.push('\n');
    text
}

/// The object.
pub fn value(context: &Context<'_>) -> Value {
    let outcome = context.outcome;
    // The whole run has three verdicts: where nothing was exercised, nothing is known.
    let verdict = match outcome.verdict {
        Verdict::NotExercised => Verdict::Inconclusive,
        verdict => verdict,
    };
    let observations: Vec<Value> = outcome
        .observations
        .iter()
        .map(|seen| json!({ "question": seen.question, "answer": seen.answer, "choice": seen.choice, "times": seen.times }))
        .collect();
    let messages: Vec<Value> = outcome
        .messages
        .iter()
        .map(|(reworded, times)| {
            let operation = &context.set.operation(reworded.operation).id;
            json!({ "operation": operation, "code": reworded.code, "message": reworded.message, "times": times })
        })
        .collect();
    let representatives = alike::representatives(&outcome.findings);
    let findings = outcome.findings.iter().enumerate().map(|(position, result)| {
        let mut value = finding(context.set, result, context.replay_of(result));
        if representatives[position] != position {
            value["like"] = outcome.findings[representatives[position]].finding.key.as_str().into();
        }
        value
    });
    json!({
        "schema": SCHEMA,
        "verdict": verdict.name(),
        "reason": (outcome.verdict == Verdict::NotExercised).then_some("nothing was exercised"),
        "seed": outcome.seed,
        "endpoint": outcome.endpoint,
        "cases": outcome.cases,
        "requests": outcome.requests,
        "shrink_requests": outcome.shrink_requests,
        "seconds": seconds(outcome.seconds),
        "interrupted": outcome.interrupted,
        "stopped": outcome.stopped,
        "operations": outcome.operations.iter().map(|result| operation(context, result)).collect::<Vec<_>>(),
        "observations": observations,
        "races": { "pairs": outcome.races.pairs, "overlapped": outcome.races.overlapped },
        "findings": findings.collect::<Vec<_>>(),
        "messages": messages,
        "reasons": reasons(&outcome.reasons),
        "account": context.account.map(super::Account::to_json),
        "changes": context.changes.map(|changes| changes.to_json()),
        "specs": context.set.digest,
        "started": context.started,
    })
}

pub(super) fn reasons(reasons: &[(String, u64)]) -> Vec<Value> {
    reasons.iter().map(|(reason, times)| json!({ "reason": reason, "times": times })).collect()
}

/// Seconds with milliseconds.
pub(super) fn seconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn operation(context: &Context<'_>, result: &OperationResult) -> Value {
    let at = result.at;
    let described = context.set.operation(at);
    let requirements: Vec<Value> = result
        .requirements
        .iter()
        .map(|result| {
            let requirement = &described.requirements[result.requirement];
            json!({
                "id": requirement.id,
                "kind": requirement.kind.name(),
                "level": requirement.level.name(),
                "text": requirement.text,
                "document": requirement.document,
                "source": requirement.source,
                "selected": context.is_selected(at, result.requirement),
                "exercised": result.exercised,
                "verdict": result.verdict.name(),
                "reason": result.reason,
            })
        })
        .collect();
    let (covered, of) = result.coverage();
    let (violated, exercised) = result.divergence();
    json!({
        "id": described.id,
        "document": { "title": described.document.title, "updated": described.document.updated, "page": described.document.page },
        "edition": described.edition,
        "coverage": { "exercised": covered, "of": of },
        "divergence": { "violated": violated, "of": exercised },
        "requirements": requirements,
    })
}

/// A finding by itself, which no other stands for; `replay` is the path of its counterexample.
pub fn finding(set: &SpecSet, result: &FindingResult, replay: Option<&str>) -> Value {
    let found = &result.finding;
    let (at, index) = found.requirement;
    let operation = set.operation(at);
    let requirement = &operation.requirements[index];
    json!({
        "key": found.key,
        "requirement": requirement.id,
        "level": requirement.level.name(),
        "status": found.nature.name(),
        "counts": result.counts,
        "summary": found.summary,
        "promised": requirement.text,
        "source": requirement.source,
        "document": requirement.document.as_ref().unwrap_or(&operation.document.title),
        "file": requirement.span.to_string(),
        "expected": found.expected,
        "actual": found.actual,
        "before": found.before,
        "script": script(set, &result.script),
        "culprit": found.culprit + 1,
        "shown_by": found.command + 1,
        "orders": found.orders.iter().map(order).collect::<Vec<_>>(),
        "stable": result.again.is_stable(),
        "again": { "times": result.again.times, "shown": result.again.shown },
        "cases": result.cases,
        "requests_to_failure": result.requests_to_failure,
        "shrink_requests": result.shrink_requests,
        "replay": replay,
        "like": null,
    })
}

/// An order of overlapping calls, with numbers as people count.
fn order(order: &Order) -> Value {
    let commands: Vec<usize> = order.commands.iter().map(|command| command + 1).collect();
    json!({ "commands": commands, "why": order.why })
}

/// Commands with symbolic places; very long values are kept short, because the counterexample has them whole.
fn script(set: &SpecSet, script: &Script) -> Value {
    let commands = script.commands.iter().map(|command| {
        let operation = set.operation(command.operation);
        let arguments: Map<String, Value> = operation
            .params
            .iter()
            .zip(&command.arguments)
            .filter_map(|(param, value)| {
                let value = value.as_ref()?;
                let is_long = value.to_string().len() > LONGEST_VALUE;
                Some((param.name.clone(), if is_long { short(value).into() } else { value.clone() }))
            })
            .collect();
        let mut said = json!({ "operation": operation.id, "arguments": arguments });
        if command.caller != Caller::Main {
            said["caller"] = command.caller.name().into();
        }
        if let Some(lane) = command.lane {
            said["lane"] = lane.into();
        }
        said
    });
    Value::Array(commands.collect())
}

/// Longest value that a script shows whole, in bytes of JSON.
const LONGEST_VALUE: usize = 4096;
