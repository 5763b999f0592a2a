//! How histories are written: one TOML file for each documented operation.
//!
//! ```toml
//! operation = "ecs/DeleteImage"
//!
//! [prelude]                       # named steps; `"available 2"` is the same with $image2, $task2 …
//! available = [{ call = "CreateImage", creates = ["$image1"] }, { read = "$image1", shows = "Available" }]
//!
//! [[history]]
//! name = "a delete whose answer was lost did happen"
//! why = "What says so, and where in the document."
//! steps = [
//!   "available",
//!   { call = "DeleteImage", with = { ImageId = "$image1" }, answer = "timeout" },
//!   { read = "$image1", shows = "nothing" },
//! ]
//! expected = "inconclusive"
//! not_exercised = ["success"]
//! ```
//!
//! | Key of a step | Meaning |
//! |---|---|
//! | `call`, `with`, `without` | operation; its arguments; arguments left out that the suite would send |
//! | `read` | instead of `call`: the suite's own read of this resource, or of `"accounts of $image1"` |
//! | `creates` | handles of what the call creates, in the order of its effects |
//! | `answer` | `"success"` (if nothing is said), `"403 Code"`, `"403 Code: message"`, `"timeout"`, `"broken"`, `"unreadable"`, `"unreachable"`, `"not sent"`, or fields of a success that differ from the usual ones |
//! | `lacks` | fields that the success does not have |
//! | `shows` | what a read lists: `"nothing"`; a status; fields; members `["$given.account"]`; or `{ "$image1" = status or fields, … }` |
//! | `by` | `"restricted"`: the credential whose policy denies the operation; or who does not prove who they are, such as `"forged-signature"` |
//! | `after` | time since the step before: `"31m"`; a tenth of a second if nothing is said |
//! | `lane`, `during` | of calls that overlap: the lane, and when the call was sent and answered, in milliseconds since the lanes left: `[0, 30]` |
//!
//! | Key of a history | Meaning |
//! |---|---|
//! | `expected` | `"conforms"`: no finding, and all could be judged; `"inconclusive"`: no finding, but not all could be judged; or the one finding: `{ violates = … }`, `{ undocumented = … }`, `{ inconsistent = … }` with its requirement, or its whole key |
//! | `exercised`, `not_exercised` | requirements that it says, or does not say, something about |
//! | `observed`, `not_observed` | open questions with the answers that remain possible; questions that it says nothing of |
//! | `reason` | part of a reason why something could not be judged |
//! | `detail` | more of what it says, where that matters: see below |
//! | `ids` | ids of handles, where they matter |
//! | `patience` | how long things may take, if not as long as the service's `patience` |
//! | `lag` | by how much reads lag behind, if they do |
//! | `known` | why the oracle says otherwise today; such a history has to fail, and the reason has to go once it does not |
//!
//! | Key of `detail` | Meaning |
//! |---|---|
//! | `due`, `actual`, `before` | of the finding: what would have been right; what came; the state, a line for each resource |
//! | `shown_by`, `culprit` | of the finding: numbers of the step that shows it, and of the one that broke the promise |
//! | `orders` | numbers of the overlapping steps, in each order that the finding tells of: `["3 4", "4 3"]` |
//! | `refuted` | why each of these orders explains nothing |
//! | `overlapped` | pairs of calls of different lanes that overlapped, and all pairs: `"1 of 2"` |
//! | `beaten` | codes that were answered although others were due: `["A over B, C"]` |
//! | `labels` | what was answered when an open question was asked first |
//! | `proven` | answers to open questions that remain possible if what was watched for comes about after all |
//! | `reworded` | messages that differ from the document's: `["A: text"]` |
//! | `promised` | what the documents promise where no answer came |
//!
//! Ids of requirements are written without the operation: `error/ImageUseShared`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Histories of one operation.
#[derive(Debug)]
pub struct File {
    pub operation: String,
    pub prelude: BTreeMap<String, Vec<Step>>,
    pub histories: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    operation: String,
    #[serde(default)]
    prelude: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    history: Vec<Value>,
}

/// One history.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    pub why: String,
    steps: Vec<Value>,
    pub expected: Value,
    #[serde(default)]
    pub exercised: Vec<String>,
    #[serde(default)]
    pub not_exercised: Vec<String>,
    #[serde(default)]
    pub observed: BTreeMap<String, String>,
    #[serde(default)]
    pub not_observed: Vec<String>,
    pub reason: Option<String>,
    #[serde(default)]
    pub detail: Map<String, Value>,
    #[serde(default)]
    pub ids: BTreeMap<String, String>,
    pub patience: Option<String>,
    pub lag: Option<String>,
    pub known: Option<String>,
}

