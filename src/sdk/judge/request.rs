//! What reached the wire.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Judgements, Trial};
use crate::{
    sdk::{bench::Surfaced, server::Arrival, spoil::Spoil},
    spec::{
        operation::{Param, ParamType},
        service::RegionTravel,
    },
    value::as_text,
    wire::{self, Format, Placement, Transport, described, form, protocol},
};

/// Texts and lists of at least so many letters or elements are long.
const LONG_TEXT: usize = 512;
const LONG_LIST: usize = 20;

pub(super) fn judge(trial: &Trial<'_>, found: &mut Judgements) {
    let seen = trial.seen;
    once(trial, found);
    let redirected = seen.arrivals.first().is_some_and(|first| matches!(first.treatment.spoil, Spoil::Redirect { .. }));
    // What follows a redirect is another question than the caller's.
    let judged = if redirected { 1 } else { seen.arrivals.len() };
    for (index, arrival) in seen.arrivals.iter().take(judged).enumerate() {
        signature(trial, index, arrival, found);
        content(trial, arrival, found);
    }
}

fn once(trial: &Trial<'_>, found: &mut Judgements) {
    let seen = trial.seen;
    let n_sent = seen.arrivals.len();
    if n_sent == 0 {
        // A tool may refuse a call that lacks what is required, before it sends anything.
        let lacks = trial.set.operation(seen.operation).params.iter().any(|param| {
            let given = seen.call.arguments.get(&param.name);
            let is_empty =
                given.is_some_and(|value| as_text(value).is_empty() || value.as_array().is_some_and(Vec::is_empty));
            param.required && !param.header && (given.is_none() || is_empty)
        });
        let is_local = matches!(seen.surfaced, Surfaced::Error(_)) && lacks;
        if !is_local {
            let summary = "the call reaches the wire not at all".into();
            found.broken("request/once", "not sent", summary, "one request");
        }
        return;
    }
    let spoiled = seen.arrivals[0].treatment.spoil != Spoil::Nothing;
    if trial.retries() == 0 && (!spoiled || n_sent == 1) {
        found.settle("request/once", n_sent == 1, "sent again", || {
            (format!("one call reaches the wire as {n_sent} requests"), "one request".into())
        });
    } else if trial.retries() == 0 {
        let spoil = &seen.arrivals[0].treatment.spoil;
        if !matches!(spoil, Spoil::Redirect { .. }) && !seen.arrivals[0].treatment.is_loss() {
            let summary = format!("{} is retried, although nobody asked for it", spoil.text());
            found.broken("trouble/retries", "retried unasked", summary, "one request");
        }
    }
}

fn signature(trial: &Trial<'_>, index: usize, arrival: &Arrival, found: &mut Judgements) {
    let wanted = &trial.seen.call.options.signing;
    match &trial.seen.signatures[index] {
        Ok(scheme) => {
            let is_known = trial.adapter.signing.is_empty() || scheme == wanted;
            found.settle("request/signature", is_known, "another scheme", || {
                (format!("the request is signed by {scheme}"), format!("a signature by {wanted}"))
            });
        }
        Err(refusal) => {
            let summary = format!("the signature does not verify: {}", refusal.code);
            found.broken("request/signature", "no valid signature", summary, format!("a valid signature by {wanted}"));
        }
    }
    found.settle("request/fresh", trial.seen.fresh[index], "used again", || {
        ("a nonce is used for the second time".into(), "a nonce that was never used".into())
    });
    let secret = &trial.seen.call.credentials.secret;
    let has = |text: &str| contains(&arrival.raw, text.as_bytes());
    found.settle("request/secret", !has(secret) && !has(&form::encode(secret)), "the secret travels", || {
        ("the secret stands in the request".into(), "the secret is nowhere in the request".into())
    });
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && all.windows(part.len()).any(|window| window == part)
}

/// Action, region and arguments.
fn content(trial: &Trial<'_>, arrival: &Arrival, found: &mut Judgements) {
    let call = &trial.seen.call;
    let service = trial.set.service(trial.seen.operation);
    let Some(protocol) = protocol::find(&service.protocol) else { return };
    // Without shapes, everything stays as it is spelled.
    let decoded = match protocol.accept_call(&arrival.request, &|_, _, _| None) {
        Ok(decoded) => decoded,
        Err(refusal) => {
            let summary = format!("the request cannot be read: {}", refusal.message);
            return found.broken("request/action", "unreadable", summary, format!("a call of {}", call.action));
        }
    };
    let is_met = decoded.action == call.action && decoded.version == call.version;
    found.settle("request/action", is_met, "another action", || {
        let summary = format!("the request asks for {} of {}", decoded.action, decoded.version);
        (summary, format!("{} of {}", call.action, call.version))
    });
    if service.region == RegionTravel::Header {
        let is_met = decoded.region.as_deref().unwrap_or_default() == call.region;
        found.settle("request/region", is_met, "another region", || {
            let other = decoded.region.clone().unwrap_or_else(|| "no region".into());
            (format!("the request goes to {other}"), call.region.clone())
        });
    }
    arguments(trial, arrival, &decoded.arguments, protocol, found);
}

