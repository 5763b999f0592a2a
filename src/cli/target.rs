//! Which endpoint is meant, and how its requests travel.

use std::collections::BTreeMap;

use url::Url;

use super::{
    args::{EndpointArgs, Place},
    failure::Failure,
};
use crate::{
    execute::Givens,
    report::Address,
    spec::{Service, SpecSet, diagnostic::did_you_mean},
    wire::{
        Format, Placement,
        signing::{self, Scheme},
    },
};

/// The scheme that can ask for XML.
const XML_SCHEME: &str = "acs-hmac-sha1";

#[derive(Debug, PartialEq)]
pub enum Target {
    /// A mock server of our own.
    Mock,
    /// The mock as a function.
    InProcess,
    /// By service.
    Urls(BTreeMap<usize, Url>),
}

/// Reads `--endpoint`.
///
/// # Errors
/// What cannot be an endpoint, and what cannot be combined.
pub fn parse(set: &SpecSet, texts: &[String], givens: &Givens) -> Result<Target, Failure> {
    if texts.is_empty() {
        return Ok(Target::Mock);
    }
    if let [only] = texts {
        match only.as_str() {
            "mock" => return Ok(Target::Mock),
            "in-process" => return Ok(Target::InProcess),
            _ => {}
        }
    }
    let mut everywhere = None;
    let mut single: BTreeMap<usize, String> = BTreeMap::new();
    for text in texts {
        match text.split_once('=').filter(|(name, _)| !name.contains(['/', ':'])) {
            Some((name, url)) => {
                let service = set.services.iter().position(|service| service.name == name);
                let names = set.services.iter().map(|service| &*service.name);
                let service = service.ok_or_else(|| {
                    Failure::usage(format!("`--endpoint {text}`: no service is called `{name}`"))
                        .help(did_you_mean(name, names))
                })?;
                if single.insert(service, url.to_owned()).is_some() {
                    return Err(Failure::usage(format!("`{name}` has two endpoints; give one")));
                }
            }
            None if text == "mock" || text == "in-process" => {
                return Err(Failure::usage(format!("`--endpoint {text}` goes with no other endpoint")));
            }
            None if everywhere.replace(text).is_some() => {
                return Err(Failure::usage("two endpoints for all services")
                    .help("write SERVICE=URL to give each service its own"));
            }
            None => {}
        }
    }
    let mut urls = BTreeMap::new();
    for index in 0..set.services.len() {
        if let Some(text) = single.get(&index).or(everywhere) {
            let region = givens.get(index, "region").unwrap_or_default();
            urls.insert(index, url(&text.replace("{region}", region))?);
        }
    }
    Ok(Target::Urls(urls))
}

fn url(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("`{text}` is no endpoint: {why}"))
            .help("write mock, in-process, a URL such as http://127.0.0.1:8080, or SERVICE=URL")
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it is not an http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The URL is not repeated, because it holds a secret.
        return Err(Failure::usage("an endpoint's URL holds a user or a password")
            .help("credentials come from environment variables"));
    }
    Ok(url)
}

/// How requests of a service travel to a URL.
///
/// # Errors
/// A scheme that nobody knows, or that does not go with the other options.
pub fn address(service: &Service, url: Url, args: &EndpointArgs) -> Result<Address, Failure> {
    let scheme = scheme(service, args)?;
    let placement = match args.placement {
        Some(Place::Get) => Placement::Get,
        Some(Place::PostQuery) => Placement::PostQuery,
        Some(Place::PostForm) => Placement::PostForm,
        Some(Place::PostJson) => Placement::PostJson,
        None => scheme.preferred_placement(),
    };
    if args.placement.is_some() && !scheme.placements().contains(&placement) {
        let text = format!("{} requests of {} cannot travel by this placement", scheme.name(), service.name);
        return Err(Failure::usage(text).help("leave out `--placement`, or choose another"));
    }
    let format = if args.xml && scheme.name() == XML_SCHEME { Format::Xml } else { Format::Json };
    Ok(Address { url, scheme: scheme.name().to_owned(), placement, format })
}

fn scheme(service: &Service, args: &EndpointArgs) -> Result<&'static dyn Scheme, Failure> {
    let by_name = |name: &str| {
        signing::find(name).ok_or_else(|| {
            let names = signing::SCHEMES.iter().map(|scheme| scheme.name());
            Failure::usage(format!("no signing scheme is called `{name}`")).help(did_you_mean(name, names))
        })
    };
    let has_xml = args.xml && service.signing.iter().any(|name| name == XML_SCHEME);
    if let Some(name) = &args.signing {
        let scheme = by_name(name)?;
        if scheme.protocol() == service.protocol {
            if has_xml && scheme.name() != XML_SCHEME {
                return Err(Failure::usage(format!("`--xml` needs `--signing {XML_SCHEME}`")));
            }
            return Ok(scheme);
        }
    }
    by_name(if has_xml { XML_SCHEME } else { service.signing.first().map_or("", String::as_str) })
}
