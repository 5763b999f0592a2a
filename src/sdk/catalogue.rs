//! What is data: requirements, the adapters that are shipped, and known deviations.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Deserialize;

use crate::spec::{Level, diagnostic::did_you_mean};

include!(concat!(env!("OUT_DIR"), "/adapters.rs"));

/// Folder of what all adapters of a language share.
const SHARED: &str = "shared/";

/// Everything that is shipped.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub requirements: Vec<Requirement>,
    pub adapters: Vec<Arc<Adapter>>,
}

/// A sentence that every SDK is held to.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// `request/once`: a group and a name.
    pub id: String,
    pub level: Level,
    pub text: String,
    pub source: String,
    /// Line of the file that has it.
    pub line: usize,
}

/// Groups of requirements, in the order of the journey of a call.
pub const GROUPS: [&str; 3] = ["request", "answer", "trouble"];
/// File that has the requirements, for citations.
pub const REQUIREMENTS: &str = "sdks/requirements.toml";

impl Requirement {
    pub fn group(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// An adapter with what is known of its SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    pub name: String,
    pub title: String,
    /// None for adapters that are not shipped.
    pub runtime: Option<Runtime>,
    /// Packages with their versions, as their package manager spells that.
    pub packages: Vec<String>,
    /// Ways to sign; all that a service has when empty.
    pub signing: Vec<String>,
    pub shows: Vec<Aspect>,
    /// Classes of its errors; any when empty.
    pub errors: Vec<String>,
    /// Classes that are none of its own, although they inherit from one.
    pub not_errors: Vec<String>,
    /// What it retries once it is asked to; none where it has no such option.
    pub retries: Option<Vec<Cause>>,
    /// Each call takes long: it begins before the others.
    pub slow: bool,
    /// Places of its vendor's documents, by requirement.
    pub sources: BTreeMap<String, String>,
    /// Files to install: name, text.
    pub files: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    Python,
    Node,
}

/// What an error shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    Code,
    Message,
    Status,
    RequestId,
}

/// Why a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Throttling,
    /// The service says that it is unavailable.
    Unavailable,
    /// Any status that is not the protocol's, and any lost answer.
    Network,
}

/// A departure that is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    pub adapter: String,
    pub requirement: String,
    /// What is seen, as findings name it.
    pub symptom: String,
    /// SDKs with the versions that it was seen with: `name version`.
    pub sdks: Vec<String>,
    pub reason: String,
}