fn arguments(
    trial: &Trial<'_>,
    arrival: &Arrival,
    sent: &Map<String, Value>,
    protocol: &dyn protocol::Protocol,
    found: &mut Judgements,
) {
    let call = &trial.seen.call;
    let service = trial.set.service(trial.seen.operation);
    let operation = trial.set.operation(trial.seen.operation);
    let is_json =
        arrival.request.method == "POST" && !form::is_form(&arrival.request) && !arrival.request.body.is_empty();
    let mut expected_names = BTreeSet::new();
    for param in operation.params.iter().filter(|param| !param.header) {
        let Some(value) = call.arguments.get(&param.name) else { continue };
        let one = Map::from_iter([(param.name.clone(), value.clone())]);
        let expected = if is_json { one } else { spelled(protocol, operation, service, one) };
        let requirement = requirement(param, value);
        let wrong = expected.iter().find(|(name, value)| sent.get(*name) != Some(*value));
        expected_names.extend(expected.keys().cloned());
        match wrong {
            None => found.met(requirement),
            Some((name, value)) => {
                let (symptom, summary) = match sent.get(name) {
                    None => ("not sent", format!("{name}={value} does not reach the wire")),
                    Some(other) => (
                        "spelled otherwise",
                        format!("{name} reaches the wire as {}, not {}", brief(other), brief(value)),
                    ),
                };
                found.broken(requirement, symptom, summary, format!("{name}={}", brief(value)));
            }
        }
    }
    for (name, value) in sent.iter().filter(|(name, _)| !expected_names.contains(*name)) {
        let of = operation.params.iter().find(|param| {
            *name == param.name || name.strip_prefix(&param.name).is_some_and(|rest| rest.starts_with('.'))
        });
        let summary = format!("{name}={} reaches the wire, which the caller did not give", brief(value));
        match of {
            // A client's own region stands in for one that the call does not say.
            Some(param) if param.region && as_text(value) == call.region => {}
            // A list that is spelled another way is missing already.
            Some(param) if call.arguments.contains_key(&param.name) => {}
            Some(_) => found.broken("request/absent", "sent all the same", summary, "nothing"),
            None => found.broken("request/nothing-else", &format!("{name} is added"), summary, "nothing"),
        }
    }
    if !found.is_broken("request/nothing-else") {
        found.met("request/nothing-else");
    }
    let is_absent = operation.params.iter().any(|param| !param.header && !call.arguments.contains_key(&param.name));
    if is_absent && !found.is_broken("request/absent") {
        found.met("request/absent");
    }
}

/// Requirement that an argument puts to the test.
fn requirement(param: &Param, value: &Value) -> &'static str {
    if param.region {
        return "request/region";
    }
    match (param.kind, value) {
        (ParamType::Boolean, _) => "request/booleans",
        (ParamType::Integer, _) => "request/numbers",
        (_, Value::String(text)) if text.is_empty() => "request/empty",
        (_, Value::String(text)) if text.len() >= LONG_TEXT => "request/long",
        (_, Value::Array(list)) if list.len() >= LONG_LIST => "request/long",
        (_, value) if !value.to_string().is_ascii() => "request/unicode",
        (ParamType::Texts | ParamType::Objects, _) => "request/lists",
        _ => "request/arguments",
    }
}

/// Names and values as the protocol spells them in a query or a form.
fn spelled(
    protocol: &dyn protocol::Protocol,
    operation: &crate::spec::Operation,
    service: &crate::spec::Service,
    arguments: Map<String, Value>,
) -> Map<String, Value> {
    let call = wire::Call { action: operation.name.clone(), version: service.version.clone(), region: None, arguments };
    let transport = Transport {
        host: String::new(),
        product: service.product.clone(),
        placement: Placement::PostQuery,
        format: Format::Json,
    };
    let shape = |name: &str| operation.param(name).map(|param| described::param(&operation.params[param]));
    let pairs = protocol.draft(&call, &shape, transport).parameters;
    pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

fn brief(value: &Value) -> String {
    let text = as_text(value);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