/// A step, or the name of a prelude.
#[derive(Debug, Clone)]
pub enum Step {
    Prelude(String),
    Exchange(Box<Exchange>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub call: Option<String>,
    #[serde(default)]
    pub with: Map<String, Value>,
    #[serde(default)]
    pub without: Vec<String>,
    pub read: Option<String>,
    #[serde(default)]
    pub creates: Vec<String>,
    pub answer: Option<Value>,
    #[serde(default)]
    pub lacks: Vec<String>,
    pub shows: Option<Value>,
    pub by: Option<String>,
    pub after: Option<String>,
    pub lane: Option<u8>,
    pub during: Option<[u64; 2]>,
}

/// Reads a file. Mistakes name the history, and the step.
pub fn parse(text: &str) -> Result<File, String> {
    let raw: RawFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut prelude = BTreeMap::new();
    for (name, list) in raw.prelude {
        let read = steps(&list).map_err(|why| format!("prelude `{name}`, {why}"))?;
        prelude.insert(name, read);
    }
    let mut histories = Vec::new();
    for (index, value) in raw.history.into_iter().enumerate() {
        let name = value["name"].as_str().map_or_else(|| format!("number {}", index + 1), |name| format!("`{name}`"));
        let entry: Entry = serde_json::from_value(value).map_err(|why| format!("history {name}: {why}"))?;
        if entry.why.trim().is_empty() || !entry.why.ends_with('.') {
            return Err(format!("history {name}: `why` is no sentence"));
        }
        histories.push(entry);
    }
    Ok(File { operation: raw.operation, prelude, histories })
}

impl File {
    /// The steps of a history, with every prelude written out.
    pub fn exchanges(&self, entry: &Entry) -> Result<Vec<Exchange>, String> {
        let mut list = Vec::new();
        self.write_out(&steps(&entry.steps)?, "1", 0, &mut list)?;
        if list.is_empty() { Err("it has no steps".into()) } else { Ok(list) }
    }

    fn write_out(&self, steps: &[Step], number: &str, depth: usize, list: &mut Vec<Exchange>) -> Result<(), String> {
        for step in steps {
            match step {
                Step::Exchange(exchange) => list.push(exchange.renumbered(number)),
                Step::Prelude(_) if depth > 8 => return Err("a prelude uses itself".into()),
                Step::Prelude(text) => {
                    let (name, other) = text.split_once(' ').unwrap_or((text, number));
                    let found = self.prelude.get(name).ok_or_else(|| format!("there is no prelude `{name}`"))?;
                    self.write_out(found, other, depth + 1, list)?;
                }
            }
        }
        Ok(())
    }
}

impl Exchange {
    /// The same with `$image1` renamed to `$image2`, and so on.
    fn renumbered(&self, number: &str) -> Self {
        if number == "1" {
            return self.clone();
        }
        let mut next = self.clone();
        let rename = |text: &mut String| *text = renumber(text, number);
        next.creates.iter_mut().for_each(rename);
        next.read.iter_mut().for_each(rename);
        next.with.values_mut().for_each(|value| renumber_value(value, number));
        next.shows.iter_mut().for_each(|value| renumber_value(value, number));
        next
    }
}

fn renumber(text: &str, number: &str) -> String {
    match text.strip_suffix('1') {
        Some(stem) if text.contains('$') && stem.ends_with(|last: char| last.is_ascii_alphabetic()) => {
            format!("{stem}{number}")
        }
        _ => text.to_owned(),
    }
}

fn renumber_value(value: &mut Value, number: &str) {
    match value {
        Value::String(text) => *text = renumber(text, number),
        Value::Array(list) => list.iter_mut().for_each(|value| renumber_value(value, number)),
        Value::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut value)| {
                    renumber_value(&mut value, number);
                    (renumber(&key, number), value)
                })
                .collect();
        }
        _ => {}
    }
}

fn steps(list: &[Value]) -> Result<Vec<Step>, String> {
    let read = |(index, value): (usize, &Value)| match value {
        Value::String(name) => Ok(Step::Prelude(name.clone())),
        value => serde_json::from_value(value.clone())
            .map(|exchange| Step::Exchange(Box::new(exchange)))
            .map_err(|why| format!("step {}: {why}", index + 1)),
    };
    list.iter().enumerate().map(read).collect()
}

/// Milliseconds of `50ms`, `2s`, `1.5m` or `1h`.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let units = [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0)];
    units
        .iter()
        .find_map(|(unit, ms)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * ms))
        .filter(|ms| *ms >= 0.0)
        .map(|ms| ms as u64)
        .ok_or_else(|| format!("`{text}` is no duration; write 50ms, 2s, 1.5m or 1h"))
}