/// Why data cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("make sense of {path}: {why}")]
pub struct BadData {
    pub path: String,
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementsFile {
    requirement: Vec<RequirementEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementEntry {
    id: String,
    level: String,
    text: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdapterFile {
    title: String,
    runtime: Runtime,
    packages: Vec<String>,
    signing: Vec<String>,
    shows: Vec<Aspect>,
    errors: Vec<String>,
    #[serde(default)]
    not_errors: Vec<String>,
    retries: Option<Retries>,
    #[serde(default)]
    slow: bool,
    #[serde(default)]
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retries {
    on: Vec<Cause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviationsFile {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// What this version ships.
///
/// # Errors
/// When a shipped file makes no sense, which a test rules out.
pub fn embedded() -> Result<Catalogue, BadData> {
    let text_of = |wanted: &str| ADAPTERS.iter().find(|(path, _)| *path == wanted).map_or("", |(_, text)| *text);
    let requirements = requirements(text_of("requirements.toml"))?;
    let mut adapters = Vec::new();
    for (path, text) in ADAPTERS {
        if let Some(name) = path.strip_suffix("/sdk.toml") {
            adapters.push(Arc::new(adapter(name, path, text, &requirements)?));
        }
    }
    Ok(Catalogue { requirements, adapters })
}

/// Deviations that are known of what is shipped.
///
/// # Errors
/// When the shipped file makes no sense, which a test rules out.
pub fn known() -> Result<Vec<Deviation>, BadData> {
    let path = "deviations.toml";
    let text = ADAPTERS.iter().find(|(known, _)| *known == path).map_or("", |(_, text)| *text);
    deviations(path, text)
}

/// Deviations of a file.
///
/// # Errors
/// When it makes no sense.
pub fn deviations(path: &str, text: &str) -> Result<Vec<Deviation>, BadData> {
    Ok(read::<DeviationsFile>(path, text)?.deviation)
}

/// The same from the disk, of requirements that there are and of these adapters.
///
/// # Errors
/// When it cannot be read, or makes no sense.
pub fn deviations_at(path: &Path, catalogue: &Catalogue, adapters: &[&str]) -> Result<Vec<Deviation>, BadData> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| BadData { path: shown.clone(), why: error.to_string() })?;
    let found = deviations(&shown, &text)?;
    for deviation in &found {
        let unknown = |what: &str, name: &str, known: &[&str]| BadData {
            path: shown.clone(),
            why: format!("no {what} is called `{name}`; {}", did_you_mean(name, known.iter().copied())),
        };
        let requirements: Vec<&str> = catalogue.requirements.iter().map(|known| &*known.id).collect();
        if !requirements.contains(&&*deviation.requirement) {
            return Err(unknown("requirement", &deviation.requirement, &requirements));
        }
        if !adapters.contains(&&*deviation.adapter) {
            return Err(unknown("adapter", &deviation.adapter, adapters));
        }
    }
    Ok(found)
}

impl Adapter {
    /// An adapter of which nothing is known but its name: it is held to what every SDK is held to.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.into(),
            title: name.into(),
            runtime: None,
            packages: Vec::new(),
            signing: Vec::new(),
            shows: vec![Aspect::Code, Aspect::Message],
            errors: Vec::new(),
            not_errors: Vec::new(),
            retries: None,
            slow: false,
            sources: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Where a requirement is promised.
    pub fn source<'a>(&'a self, requirement: &'a Requirement) -> &'a str {
        self.sources.get(&requirement.id).unwrap_or(&requirement.source)
    }

    /// Whether an error of these classes is one of the SDK.
    pub fn is_own(&self, classes: &[String]) -> bool {
        let among = |list: &[String]| classes.iter().any(|class| list.contains(class));
        (self.errors.is_empty() || among(&self.errors)) && !among(&self.not_errors)
    }

    /// Whether it documents to send a request again for this reason, once it is asked to.
    pub fn retries_on(&self, cause: Cause) -> bool {
        self.retries.as_ref().is_some_and(|causes| causes.contains(&cause))
    }
}

fn requirements(text: &str) -> Result<Vec<Requirement>, BadData> {
    let bad = |why: String| BadData { path: REQUIREMENTS.into(), why };
    let file: RequirementsFile = read(REQUIREMENTS, text)?;
    let line_of = |id: &str| {
        let wanted = format!("id = \"{id}\"");
        text.lines().position(|line| line == wanted).map_or(0, |at| at + 1)
    };
    file.requirement
        .into_iter()
        .map(|entry| {
            let level = [Level::Must, Level::Should].into_iter().find(|level| level.name() == entry.level);
            let level = level.ok_or_else(|| bad(format!("`{}` has the level `{}`", entry.id, entry.level)))?;
            let requirement =
                Requirement { line: line_of(&entry.id), id: entry.id, level, text: entry.text, source: entry.source };
            if GROUPS.contains(&requirement.group()) {
                Ok(requirement)
            } else {
                Err(bad(format!("`{}` belongs to no group", requirement.id)))
            }
        })
        .collect()
}

fn adapter(name: &str, path: &str, text: &str, requirements: &[Requirement]) -> Result<Adapter, BadData> {
    let file: AdapterFile = read(path, text)?;
    if let Some(unknown) = file.sources.keys().find(|id| !requirements.iter().any(|known| known.id == **id)) {
        return Err(BadData { path: path.into(), why: format!("no requirement is called `{unknown}`") });
    }
    let ending = match file.runtime {
        Runtime::Python => ".py",
        Runtime::Node => ".mjs",
    };
    let own = format!("{name}/");
    let files = ADAPTERS.iter().filter(|(path, _)| path.ends_with(ending)).filter_map(|(path, text)| {
        let file = path.strip_prefix(SHARED).or_else(|| path.strip_prefix(own.as_str()))?;
        Some((file.to_owned(), (*text).to_owned()))
    });
    Ok(Adapter {
        name: name.into(),
        title: file.title,
        runtime: Some(file.runtime),
        packages: file.packages,
        signing: file.signing,
        shows: file.shows,
        errors: file.errors,
        not_errors: file.not_errors,
        retries: file.retries.map(|retries| retries.on),
        slow: file.slow,
        sources: file.sources,
        files: files.collect(),
    })
}

fn read<T: for<'de> Deserialize<'de>>(path: &str, text: &str) -> Result<T, BadData> {
    toml::from_str(text).map_err(|error| BadData { path: path.into(), why: error.to_string().trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_shipped_makes_sense() {
        let catalogue = embedded().unwrap_or_else(|error| panic!("{error}"));
        let ids: BTreeSet<_> = catalogue.requirements.iter().map(|requirement| &requirement.id).collect();
        assert_eq!(ids.len(), catalogue.requirements.len(), "ids are unique");
        assert!(
            catalogue.requirements.iter().all(|requirement| requirement.line > 0 && !requirement.source.is_empty())
        );
        for adapter in &catalogue.adapters {
            assert!(adapter.files.len() >= 2 && !adapter.packages.is_empty(), "{}", adapter.name);
            let pinned = |package: &String| package.contains("==") || package.rfind('@').is_some_and(|at| at > 0);
            assert!(adapter.packages.iter().all(pinned), "{} has packages without a version", adapter.name);
        }
        for deviation in known().unwrap_or_else(|error| panic!("{error}")) {
            assert!(ids.contains(&deviation.requirement), "{deviation:?}");
            assert!(catalogue.adapters.iter().any(|adapter| adapter.name == deviation.adapter), "{deviation:?}");
            assert!(!deviation.reason.is_empty() && !deviation.sdks.is_empty(), "{deviation:?}");
            assert!(deviation.sdks.iter().all(|sdk| sdk.split(' ').count() == 2), "{deviation:?}");
        }
    }
}
