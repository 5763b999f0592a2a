//! A finding, told like an error of a good compiler.

use std::fmt::Write;

use serde_json::Value;

use super::{
    WIDTH, lanes,
    style::{BAD, FAINT, PLACE, STRONG, UNSURE, labelled, paint, wrap},
    table,
};
use crate::{
    campaign::outcome::FindingResult,
    oracle::Nature,
    report::{Addresses, Context, citation, count, curl, number},
    spec::SpecSet,
};

/// Indent of what belongs to a finding, and the column where its texts begin.
const INDENT: usize = 2;
const COLUMN: usize = 10;
/// Longest answer that is shown, in characters.
const LONGEST_ANSWER: usize = 400;

/// What is known beside the finding itself.
pub struct Evidence {
    /// How often it was found and came again.
    pub seen: String,
    /// File to replay it from.
    pub replay: Option<String>,
}

impl Evidence {
    /// What a campaign knows.
    pub fn campaign(context: &Context<'_>, result: &FindingResult) -> Self {
        let cases = count(result.cases, "case");
        let stable = if result.again.times == 0 {
            "not run again".to_owned()
        } else if result.again.shown == 0 {
            format!("not seen again in {}; shown is what concerns it", count(u64::from(result.again.times), "more run"))
        } else if result.script.race().is_empty() {
            if result.again.is_stable() {
                "stable".to_owned()
            } else {
                "not stable: it did not show itself each time it was run again".to_owned()
            }
        } else {
            format!("showed itself {} of {} times that it was run again", result.again.shown, result.again.times)
        };
        let mut seen =
            format!("{stable}; found in {cases}, first after {}", count(result.requests_to_failure, "request"));
        if result.shrink_requests > 0 {
            let _ = write!(seen, ", shrunk with {} more", number(result.shrink_requests));
        }
        if !result.counts {
            seen.push_str("; it does not make the verdict");
        }
        Self { seen, replay: context.replay_of(result).map(str::to_owned) }
    }
}

/// The finding, ending in a line break.
pub fn text(set: &SpecSet, addresses: &Addresses, result: &FindingResult, evidence: &Evidence) -> String {
    let finding = &result.finding;
    let mut out = head(set, result);
    out.push('\n');
    out.push_str(&table::text(set, result));
    out.push('\n');
    let culprit = finding.culprit + 1;
    for (position, line) in finding.before.iter().enumerate() {
        let name = if position == 0 { format!("before {}", finding.command + 1) } else { String::new() };
        out.push_str(&labelled(&name, line, INDENT, COLUMN));
    }
    for (position, line) in finding.expected.iter().enumerate() {
        let (name, or) = if position == 0 { ("expected", "") } else { ("", "or ") };
        out.push_str(&labelled(name, &format!("{or}{line}"), INDENT, COLUMN));
    }
    if !finding.actual.is_null() {
        out.push_str(&labelled("actual", &actual(&finding.actual), INDENT, COLUMN));
    }
    for (position, line) in lanes::orders(&finding.orders).iter().enumerate() {
        out.push_str(&labelled(if position == 0 { "orders" } else { "" }, line, INDENT, COLUMN));
    }
    out.push_str(&seen(evidence));
    if let Some(line) = request(set, addresses, result) {
        out.push_str(&format!("  {FAINT}{:<COLUMN$}{FAINT:#}{line}\n", format!("call {culprit}")));
    }
    out
}

/// A finding that shows what another one shows that is told in full, ending in a line break.
pub fn brief(set: &SpecSet, result: &FindingResult, like: &FindingResult, evidence: &Evidence) -> String {
    let (at, index) = like.finding.requirement;
    let commands = count(result.script.commands.len() as u64, "command");
    let like = format!("as for {}, shown with {commands} (-v shows them)", set.operation(at).requirements[index].id);
    head(set, result) + &labelled("like", &like, INDENT, COLUMN) + &seen(evidence)
}

/// What was broken, and where that is promised.
fn head(set: &SpecSet, result: &FindingResult) -> String {
    let finding = &result.finding;
    let (at, index) = finding.requirement;
    let operation = set.operation(at);
    let requirement = &operation.requirements[index];
    let style = if result.counts { BAD } else { UNSURE };
    let word = format!("{}[{}]", finding.nature.name(), requirement.level);
    let mut out = format!("{}: {}\n", paint(style, &word), paint(STRONG, &requirement.id));
    for line in wrap(&finding.summary, WIDTH - INDENT) {
        out.push_str(&format!("  {}\n", paint(STRONG, &line)));
    }
    out.push_str(&format!("  {} {}\n\n", paint(PLACE, "-->"), requirement.span));
    out.push_str(&labelled("promised", &requirement.text, INDENT, COLUMN));
    out.push_str(&labelled("", &citation(operation, requirement), INDENT, COLUMN));
    out
}

/// How often it was found, and how to see it again.
fn seen(evidence: &Evidence) -> String {
    let mut out = labelled("seen", &evidence.seen, INDENT, COLUMN);
    if let Some(path) = &evidence.replay {
        // Kept in one line, to be pasted.
        out.push_str(&format!("  {FAINT}{:<COLUMN$}{FAINT:#}aswritten replay {}\n", "replay", shell(path)));
    }
    out
}

/// The request of the command that broke the promise.
fn request(set: &SpecSet, addresses: &Addresses, result: &FindingResult) -> Option<String> {
    // Two answers to one question are no matter of one request.
    if result.finding.nature == Nature::Inconsistent {
        return None;
    }
    let command = result.script.commands.get(result.finding.culprit)?;
    let exchange = result.history.exchanges.iter().rfind(|exchange| exchange.command == result.finding.culprit)?;
    let address = addresses.get(&command.operation.service)?;
    let home = result.history.filled.get("$given.region").map(String::as_str);
    curl::line(set, address, command, exchange, home)
}

/// What came, in few words.
fn actual(value: &Value) -> String {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let status = value.get("status").map(|status| format!("{status} ")).unwrap_or_default();
    let text = match (part("code"), part("trouble"), value.get("fields")) {
        (Some(code), _, _) => match part("message").filter(|message| !message.is_empty()) {
            Some(message) => format!("{status}{code}: {message}"),
            None => format!("{status}{code}"),
        },
        (_, Some(trouble), _) => format!("{trouble}: {}", part("text").unwrap_or_default()),
        (_, _, Some(fields)) => format!("{status}success {fields}"),
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    match text.char_indices().nth(LONGEST_ANSWER) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A path as a shell takes it.
fn shell(path: &str) -> String {
    let is_plain = path.chars().all(|letter| letter.is_alphanumeric() || "/._-@".contains(letter));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
