//! Is there someone at the URL, who speaks the protocol, and lets us in?

use std::collections::BTreeMap;

use serde_json::Value;

use super::{failure::Failure, terminal};
use crate::{
    endpoint::{Call, Endpoint, http::Http},
    execute::Givens,
    history::{Reply, TroubleKind},
    mock::http::SERVER,
    model::{Caller, view},
    report::Address,
    sequence::command::fill,
    spec::{
        SpecSet,
        resource::Template,
        service::{Means, OpRef},
    },
};

/// Asks each service's URL who answers; whether it is a mock of ours.
///
/// # Errors
/// A URL where nobody answers, or where the answer is not HTTP.
pub async fn greet(http: &Http, addresses: &BTreeMap<usize, Address>) -> Result<BTreeMap<usize, bool>, Failure> {
    let ours = SERVER.split_once('/').map_or(SERVER, |(name, _)| name);
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    let mut mocks = BTreeMap::new();
    for (service, address) in addresses {
        let url = address.url.as_str();
        let is_mock = match known.get(url) {
            Some(is_mock) => *is_mock,
            None => {
                let server = http.greet(*service).await.map_err(|trouble| {
                    let (text, help) = match trouble.kind {
                        TroubleKind::Unreachable => {
                            ("cannot reach", "is it running, and is the address right? `aswritten serve` starts a mock")
                        }
                        TroubleKind::Timeout => {
                            ("no answer in time from", "is the address right? `--timeout` allows more time")
                        }
                        TroubleKind::Broken | TroubleKind::Unreadable => (
                            "no HTTP answer from",
                            "is this the port of an HTTP server, and http or https as it should be?",
                        ),
                    };
                    Failure::environment(format!("{text} {url}: {}", trouble.text)).help(help)
                })?;
                let is_mock =
                    server.is_some_and(|server| server.strip_prefix(ours).is_some_and(|rest| rest.starts_with('/')));
                known.insert(url, is_mock);
                is_mock
            }
        };
        mocks.insert(*service, is_mock);
    }
    Ok(mocks)
}

/// One signed read of a service: it must be let in, and the answer must be one of the protocol.
///
/// # Errors
/// Refused credentials, and answers that are none of the protocol's.
pub async fn knock(
    set: &SpecSet,
    endpoint: &dyn Endpoint,
    service: usize,
    address: &Address,
    origin: &str,
    givens: &Givens,
) -> Result<(), Failure> {
    let Some(call) = plain_read(set, service, givens) else { return Ok(()) };
    let described = &set.services[service];
    let action = &set.operation(call.operation).name;
    let url = &address.url;
    match endpoint.send(&call).await {
        Reply::Success { .. } => Ok(()),
        Reply::Refused { code, message, .. } => {
            let meaning = described.common.iter().find(|common| common.code.matches(&code)).map(|common| common.means);
            if meaning == Some(Means::Credentials) {
                let text = format!("{url} refuses the credentials for {}: {code}: {message}", described.name);
                return Err(
                    Failure::environment(text).help(format!("they are from {origin}; {action} was called to try them"))
                );
            }
            Ok(())
        }
        Reply::Trouble(trouble) if trouble.kind == TroubleKind::Unreadable => {
            let text = format!("{url} does not speak {} ({}): {}", described.protocol, described.name, trouble.text);
            Err(Failure::environment(text)
                .help("is this the endpoint of this service? `SERVICE=URL` gives each its own"))
        }
        Reply::Trouble(trouble) => {
            let text = format!("{action} earned no answer from {url}: {}: {}", trouble.kind.name(), trouble.text);
            Err(Failure::environment(text).help("`--timeout` allows more time"))
        }
        Reply::NotSent { reason } => Err(Failure::environment(format!("cannot call {action} at {url}: {reason}"))),
    }
}

/// The plainest read of a service: nothing but the region is required.
fn plain_read(set: &SpecSet, service: usize, givens: &Givens) -> Option<Call> {
    let region = givens.get(service, "region").unwrap_or_default();
    set.services[service].operations.iter().enumerate().find_map(|(index, operation)| {
        if operation.is_documented() || !operation.uses.iter().any(|way| way.read) {
            return None;
        }
        let arguments = operation.params.iter().map(|param| {
            let plain = param.value.as_ref().filter(|value| !value.to_string().contains('$'));
            match plain {
                _ if param.region => Some(Some(Value::from(region))),
                Some(value) if param.required => Some(Some(value.clone())),
                None if param.required => None,
                _ => Some(None),
            }
        });
        let arguments = arguments.collect::<Option<Vec<_>>>()?;
        Some(call(OpRef { service, operation: index }, arguments, region))
    })
}

fn call(operation: OpRef, arguments: Vec<Option<Value>>, region: &str) -> Call {
    let region = (!region.is_empty()).then(|| region.into());
    Call { operation, arguments, region, caller: Caller::Main }
}

/// Looks for given things that belong to others, by the reads that the spec proposes; what fails is left unknown.
pub async fn discover(
    set: &SpecSet,
    endpoint: &dyn Endpoint,
    service: usize,
    givens: &mut Givens,
    name: &str,
    verbose: bool,
) -> bool {
    let described = &set.services[service];
    let Some(template) = described.given(name).and_then(|given| given.discover.as_ref()) else { return false };
    let Some(found) = first_shown(set, endpoint, service, givens, template).await else {
        if verbose {
            terminal::note(&format!("{}: {} finds no `{name}`", described.name, template.operation));
        }
        return false;
    };
    if verbose {
        terminal::note(&format!("{}: {} finds `{name}`: {found}", described.name, template.operation));
    }
    givens.set(service, name, &found);
    true
}

async fn first_shown(
    set: &SpecSet,
    endpoint: &dyn Endpoint,
    service: usize,
    givens: &Givens,
    template: &Template,
) -> Option<String> {
    let operation = set.services[service].action(&template.operation, None)?;
    let at = OpRef { service, operation };
    let operation = set.operation(at);
    let region = givens.get(service, "region").unwrap_or_default();
    let mut place = |text: &str| match text {
        "$region" => Some(region.to_owned()),
        _ => givens.get(service, text.strip_prefix("$given.")?).map(str::to_owned),
    };
    let arguments = operation
        .params
        .iter()
        .map(|param| match template.argument(&param.name) {
            Some(value) => fill(value, &mut place).map(Some),
            None if param.region => Some(Some(Value::from(region))),
            None => Some(None),
        })
        .collect::<Option<Vec<_>>>()?;
    let Reply::Success { fields, .. } = endpoint.send(&call(at, arguments, region)).await else { return None };
    let seen = view::observe(operation.views.first()?, &fields)?;
    seen.elements.first().map(|element| element.id.to_string())
}
