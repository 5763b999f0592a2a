//! What all Tencent Cloud schemes check beside the signature itself.

use secrecy::ExposeSecret;

use super::hash;
use crate::wire::protocol::tencent::refusals;
use crate::wire::{Credential, HttpRequest, KeyRing, Refusal};

/// How far a time stamp may be from now, either way ("Common Params", `Timestamp`).
pub const WINDOW_SECONDS: u64 = 5 * 60;

/// Reads a time stamp in whole seconds.
pub fn read_time(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| refusals::wrong_type("Timestamp", "integer"))
}

/// Checks that a time stamp is near enough.
pub fn check_window(seconds: i64, now_seconds: i64) -> Result<(), Refusal> {
    if seconds.abs_diff(now_seconds) > WINDOW_SECONDS {
        return Err(refusals::signature_expired());
    }
    Ok(())
}

/// Finds the key that a request names.
pub fn find_key(keys: &dyn KeyRing, id: &str) -> Result<Credential, Refusal> {
    keys.find(id).ok_or_else(refusals::unknown_key)
}

/// Checks that the token is the key's: there with a temporary key, absent with a long-term one.
pub fn check_token(credential: &Credential, sent: Option<&str>) -> Result<(), Refusal> {
    let matches = match (&credential.token, sent.filter(|token| !token.is_empty())) {
        (None, None) => true,
        (Some(token), Some(sent)) => hash::same_secret(token.expose_secret(), sent),
        _ => false,
    };
    if matches { Ok(()) } else { Err(refusals::token_failure()) }
}

/// Hosts that a client may have signed, likeliest first.
///
/// The Node.js SDK drops the port from what it signs, and Python clients whose endpoint was given as a URL sign (and
/// send) the whole URL, of which an HTTP server may leave only the host.
pub fn signed_hosts(request: &HttpRequest) -> Vec<String> {
    let host = request.header("host").unwrap_or_default();
    let bare = host.split_once("://").map_or(host, |(_, bare)| bare);
    let mut hosts = vec![host.to_owned()];
    let mut add = |candidate: String| {
        if !hosts.contains(&candidate) {
            hosts.push(candidate);
        }
    };
    add(without_port(bare).to_owned());
    add(bare.to_owned());
    add(format!("http://{bare}"));
    add(format!("https://{bare}"));
    hosts
}

/// A host without its port; the colons of a bare IPv6 address are no port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}
