//! Is there someone at the URL, who speaks the protocol, and lets us in?

use std::collections::BTreeMap;

use super::{failure::Failure, terminal};
use crate::{
    campaign::control::plain_read,
    endpoint::{Call, Endpoint, http::Http},
    execute::Givens,
    history::{Reply, Trouble, TroubleKind},
    mock::{http::SERVER, server::LAG},
    model::{Caller, view},
    report::Address,
    sequence::command::templated,
    spec::{
        SpecSet,
        resource::Template,
        service::{Means, OpRef},
    },
    value::Arguments,
};

/// Who answers at a URL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host {
    /// A mock of ours.
    pub is_mock: bool,
    /// By how much it says that its reads lag.
    pub lag_ms: u64,
}

impl Host {
    /// Of a `Server` header.
    fn named(name: &str) -> Self {
        let ours = SERVER.split_once('/').map_or(SERVER, |(name, _)| name);
        let is_mock = name.strip_prefix(ours).is_some_and(|rest| rest.starts_with('/'));
        let lag = name.split_once(LAG).and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
        Self { is_mock, lag_ms: lag.filter(|_| is_mock).unwrap_or(0) }
    }
}

/// Times that a URL is asked before nobody is there.
const GREETINGS: usize = 5;

/// Pause between two of them, in milliseconds.
const KNOCK_PAUSE_MS: u64 = 100;

/// Asks each service's URL who answers.
///
/// # Errors
/// A URL where nobody answers, or where the answer is not HTTP.
pub async fn greet(http: &Http, addresses: &BTreeMap<usize, Address>) -> Result<BTreeMap<usize, Host>, Failure> {
    let mut known: BTreeMap<&str, Host> = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    for (service, address) in addresses {
        let url = address.url.as_str();
        let host = match known.get(url) {
            Some(host) => *host,
            None => {
                let mut answer = http.greet(*service).await;
                for _ in 1..GREETINGS {
                    // A connection that breaks once says nothing.
                    if answer.as_ref().is_err_and(|trouble| trouble.kind == TroubleKind::Broken) {
                        answer = http.greet(*service).await;
                    }
                }
                let server = answer.map_err(|trouble| {
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
                let host = server.map(|server| Host::named(&server)).unwrap_or_default();
                known.insert(url, host);
                host
            }
        };
        hosts.insert(*service, host);
    }
    Ok(hosts)
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
    let mut reply = endpoint.send(&call).await;
    for _ in 1..GREETINGS {
        let passing = |trouble: &Trouble| matches!(trouble.kind, TroubleKind::Broken | TroubleKind::Unreadable);
        if matches!(&reply, Reply::Trouble(trouble) if passing(trouble)) {
            endpoint.wait(KNOCK_PAUSE_MS).await;
            reply = endpoint.send(&call).await;
        }
    }
    match reply {
        Reply::Success { .. } => Ok(()),
        Reply::Refused { code, message, .. } => {
            if described.means(&code) == Some(Means::Credentials) {
                // Some services go on with all that was signed.
                let message = message.lines().next().unwrap_or_default();
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

fn call(operation: OpRef, arguments: Arguments, region: &str) -> Call {
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
    let arguments = templated(operation, template, region, &mut place)?;
    let Reply::Success { fields, .. } = endpoint.send(&call(at, arguments, region)).await else { return None };
    let seen = view::observe(operation.views.first()?, &fields)?;
    seen.elements.first().map(|element| element.id.to_string())
}
