//! One JSON object: the fields of a run, with `adapter`, `sdk` and `sdk_version`. Fields are only ever added.

use serde_json::{Value, json};

use super::{Context, answered};
use crate::{
    campaign::Verdict,
    report::json::{SCHEMA, pretty, seconds},
    sdk::{
        campaign::{Finding, RequirementResult, SdkResult},
        catalogue::Deviation,
        protocol::Known,
    },
};

/// The object, ending in a line break.
pub fn text(context: &Context<'_>) -> String {
    let outcome = context.outcome;
    let verdict = match outcome.verdict() {
        Verdict::NotExercised => Verdict::Inconclusive,
        verdict => verdict,
    };
    let broken = outcome.broken.iter().map(|(adapter, why)| json!({ "adapter": adapter, "reason": why }));
    pretty(&json!({
        "schema": SCHEMA,
        "verdict": verdict.name(),
        "reason": (outcome.verdict() == Verdict::NotExercised).then_some("nothing was exercised"),
        "seed": outcome.seed,
        "endpoint": "mock",
        "cases": outcome.cases(),
        "requests": outcome.requests(),
        "shrink_requests": outcome.findings.iter().map(|finding| finding.shrink_requests).sum::<u64>(),
        "seconds": seconds(outcome.seconds),
        "interrupted": outcome.interrupted,
        "operations": outcome.sdks.iter().map(|sdk| operation(context, sdk)).collect::<Vec<_>>(),
        "findings": outcome.findings.iter().map(|found| finding(context, found)).collect::<Vec<_>>(),
        "specs": context.set.digest,
        // The service is the mock, of which there is nothing to tell: no open questions, no account, no races.
        "observations": [],
        "races": { "pairs": 0, "overlapped": 0 },
        "messages": [],
        "reasons": [],
        "account": null,
        "changes": null,
        "stale_deviations": outcome.stale.iter().map(stale).collect::<Vec<_>>(),
        "unusable": broken.collect::<Vec<_>>(),
    }))
}

fn operation(context: &Context<'_>, sdk: &SdkResult) -> Value {
    let requirements: Vec<Value> = sdk
        .requirements
        .iter()
        .map(|result| {
            let requirement = &context.catalogue.requirements[result.requirement];
            json!({
                "id": format!("{}/{}", sdk.adapter.name, requirement.id),
                "kind": requirement.group(),
                "level": requirement.level.name(),
                "text": requirement.text,
                "source": sdk.adapter.source(requirement),
                "document": null,
                "selected": true,
                "exercised": result.exercised,
                "broken": result.broken,
                "known": result.known,
                "verdict": result.verdict.name(),
                "reason": (result.exercised == 0).then_some("no case came to it"),
            })
        })
        .collect();
    let count = |is: &dyn Fn(&RequirementResult) -> bool| sdk.requirements.iter().filter(|result| is(result)).count();
    let exercised = count(&|result| result.exercised > 0);
    json!({
        "id": sdk.operation,
        "coverage": { "exercised": exercised, "of": sdk.requirements.len() },
        "divergence": { "violated": count(&|result| result.broken > 0), "of": exercised },
        "adapter": sdk.adapter.name,
        "sdk": sdk.known.sdk,
        "sdk_version": sdk.known.sdk_version,
        "runtime": sdk.runtime,
        "cases": sdk.cases,
        "requests": sdk.requests,
        "reason": sdk.trouble,
        "requirements": requirements,
    })
}

fn finding(context: &Context<'_>, finding: &Finding) -> Value {
    let requirement = &context.catalogue.requirements[finding.requirement];
    let first = finding.sdks.first();
    let wire = finding.seen.arrivals.iter().map(|arrival| {
        let (raw, then) = answered(arrival);
        json!({
            "request": String::from_utf8_lossy(&arrival.raw),
            "answer": String::from_utf8_lossy(&raw),
            "then": then,
            "carried_out": arrival.acted,
        })
    });
    json!({
        "key": finding.key,
        "requirement": context.id(finding),
        "level": requirement.level.name(),
        "status": "violation",
        "counts": finding.counts(),
        "summary": finding.breach.summary,
        "promised": requirement.text,
        "source": finding.adapter.source(requirement),
        "file": context.file(finding),
        "expected": [finding.breach.expected],
        "actual": finding.surfaced(),
        "script": finding.case.to_json(context.set),
        "culprit": finding.case.script.commands.len(),
        "stable": finding.stable,
        "cases": finding.cases,
        "requests_to_failure": finding.requests_to_failure,
        "shrink_requests": finding.shrink_requests,
        "adapter": finding.adapter.name,
        "sdk": first.map(|known| &known.sdk),
        "sdk_version": first.map(|known| &known.sdk_version),
        "sdks": finding.sdks.iter().map(|known| json!({ "sdk": known.sdk, "sdk_version": known.sdk_version })).collect::<Vec<_>>(),
        "runtime": finding.runtime,
        "symptom": finding.breach.symptom,
        "call": finding.seen.written,
        "signing": finding.seen.call.options.signing,
        "treatments": finding.case.treatment_lines(),
        "wire": wire.collect::<Vec<_>>(),
        "known": finding.known,
    })
}

fn stale((deviation, known): &(Deviation, Known)) -> Value {
    json!({
        "adapter": deviation.adapter,
        "requirement": deviation.requirement,
        "symptom": deviation.symptom,
        "sdk": known.sdk,
        "sdk_version": known.sdk_version,
        "reason": deviation.reason,
    })
}
