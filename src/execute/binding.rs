//! What places are filled with.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::pace::Pace;
use crate::{
    sequence::{Command, command::fill},
    spec::SpecSet,
    value::{Arguments, Key, given_place},
};

/// Values of given things: service, name → value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Givens {
    values: BTreeMap<usize, Vec<Given>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    name: String,
    place: Key,
    value: String,
}

/// What executions of one run share.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub givens: Givens,
    /// Name of the run; everything that it creates carries it.
    pub run: String,
    /// How long a repeated read waits at most.
    pub patience_ms: u64,
    /// How long to watch whether a refused call has an effect all the same.
    pub linger_ms: u64,
    /// Remove what is left after each script.
    pub clean: bool,
    /// What was learned of the endpoint's pace; clones share it.
    pub pace: Pace,
}

/// The name of a run, of what tells it from others.
pub fn run_name(number: u64) -> String {
    format!("aw{:08x}", number & 0xffff_ffff)
}

impl Givens {
    /// The mock's values.
    pub fn defaults(set: &SpecSet) -> Self {
        let mut givens = Self::default();
        for (service, described) in set.services.iter().enumerate() {
            described.givens.iter().for_each(|given| givens.set(service, &given.name, &given.default));
        }
        givens
    }

    pub fn set(&mut self, service: usize, name: &str, value: &str) {
        let values = self.values.entry(service).or_default();
        match values.iter_mut().find(|given| given.name == name) {
            Some(given) => given.value = value.to_owned(),
            None => values.push(Given { name: name.to_owned(), place: given_place(name), value: value.to_owned() }),
        }
    }

    pub fn get(&self, service: usize, name: &str) -> Option<&str> {
        self.of(service).find(|given| given.name == name).map(|given| given.value.as_str())
    }

    fn of(&self, service: usize) -> impl Iterator<Item = &Given> {
        self.values.get(&service).into_iter().flatten()
    }
}

/// Longest part of a name that tells executions apart.
const LONGEST_PART: usize = 12;

/// A name of an execution as part of the name of a resource: few services take long names, or other than plain letters.
fn short(execution: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if execution.len() <= LONGEST_PART && execution.chars().all(is_plain) {
        return execution.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    execution.hash(&mut hasher);
    format!("x{:08x}", hasher.finish() & 0xffff_ffff)
}

/// Places of one execution.
pub struct Binding<'a> {
    pub around: &'a Surroundings,
    pub service: usize,
    /// Region of calls that say none.
    pub home: Option<Arc<str>>,
    /// Tells executions apart, so that names and tokens are fresh in each.
    pub execution: String,
    n_names: usize,
    pub filled: BTreeMap<Key, String>,
}

impl<'a> Binding<'a> {
    pub fn new(around: &'a Surroundings, service: usize, execution: String) -> Self {
        let filled = around.givens.of(service).map(|given| (given.place.clone(), given.value.clone())).collect();
        let home = around.givens.get(service, "region").map(Arc::from);
        Self { around, service, home, execution, n_names: 0, filled }
    }

    /// Arguments of a command with every place filled; none when a handle was never bound.
    pub fn arguments(&mut self, command: &Command) -> Result<Arguments, String> {
        let mut unbound = None;
        let mut arguments = Vec::with_capacity(command.arguments.len());
        for value in &command.arguments {
            let filled = value.as_ref().map(|value| {
                fill(value, &mut |place| {
                    let found = self.place(place);
                    if found.is_none() {
                        unbound = Some(place.to_owned());
                    }
                    found
                })
            });
            match (filled, &unbound) {
                (_, Some(place)) => return Err(format!("{place} was never made")),
                (filled, None) => arguments.push(filled.flatten()),
            }
        }
        Ok(arguments.into())
    }

    fn place(&mut self, place: &str) -> Option<String> {
        if let Some(value) = self.filled.get(place) {
            return Some(value.clone());
        }
        match place {
            "$run" => Some(self.around.run.clone()),
            "$name" => {
                self.n_names += 1;
                Some(format!("{}-{}-{}", self.around.run, short(&self.execution), self.n_names))
            }
            // A service without regions has no given region either.
            "$given.region" => Some(String::new()),
            _ => {
                if place.starts_with("$token") && place.ends_with('=') {
                    return Some(self.padded(place));
                }
                let (name, appended) = place.split_once('~').unwrap_or((place, ""));
                let token = name.strip_prefix("$token")?;
                let value = format!("{}-{}-{token}{appended}", self.around.run, self.execution);
                Some(value)
            }
        }
    }

    /// A token that is as long as its place, which is padded with `=`.
    fn padded(&self, place: &str) -> String {
        let name = place.trim_start_matches('$').trim_end_matches('=');
        let text = format!("{}-{}-{name}", self.around.run, self.execution);
        let length = place.len();
        // What tells tokens apart is at the end.
        let text: String = text.chars().skip(text.chars().count().saturating_sub(length)).collect();
        format!("{text:0<length$}")
    }

    pub fn bind(&mut self, key: &Key, id: String) {
        self.filled.insert(key.clone(), id);
    }
}
