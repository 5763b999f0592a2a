//! Counterexample files: a script with what it showed, to run again elsewhere and later.

use serde_json::{Value, json};

use super::outcome::FindingResult;
use crate::{history::Exchange, oracle::blame, sequence::Script, spec::SpecSet};

/// Version of the file format.
const FORMAT: u64 = 1;
/// What the first field says.
const KIND: &str = "aswritten counterexample";

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Counterexample {
    pub script: Script,
    /// Failure that it showed.
    pub key: String,
    pub requirement: String,
    pub summary: String,
}

impl Counterexample {
    pub fn is_race(&self) -> bool {
        !self.script.race().is_empty()
    }

    /// Whether a finding with this key is the failure of the file.
    pub fn is_shown_by(&self, key: &str) -> bool {
        blame::is_same(key, &self.key, self.is_race())
    }
}

/// The file's text.
pub fn write(set: &SpecSet, seed: &str, endpoint: &str, result: &FindingResult) -> String {
    let (at, requirement) = result.finding.requirement;
    let history: Vec<Value> =
        result.history.exchanges.iter().map(|exchange| exchange_json(set, &result.script, exchange)).collect();
    let whole = json!({
        "kind": KIND,
        "format": FORMAT,
        "aswritten": env!("CARGO_PKG_VERSION"),
        "requirement": set.operation(at).requirements[requirement].id,
        "key": result.finding.key,
        "summary": result.finding.summary,
        "seed": seed,
        "endpoint": endpoint,
        "stable": result.again.is_stable(),
        "again": { "times": result.again.times, "shown": result.again.shown },
        "script": result.script.to_json(set),
        "history": history,
    });
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}

fn exchange_json(set: &SpecSet, script: &Script, exchange: &Exchange) -> Value {
    let operation = script.commands.get(exchange.command).map(|command| set.operation(command.operation).id.clone());
    json!({
        "command": exchange.command + 1,
        "operation": operation,
        "arguments": exchange.arguments,
        "started_ms": exchange.started_ms,
        "ended_ms": exchange.ended_ms,
        "stamps": [exchange.stamps.start, exchange.stamps.end],
        "reply": exchange.reply.to_json(),
    })
}

/// Reads a file.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read(set: &SpecSet, text: &str) -> Result<Counterexample, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    if whole["kind"] != KIND {
        return Err("it is not a counterexample of aswritten".into());
    }
    if whole["format"] != FORMAT {
        return Err(format!("its format is {}, and this version reads format {FORMAT}", whole["format"]));
    }
    let field = |name: &str| whole[name].as_str().map(str::to_owned).ok_or_else(|| format!("it has no `{name}`"));
    let script = Script::from_json(set, &whole["script"])?;
    if script.commands.is_empty() {
        return Err("its script is empty".into());
    }
    Ok(Counterexample { script, key: field("key")?, requirement: field("requirement")?, summary: field("summary")? })
}

/// File name of a finding: its key, made harmless.
pub fn file_name(key: &str) -> String {
    let name: String = key
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '-' })
        .collect();
    format!("{name}.json")
}
