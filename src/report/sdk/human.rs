//! The matrix, and each finding told like an error of a good compiler.

use serde_json::Value;

use super::{Context, answered};
use crate::{
    campaign::Verdict,
    report::{
        Detail, count,
        human::{
            WIDTH,
            style::{BAD, FAINT, GOOD, PLACE, STRONG, UNSURE, labelled, paint},
        },
        number,
    },
    sdk::{
        campaign::{Finding, SdkResult},
        catalogue::GROUPS,
    },
    sequence::command::line,
};

const INDENT: usize = 2;
const COLUMN: usize = 12;
/// Of what travelled, so many lines are shown, and so many letters of each; the JSON report has it whole.
const MOST_LINES: usize = 16;
const LONGEST_LINE: usize = 320;
/// Columns of the matrix.
const VERSION: usize = 10;
const GROUP: usize = 18;

/// The report, ending in a line break.
pub fn text(context: &Context<'_>) -> String {
    let outcome = context.outcome;
    let mut out = String::new();
    for finding in &outcome.findings {
        if finding.known.is_none() || context.detail == Detail::Much {
            out.push_str(&told(context, finding));
            out.push('\n');
        }
    }
    let known: Vec<&Finding> = outcome.findings.iter().filter(|finding| finding.known.is_some()).collect();
    if !known.is_empty() && context.detail == Detail::Usual {
        out.push_str(&format!("{}\n", paint(STRONG, "known deviations (`-v` shows each in full)")));
        for finding in known {
            let sdks: Vec<String> =
                finding.sdks.iter().map(|known| format!("{} {}", known.sdk, known.sdk_version)).collect();
            let (id, summary) = (context.id(finding), &finding.breach.summary);
            out.push_str(&format!("  {id}\n"));
            out.push_str(&labelled("", &format!("{summary} ({})", sdks.join(", ")), INDENT, INDENT));
        }
        out.push('\n');
    }
    for (deviation, known) in &outcome.stale {
        let id = format!("{}/{}", deviation.adapter, deviation.requirement);
        out.push_str(&format!("{}: {}\n", paint(BAD, "stale deviation"), paint(STRONG, &id)));
        let what = format!(
            "\"{}\" of {} {} no longer occurs; remove it from the file of known deviations",
            deviation.symptom, known.sdk, known.sdk_version
        );
        out.push_str(&labelled("", &what, INDENT, 0));
        out.push('\n');
    }
    if context.detail != Detail::Little {
        out.push_str(&matrix(context));
        out.push('\n');
    }
    for (adapter, why) in &outcome.broken {
        out.push_str(&format!("{}: {adapter}: failed to {why}\n", paint(UNSURE, "not run")));
    }
    out.push_str(&summary(context));
    out
}

/// SDK × group of requirements.
fn matrix(context: &Context<'_>) -> String {
    let name = |sdk: &SdkResult| format!("{} ({})", sdk.known.sdk, sdk.adapter.name);
    let widest = context.outcome.sdks.iter().map(|sdk| name(sdk).chars().count()).max().unwrap_or(0).max(3);
    let mut out = format!(
        "{}\n",
        paint(
            FAINT,
            &format!("{:widest$}  {:VERSION$}  {:GROUP$}{:GROUP$}{}", "SDK", "version", "request", "answer", "trouble")
        )
    );
    for sdk in &context.outcome.sdks {
        out.push_str(&format!("{:widest$}  {:VERSION$}  ", name(sdk), sdk.known.sdk_version));
        for (index, group) in GROUPS.iter().enumerate() {
            let (style, cell) = cell(context, sdk, group);
            let padding = if index + 1 < GROUPS.len() { GROUP.saturating_sub(cell.chars().count()) } else { 0 };
            out.push_str(&format!("{}{:padding$}", paint(style, &cell), ""));
        }
        out.push('\n');
        if let Some(trouble) = &sdk.trouble {
            out.push_str(&labelled("", &format!("ended early: failed to {trouble}"), INDENT, 0));
        }
    }
    out
}

/// `✓ 13 of 15`: met of all; what was not exercised is not met. `✗ 1, ! 2` are those that are broken, and known to be.
fn cell(context: &Context<'_>, sdk: &SdkResult, group: &str) -> (anstyle::Style, String) {
    let of_group =
        || sdk.requirements.iter().filter(|result| context.catalogue.requirements[result.requirement].group() == group);
    let broken = of_group().filter(|result| result.verdict == Verdict::Violates && !result.known).count();
    let known = of_group().filter(|result| result.verdict == Verdict::Violates && result.known).count();
    let met = of_group().filter(|result| result.verdict == Verdict::Conforms).count();
    let all = of_group().count();
    let (style, mark) = match (broken, known) {
        (0, 0) => (GOOD, String::new()),
        (0, known) => (UNSURE, format!(" !{known}")),
        (broken, 0) => (BAD, format!(" ✗{broken}")),
        (broken, known) => (BAD, format!(" ✗{broken} !{known}")),
    };
    (style, format!("✓{met}/{all}{mark}"))
}

