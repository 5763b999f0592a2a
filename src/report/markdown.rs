//! A summary in Markdown, for the pages of CI systems: what changed first, then the rest.

use std::fmt::Write;

use super::{
    Context, Reporter, count,
    human::{self, Evidence},
    number, requests,
};
use crate::{
    campaign::{Verdict, outcome::FindingResult},
    oracle::Nature,
};

pub static REPORTER: Reporter = Reporter { name: "markdown", about: "a summary in Markdown", text };

fn text(context: &Context<'_>) -> String {
    let outcome = context.outcome;
    let verdict = match outcome.verdict {
        _ if outcome.interrupted => "interrupted",
        Verdict::Conforms => "conforms",
        Verdict::Violates => "violates",
        Verdict::Inconclusive => "inconclusive",
        Verdict::NotExercised => "inconclusive: nothing was exercised",
    };
    let mark = match outcome.verdict {
        Verdict::Conforms if !outcome.interrupted => "✅",
        Verdict::Violates => "❌",
        _ => "⚠️",
    };
    let mut out = format!("# {mark} aswritten: {verdict}\n\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{} · {}, {}, {:.1} s · seed `{}`\n",
        code(&outcome.endpoint),
        count(outcome.cases, "case"),
        requests(outcome),
        outcome.seconds,
        outcome.seed
    );
    changes(context, &mut out);
    operations(context, &mut out);
    let is_new = |result: &FindingResult| context.changes.is_some_and(|changes| changes.is_new(&result.finding.key));
    let counting = || outcome.findings.iter().filter(|result| result.counts);
    findings(context, "New violations", counting().filter(|result| is_new(result)), &mut out);
    let known = if context.changes.is_some() { "Violations that were known" } else { "Violations" };
    findings(context, known, counting().filter(|result| !is_new(result)), &mut out);
    findings(
        context,
        "Findings that do not make the verdict",
        outcome.findings.iter().filter(|result| !result.counts),
        &mut out,
    );
    questions(context, &mut out);
    missed(context, &mut out);
    reasons(context, &mut out);
    out
}

fn changes(context: &Context<'_>, out: &mut String) {
    let Some(changes) = context.changes else { return };
    let _ = writeln!(out, "## Since {}\n", code(&changes.baseline));
    if changes.is_empty() {
        out.push_str("Nothing has changed.\n\n");
        return;
    }
    for (word, text) in changes.told() {
        let _ = writeln!(out, "- **{word}**: {}", inline(&text));
    }
    out.push('\n');
}

fn operations(context: &Context<'_>, out: &mut String) {
    out.push_str("| | Operation | Exercised | Violated | Document |\n|---|---|---|---|---|\n");
    for result in &context.outcome.operations {
        let operation = context.set.operation(result.at);
        let counts = context.counts(result);
        let mark = match (counts.violated, counts.exercised) {
            (0, 0) => "⚠️",
            (0, _) => "✅",
            _ => "❌",
        };
        let _ = writeln!(
            out,
            "| {mark} | `{}` | {} of {} | {} | {} |",
            operation.id,
            counts.exercised,
            counts.selected,
            counts.violated,
            cell(&super::document(&operation.document))
        );
    }
    out.push('\n');
}

fn findings<'a>(
    context: &Context<'_>,
    title: &str,
    results: impl Iterator<Item = &'a FindingResult>,
    out: &mut String,
) {
    let mut results = results.peekable();
    if results.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "## {title}\n");
    for result in results {
        let (at, index) = result.finding.requirement;
        let requirement = &context.set.operation(at).requirements[index];
        let word = if result.finding.nature == Nature::Violation { "" } else { result.finding.nature.name() };
        let _ = writeln!(out, "### `{}` {word}\n", requirement.id);
        let _ = writeln!(out, "{}\n", inline(&result.finding.summary));
        let evidence = Evidence::campaign(context, result);
        block(&human::finding(context.set, context.addresses, result, &evidence), out);
    }
}

fn questions(context: &Context<'_>, out: &mut String) {
    let observations = &context.outcome.observations;
    if observations.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>Open questions, and what this endpoint answers</summary>\n");
    out.push_str("| Question | Answer | Times |\n|---|---|---|\n");
    for seen in observations {
        let answer = match &seen.choice {
            Some(choice) if *choice != seen.answer => format!("{choice}: {}", seen.answer),
            _ => seen.answer.clone(),
        };
        let _ = writeln!(out, "| `{}` | {} | {} |", seen.question, cell(&answer), number(seen.times));
    }
    out.push_str("\n</details>\n\n");
}

fn missed(context: &Context<'_>, out: &mut String) {
    let mut rows = Vec::new();
    for result in &context.outcome.operations {
        let operation = context.set.operation(result.at);
        for found in result.requirements.iter().filter(|found| context.is_selected(result.at, found.requirement)) {
            let word = match found.verdict {
                Verdict::Inconclusive => "inconclusive",
                Verdict::NotExercised => "not exercised",
                Verdict::Violates | Verdict::Conforms => continue,
            };
            let reason = found.reason.as_deref().unwrap_or("no reason is known");
            rows.push(format!("| `{}` | {word} | {} |", operation.requirements[found.requirement].id, cell(reason)));
        }
    }
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>{} requirements that were not judged, and why</summary>\n", rows.len());
    let _ = writeln!(out, "| Requirement | | Reason |\n|---|---|---|\n{}\n\n</details>\n", rows.join("\n"));
}

fn reasons(context: &Context<'_>, out: &mut String) {
    let reasons = &context.outcome.reasons;
    if reasons.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>What could not be judged on the way</summary>\n");
    for (reason, times) in reasons {
        let _ = writeln!(out, "- {} × {}", number(*times), inline(reason));
    }
    out.push_str("\n</details>\n");
}

/// A text of several lines, as it is; its fence is longer than any in it.
fn block(text: &str, out: &mut String) {
    let text = anstream::adapter::strip_str(text).to_string();
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}text\n{}\n{fence}\n", text.trim_end());
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// A text from outside, in which nothing is markup.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

fn cell(text: &str) -> String {
    inline(text)
}
