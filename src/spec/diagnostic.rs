//! What is wrong with a spec: plain data, rendered elsewhere.

use super::source::Span;

/// One problem of a spec, with the place and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the kind of problem (`unknown-key`).
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; absent when the problem is a missing file.
    pub span: Option<Span>,
    /// What the underlined text is.
    pub label: String,
    /// What to do.
    pub help: String,
}

/// Collects problems, so that an author sees all of them at once.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Reports a problem at a place.
    pub fn report(
        &mut self,
        code: &'static str,
        span: &Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic {
            code,
            message: message.into(),
            span: Some(span.clone()),
            label: label.into(),
            help: help.into(),
        });
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All problems, by file and position.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| {
            diagnostic.span.as_ref().map(|span| (span.file.path.clone(), span.range.start, span.range.end))
        });
        self.list
    }
}

/// Help that names the closest of the valid words, or lists them all when none is close.
pub fn did_you_mean<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let mut valid: Vec<&str> = valid.into_iter().collect();
    valid.sort_unstable();
    valid.dedup();
    let closest = valid
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 4)
        .min();
    match closest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if valid.is_empty() => "there is nothing of that kind here".into(),
        None => format!("valid are: {}", valid.join(", ")),
    }
}
