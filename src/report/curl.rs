//! A request as a curl line, without what only its sender may know.

use serde_json::Value;

use super::Address;
use crate::{
    history::Exchange,
    model::Caller,
    sequence::Command,
    spec::{Service, SpecSet},
    value::plain,
    wire::{self, Credential, HttpRequest, Stamp, Transport, described, protocol, signing},
};

/// Longest curl line that is of use to anyone; replay files have the rest.
const LONGEST: usize = 4000;

/// The request of an exchange; `home` is the region of calls that say none.
///
/// It is signed twice, each time by someone else at another time: what differs belongs to the signature and is left out, so
/// that no list of names has to be kept here.
pub fn line(
    set: &SpecSet,
    address: &Address,
    command: &Command,
    exchange: &Exchange,
    home: Option<&str>,
) -> Option<String> {
    let service = set.service(command.operation);
    let draw = |name: &str, seconds: i64| {
        let credential = Credential { id: format!("id-{name}"), secret: format!("secret-{name}").into(), token: None };
        let stamp = Stamp { seconds, nonce: format!("nonce-{name}") };
        request(set, service, address, command, exchange, home, &credential, &stamp)
    };
    let (one, other) = (draw("one", 1_000_000_000)?, draw("other", 1_100_000_000)?);
    let mut parts = vec!["curl".to_owned()];
    if one.method != "GET" {
        parts.push(format!("-X {}", one.method));
    }
    let mut url = address.url.clone();
    let query = common_pairs(&one.query, &other.query);
    url.set_query((!query.is_empty()).then_some(&*query));
    parts.push(quoted(url.as_str()));
    let mut is_signed = false;
    for ((name, value), (_, other)) in one.headers.iter().zip(&other.headers) {
        if name.eq_ignore_ascii_case("authorization") {
            is_signed = true;
        } else if value == other && !name.eq_ignore_ascii_case("host") && !is_digest(value) {
            parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
    }
    match command.caller.manner().filter(|_| !command.caller.is_authentic()) {
        _ if !is_signed => {}
        Some(manner) => parts.push(format!("-H 'Authorization: <{manner}>'")),
        None => parts.push("-H 'Authorization: <signed>'".into()),
    }
    if !one.body.is_empty() {
        let (body, second) = (String::from_utf8_lossy(&one.body), String::from_utf8_lossy(&other.body));
        let body = if body == second { body.into_owned() } else { common_pairs(&body, &second) };
        parts.push(format!("-d {}", quoted(&body)));
    }
    let line = parts.join(" ");
    (line.len() <= LONGEST).then_some(line)
}

#[expect(clippy::too_many_arguments, reason = "everything that a request is made of")]
fn request(
    set: &SpecSet,
    service: &Service,
    address: &Address,
    command: &Command,
    exchange: &Exchange,
    home: Option<&str>,
    credential: &Credential,
    stamp: &Stamp,
) -> Option<HttpRequest> {
    let operation = set.operation(command.operation);
    let protocol = protocol::find(&service.protocol)?;
    let scheme = signing::find(&address.scheme)?;
    let beside = operation.params.iter().find(|param| param.header);
    let region = match beside {
        Some(param) => exchange.arguments.get(&param.name).map(plain),
        None => home.map(str::to_owned),
    };
    let arguments = exchange
        .arguments
        .iter()
        .filter(|(name, _)| beside.is_none_or(|param| param.name != **name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<String, Value>>();
    let call = wire::Call { action: operation.name.clone(), version: service.version.clone(), region, arguments };
    let host = address.url.host_str().unwrap_or_default().to_owned();
    let transport =
        Transport { host, product: service.product.clone(), placement: address.placement, format: address.format };
    let shape = |name: &str| operation.param(name).map(|param| described::param(&operation.params[param]));
    let signed = scheme.sign(protocol.draft(&call, &shape, transport), credential, stamp);
    Some(if command.caller == Caller::Unsigned { scheme.unsigned(signed) } else { signed })
}

/// Pairs of a form that both have, as they are spelled.
fn common_pairs(one: &str, other: &str) -> String {
    let other: Vec<&str> = other.split('&').collect();
    one.split('&').filter(|pair| other.contains(pair)).collect::<Vec<_>>().join("&")
}

/// The hash of a body says nothing that the body does not.
fn is_digest(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// In single quotes, for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
