//! Workflow commands of GitHub: annotations at the lines of the specs that were broken.

use super::{Context, Reporter, citation};
use crate::campaign::Verdict;

pub static REPORTER: Reporter =
    Reporter { name: "github", about: "annotations for GitHub, at the lines of the specs", text };

fn text(context: &Context<'_>) -> String {
    let mut out = String::new();
    for result in &context.outcome.findings {
        let (at, index) = result.finding.requirement;
        let operation = context.set.operation(at);
        let requirement = &operation.requirements[index];
        let is_new = context.changes.is_some_and(|changes| changes.is_new(&result.finding.key));
        let title = format!("{}{}", if is_new { "new: " } else { "" }, requirement.id);
        let message =
            format!("{}\npromised: {}\n{}", result.finding.summary, requirement.text, citation(operation, requirement));
        let level = if result.counts { "error" } else { "warning" };
        let file = format!("{}/{}", context.root.trim_end_matches('/'), requirement.span.file.path);
        out.push_str(&format!(
            "::{level} file={},line={},title={}::{}\n",
            property(&file),
            requirement.span.line(),
            property(&title),
            data(&message)
        ));
    }
    if let Some(changes) = context.changes {
        for (word, text) in changes.told().into_iter().filter(|(word, _)| *word != "new violation") {
            let level = if word == "lost coverage" { "warning" } else { "notice" };
            out.push_str(&format!("::{level} title={}::{}\n", property(word), data(&text)));
        }
    }
    let outcome = context.outcome;
    if outcome.interrupted || matches!(outcome.verdict, Verdict::Inconclusive | Verdict::NotExercised) {
        let reason = outcome.reasons.first().map_or("nothing was exercised", |(reason, _)| reason);
        let word = if outcome.interrupted { "interrupted" } else { "inconclusive" };
        out.push_str(&format!("::warning title=aswritten%3A {word}::{}\n", data(reason)));
    }
    out
}

/// What follows the second colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
