//! Key pairs, by the vendors' own conventions: variables first, then the files of their tools. Secrets are never shown; the
//! names of variables and files are.

mod file;

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
/// Whoever names a profile of the vendor's tools means that: variables are not looked at then, and files only then on a
/// loopback address, where nobody expects real credentials to be used.
///
/// # Errors
/// When there is none, with the names of what was looked at.
pub fn of(service: &Service, url: &Url, profile: Option<&str>) -> Result<Found, Failure> {
    if profile.is_none() {
        if let Some(found) = from_variables(service, url)? {
            return Ok(found);
        }
        if is_loopback(url) {
            let credential = Credential::pair(mock::http::MAIN);
            return Ok(Found { credential, origin: "the mock's well-known pair".into() });
        }
    }
    let mut looked_at = Vec::new();
    for described in &service.credential_files {
        match file::find(described, profile) {
            Ok(found) => return Ok(found),
            Err(why) => looked_at.push(why),
        }
    }
    let names = &service.credentials;
    let unset = || {
        let list = [&names.id, &names.secret].map(|names| names.join(" or "));
        format!("not set: {}", list.join(", "))
    };
    let mut reasons: Vec<String> = if profile.is_none() { vec![unset()] } else { Vec::new() };
    reasons.extend(looked_at);
    let text = format!("no credentials for {} at {url}: {}", service.name, reasons.join("; "));
    let help = match profile {
        // Variables are not looked at for whoever names a profile.
        Some(name) => {
            format!("configure `{name}` with the vendor's own tool, or leave it out and set {}", wanted(service))
        }
        None => format!("set {}, or use the vendor's own tool to configure a profile", wanted(service)),
    };
    Err(Failure::environment(text).help(help))
}

/// The pair of the variables; none when neither is set.
fn from_variables(service: &Service, url: &Url) -> Result<Option<Found>, Failure> {
    let names = &service.credentials;
    let (id, secret, token) = (first(&names.id), first(&names.secret), first(&names.token));
    match (id, secret) {
        (Some((id_name, id)), Some((secret_name, secret))) => {
            let mut origin = format!("{id_name} and {secret_name}");
            if let Some((name, _)) = &token {
                origin = format!("{id_name}, {secret_name} and {name}");
            }
            let token = token.map(|(_, token)| token.into());
            Ok(Some(Found { credential: Credential { id, secret: secret.into(), token }, origin }))
        }
        (None, None) => Ok(None),
        (id, _) => {
            let missing = if id.is_none() { &names.id } else { &names.secret }.join(" or ");
            let text = format!("no credentials for {} at {url}: not set: {missing}", service.name);
            Err(Failure::environment(text).help(format!("set {}", wanted(service))))
        }
    }
}

/// Names of the variables, in a sentence.
fn wanted(service: &Service) -> String {
    let names = &service.credentials;
    let token = if names.token.is_empty() {
        String::new()
    } else {
        format!(" ({} for temporary ones)", names.token.join(" or "))
    };
    format!("{} and {}{token}", names.id.join(" or "), names.secret.join(" or "))
}

/// The second credential, whose policy denies the documented operations: a profile of the vendor's tools, or variables.
///
/// # Errors
/// When a profile is named that is not there.
pub fn restricted(service: &Service, profile: Option<&str>) -> Result<Option<Found>, Failure> {
    let Some(profile) = profile else {
        let found = first(&[RESTRICTED_ID.to_owned()]).zip(first(&[RESTRICTED_SECRET.to_owned()]));
        return Ok(found.map(|((_, id), (_, secret))| Found {
            credential: Credential::pair((&id, &secret)),
            origin: format!("{RESTRICTED_ID} and {RESTRICTED_SECRET}"),
        }));
    };
    let mut looked_at = Vec::new();
    for described in &service.credential_files {
        match file::find(described, Some(profile)) {
            Ok(found) => return Ok(Some(found)),
            Err(why) => looked_at.push(why),
        }
    }
    let text = format!("no second credential for {}: {}", service.name, looked_at.join("; "));
    Err(Failure::environment(text).help("configure the profile with the vendor's own tool, or leave out `restricted`"))
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
