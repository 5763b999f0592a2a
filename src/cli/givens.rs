//! What the endpoint has: defaults, `--given`, and what discovery finds.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::{
    execute::Givens,
    spec::{SpecSet, diagnostic::did_you_mean},
};

/// Values, and which of them the user set.
pub struct Known {
    pub givens: Givens,
    /// Service and name of what `--given` set.
    pub set_by_user: BTreeSet<(usize, String)>,
}

/// Reads `[SERVICE.]NAME=VALUE`. Without a service, every service that has the name is meant.
pub fn parse(set: &SpecSet, texts: &[String]) -> Result<Known, Failure> {
    let mut known = Known { givens: Givens::defaults(set), set_by_user: BTreeSet::new() };
    for text in texts {
        let (place, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`--given {text}` is not [SERVICE.]NAME=VALUE")))?;
        if value.trim().is_empty() {
            return Err(Failure::usage(format!("`--given {text}` says nothing of `{place}`"))
                .help("leave it out where the endpoint has none: what needs it is not run then"));
        }
        let (service, name) = place.split_once('.').map_or((None, place), |(service, name)| (Some(service), name));
        let services: Vec<usize> = (0..set.services.len())
            .filter(|index| service.is_none_or(|service| set.services[*index].name == service))
            .collect();
        if services.is_empty() {
            let names = set.services.iter().map(|service| &*service.name);
            let text = format!("no service is called `{}`", service.unwrap_or_default());
            return Err(Failure::usage(text).help(did_you_mean(service.unwrap_or_default(), names)));
        }
        let having = having(set, &services, name).map_err(|(text, help)| Failure::usage(text).help(help))?;
        for index in having {
            known.givens.set(index, name, value);
            known.set_by_user.insert((index, name.to_owned()));
        }
    }
    Ok(known)
}

/// Those of the services that know a given thing.
///
/// # Errors
/// What is wrong, and help, where none does.
pub fn having(set: &SpecSet, services: &[usize], name: &str) -> Result<Vec<usize>, (String, String)> {
    let of = |index: usize| &set.services[index];
    let having: Vec<usize> = services.iter().copied().filter(|index| of(*index).given(name).is_some()).collect();
    if having.is_empty() {
        let names = services.iter().flat_map(|index| of(*index).givens.iter().map(|given| &*given.name));
        return Err((format!("nothing given is called `{name}`"), did_you_mean(name, names)));
    }
    Ok(having)
}
