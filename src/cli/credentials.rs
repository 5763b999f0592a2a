//! Key pairs from the environment. Secrets are never shown; the names of variables are.

use std::env;

use url::{Host, Url};

use super::failure::Failure;
use crate::{mock, spec::Service, wire::Credential};

const RESTRICTED_ID: &str = "ASWRITTEN_RESTRICTED_ID";
const RESTRICTED_SECRET: &str = "ASWRITTEN_RESTRICTED_SECRET";

/// A credential, and where it is from.
pub struct Found {
    pub credential: Credential,
    pub origin: String,
}

/// The credential for a service at a URL.
///
/// # Errors
/// When variables are missing, with their names.
pub fn of(service: &Service, url: &Url) -> Result<Found, Failure> {
    let names = &service.credentials;
    let (id, secret, token) = (first(&names.id), first(&names.secret), first(&names.token));
    match (id, secret) {
        (Some((id_name, id)), Some((secret_name, secret))) => {
            let mut origin = format!("{id_name} and {secret_name}");
            if let Some((name, _)) = &token {
                origin = format!("{id_name}, {secret_name} and {name}");
            }
            let token = token.map(|(_, token)| token.into());
            Ok(Found { credential: Credential { id, secret: secret.into(), token }, origin })
        }
        (None, None) if is_loopback(url) => {
            Ok(Found { credential: Credential::pair(mock::http::MAIN), origin: "the mock's well-known pair".into() })
        }
        (id, secret) => {
            let mut missing = Vec::new();
            if id.is_none() {
                missing.push(names.id.join(" or "));
            }
            if secret.is_none() {
                missing.push(names.secret.join(" or "));
            }
            let text = format!("no credentials for {} at {url}: not set: {}", service.name, missing.join(", "));
            Err(Failure::environment(text).help(format!(
                "set {} and {}{}",
                names.id.join(" or "),
                names.secret.join(" or "),
                if names.token.is_empty() {
                    String::new()
                } else {
                    format!(" ({} for temporary ones)", names.token.join(" or "))
                }
            )))
        }
    }
}

/// The second credential, whose policy denies the documented operations.
pub fn restricted() -> Option<Credential> {
    let id = first(&[RESTRICTED_ID.to_owned()])?.1;
    let secret = first(&[RESTRICTED_SECRET.to_owned()])?.1;
    Some(Credential::pair((&id, &secret)))
}

/// The first variable that is set and not empty.
fn first(names: &[String]) -> Option<(String, String)> {
    names.iter().find_map(|name| {
        let value = env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((name.clone(), value))
    })
}

/// The URL leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