fn summary(context: &Context<'_>) -> String {
    let outcome = context.outcome;
    let verdict = outcome.verdict();
    let style = match verdict {
        Verdict::Violates => BAD,
        Verdict::Conforms => GOOD,
        _ => UNSURE,
    };
    let new = outcome.findings.iter().filter(|finding| finding.known.is_none()).count();
    let stale = match outcome.stale.len() {
        0 => String::new(),
        n => format!(", {}", count(n as u64, "stale deviation")),
    };
    format!(
        "{}: {}, {}, {} known{stale} ({}, {}, {:.1} s, seed {})\n",
        paint(style, verdict.name()),
        count(outcome.sdks.len() as u64, "SDK"),
        count(new as u64, "finding"),
        outcome.findings.len() - new,
        count(outcome.cases(), "case"),
        count(outcome.requests(), "request"),
        outcome.seconds,
        outcome.seed,
    )
}

/// A finding, ending in a line break.
fn told(context: &Context<'_>, finding: &Finding) -> String {
    let requirement = &context.catalogue.requirements[finding.requirement];
    let style = if finding.counts() { BAD } else { UNSURE };
    let mut out = format!(
        "{}: {}\n",
        paint(style, &format!("violation[{}]", requirement.level.name())),
        paint(STRONG, &context.id(finding))
    );
    out.push_str(&labelled("", &printable(&finding.breach.summary), INDENT, 0));
    out.push_str(&format!("  {} {}\n\n", paint(PLACE, "-->"), context.file(finding)));
    out.push_str(&labelled("promised", &requirement.text, INDENT, COLUMN));
    out.push_str(&labelled("", finding.adapter.source(requirement), INDENT, COLUMN));
    for (index, known) in finding.sdks.iter().enumerate() {
        let runtime = if finding.runtime.is_empty() { String::new() } else { format!(", on {}", finding.runtime) };
        out.push_str(&labelled(
            if index == 0 { "SDK" } else { "" },
            &format!("{} {}{runtime}", known.sdk, known.sdk_version),
            INDENT,
            COLUMN,
        ));
    }
    out.push('\n');
    let commands = &finding.case.script.commands;
    for (index, command) in commands[..commands.len() - 1].iter().enumerate() {
        out.push_str(&format!("  {:>4}  {}\n", index + 1, line(context.set, command)));
    }
    // Kept in one line, to be pasted.
    out.push_str(&format!("  {} {:>2}  {}\n\n", paint(BAD, "✗"), commands.len(), printable(&finding.seen.written)));
    let several = finding.seen.arrivals.len() > 1;
    for (index, arrival) in finding.seen.arrivals.iter().enumerate() {
        let name = |name: &str| if several { format!("{name} {}", index + 1) } else { name.to_owned() };
        out.push_str(&bytes(&name("sent"), &arrival.raw, None));
        let (raw, then) = answered(arrival);
        out.push_str(&bytes(&name("answered"), &raw, then));
    }
    out.push_str(&labelled(
        "surfaced",
        &cut(&printable(&surfaced(&finding.surfaced())), 4 * LONGEST_LINE),
        INDENT,
        COLUMN,
    ));
    out.push_str(&labelled("expected", &cut(&printable(&finding.breach.expected), LONGEST_LINE), INDENT, COLUMN));
    let stable = if finding.stable {
        "stable"
    } else {
        "not stable, so it does not count: it did not show itself each time it was run again"
    };
    let seen = format!(
        "{stable}; found in {}, first after {}, shrunk with {} more",
        count(finding.cases, "case"),
        count(finding.requests_to_failure, "request"),
        number(finding.shrink_requests)
    );
    out.push_str(&labelled("seen", &seen, INDENT, COLUMN));
    if let Some(reason) = &finding.known {
        out.push_str(&labelled("known", reason, INDENT, COLUMN));
    }
    out
}

/// What travelled, line by line: the head, and the body behind an empty line.
fn bytes(name: &str, raw: &[u8], then: Option<&str>) -> String {
    let text = String::from_utf8_lossy(raw);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let shown = |text: &str, most: usize| {
        let mut lines: Vec<String> = text.lines().map(|line| cut(&printable(line), LONGEST_LINE)).collect();
        if lines.len() > most {
            lines.truncate(most);
            lines.push("…".into());
        }
        lines
    };
    let mut lines = shown(head, MOST_LINES);
    if !body.is_empty() {
        lines.push(String::new());
        lines.extend(shown(body, MOST_LINES));
    }
    lines.extend(then.map(|then| format!("({then})")));
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let shown = if index == 0 { name } else { "" };
        out.push_str(format!("{:INDENT$}{FAINT}{shown:<COLUMN$}{FAINT:#}{line}", "").trim_end());
        out.push('\n');
    }
    out
}

fn surfaced(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (value.get("success"), value.get("error"), value.get("ended")) {
        (Some(fields), _, _) => format!("success {}", text(fields)),
        (_, Some(error), _) => {
            let part = |name: &str| error.get(name).filter(|value| !value.is_null()).map(text);
            let class = error["class"][0].as_str().unwrap_or("error").to_owned();
            let shown = ["code", "status", "request_id", "message"]
                .iter()
                .filter_map(|name| Some(format!("{name} {}", part(name)?)));
            format!("{class}: {}", shown.collect::<Vec<_>>().join(", "))
        }
        (_, _, Some(stderr)) => format!("nothing: the process ended: {}", text(stderr)),
        _ => text(value),
    }
}

/// Without letters that would disturb a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn cut(text: &str, most: usize) -> String {
    debug_assert!(most > WIDTH);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
