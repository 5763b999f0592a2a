//! The file, as it is written. What is wrong is told by line, never by repeating it: it may be a secret in the wrong place.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZero,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    cli::{exit_code::ExitCode, failure::Failure},
    spec::diagnostic::did_you_mean,
};

/// Key of an endpoint for all services.
pub const ALL: &str = "all";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// One profile.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub path: PathBuf,
    /// Selectors; everything documented when empty.
    pub services: Vec<String>,
    /// Service → URL, in which `{region}` is replaced.
    pub endpoint: BTreeMap<String, String>,
    /// Service → name of a profile of the vendor's tools.
    pub credentials: BTreeMap<String, String>,
    /// The same for the second credential.
    pub restricted: BTreeMap<String, String>,
    /// Name → value, or service → (name → value).
    pub given: BTreeMap<String, toml::Value>,
    pub budget: Budget,
    /// Service or operation → rate.
    pub rate: BTreeMap<String, String>,
    pub wait: Wait,
    pub probes: Probing,
    pub signing: Option<String>,
    pub workers: Option<NonZero<u16>>,
    pub cases: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    pub requests: Option<u64>,
    pub minutes: Option<f64>,
    /// Kind → how many at once.
    pub at_once: BTreeMap<String, usize>,
    pub paid: bool,
    pub paid_at_once: Option<usize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wait {
    pub patience: Option<String>,
    pub timeout: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probing {
    Off,
    #[default]
    DryRun,
    Free,
}

/// One profile of a file.
///
/// # Errors
/// A file that cannot be read, or that makes no sense; the line, and what is wrong with it.
pub fn read(path: &Path, name: &str) -> Result<Profile, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    let file: File = toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let message = error.message();
        let is_about = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
        // A key may be told; a value never is.
        let what = if is_about(&["unknown field", "duplicate key"]) {
            message.to_owned()
        } else {
            let line = text.lines().nth(line - 1).filter(|_| is_about(&["invalid ", "unknown variant"]));
            let key = line.and_then(|line| line.split_once('='));
            let whose = key.map_or("it".into(), |(key, _)| format!("the value of `{}`", key.trim()));
            let wanted = message.rsplit_once("expected ").map(|(_, wanted)| format!("; expected {wanted}"));
            format!("{whose} is not what belongs there{}", wanted.unwrap_or_default())
        };
        Failure::new(ExitCode::BadSpec, format!("{shown}, line {line}: {what}"))
            .help("`aswritten profile new` prints a file to begin with; credentials do not belong in it")
    })?;
    let names: Vec<String> = file.profile.keys().cloned().collect();
    let mut profiles = file.profile;
    let mut profile = profiles.remove(name).ok_or_else(|| {
        Failure::usage(format!("{shown} has no profile `{name}`"))
            .help(did_you_mean(name, names.iter().map(String::as_str)))
    })?;
    name.clone_into(&mut profile.name);
    profile.path = path.to_owned();
    Ok(profile)
}
