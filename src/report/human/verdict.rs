//! The last lines: what could not be judged, and the verdict.

use super::{
    WIDTH,
    style::{BAD, FAINT, GOOD, STRONG, UNSURE, paint, wrap},
};
use crate::{
    campaign::Verdict,
    oracle::finding::Races,
    report::{Context, Detail, count, number, requests},
};

/// Reasons that are shown when not everything is wanted.
const MOST_REASONS: usize = 3;

/// Why cases could not be judged.
pub fn reasons(context: &Context<'_>) -> String {
    let reasons = &context.outcome.reasons;
    if reasons.is_empty() || context.detail == Detail::Little {
        return String::new();
    }
    let most = if context.detail == Detail::Much { reasons.len() } else { MOST_REASONS };
    let mut out = format!("{}\n", paint(STRONG, "not judged"));
    for (reason, times) in reasons.iter().take(most) {
        push(&mut out, &format!("{} × {reason}", number(*times)));
    }
    if reasons.len() > most {
        out.push_str(&format!(
            "  {}\n",
            paint(FAINT, &format!("and {} (see -v)", count((reasons.len() - most) as u64, "more reason")))
        ));
    }
    out
}

/// Messages that differ from the document's.
pub fn messages(context: &Context<'_>) -> String {
    let messages = &context.outcome.messages;
    if messages.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", paint(STRONG, "messages that are worded otherwise than documented"));
    for (reworded, times) in messages {
        let operation = &context.set.operation(reworded.operation).id;
        push(&mut out, &format!("{operation} {}: {} ({} ×)", reworded.code, reworded.message, number(*times)));
    }
    out
}

fn push(out: &mut String, text: &str) {
    for (index, line) in wrap(text, WIDTH - 4).iter().enumerate() {
        let indent = if index == 0 { 2 } else { 4 };
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

/// The verdict in one line.
pub fn line(context: &Context<'_>) -> String {
    let outcome = context.outcome;
    let mut exercised = 0;
    let mut of = 0;
    let mut violated = 0;
    for result in &outcome.operations {
        let counts = context.counts(result);
        exercised += counts.exercised;
        of += counts.selected;
        violated += counts.violated;
    }
    let (word, style) = match outcome.verdict {
        _ if outcome.interrupted => ("interrupted", UNSURE),
        Verdict::Conforms => ("conforms", GOOD),
        Verdict::Violates => ("violates", BAD),
        Verdict::Inconclusive => ("inconclusive", UNSURE),
        Verdict::NotExercised => ("inconclusive: nothing was exercised", UNSURE),
    };
    let races = match outcome.races {
        Races { pairs: 0, .. } => String::new(),
        Races { pairs, overlapped } => {
            format!(", {} of {} pairs of calls overlapped", number(overlapped), number(pairs))
        }
    };
    format!(
        "{}: {}, {exercised} of {of} requirements exercised, {violated} violated{races} ({}, {}, {:.1} s, seed {})\n",
        paint(style, word),
        count(outcome.operations.len() as u64, "operation"),
        count(outcome.cases, "case"),
        requests(outcome),
        outcome.seconds,
        outcome.seed,
    )
}
