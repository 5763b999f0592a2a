//! What changed since an earlier run.

use super::{
    WIDTH,
    style::{BAD, FAINT, GOOD, STRONG, UNSURE, paint, wrap},
};
use crate::report::Context;

/// Column where texts begin.
const COLUMN: usize = 17;

pub fn text(context: &Context<'_>) -> String {
    let Some(changes) = context.changes else { return String::new() };
    let mut out = format!("{}\n", paint(STRONG, &format!("since {} (seed {})", changes.baseline, changes.seed)));
    if changes.is_empty() {
        out.push_str(&format!("  {}\n", paint(FAINT, "nothing has changed")));
    }
    for (word, text) in changes.told() {
        let style = match word {
            "new violation" => BAD,
            "fixed" | "gained coverage" => GOOD,
            _ => UNSURE,
        };
        for (index, line) in wrap(&text, WIDTH - COLUMN - 2).iter().enumerate() {
            let name = if index == 0 { format!("{word:<COLUMN$}") } else { " ".repeat(COLUMN) };
            let wide = word.len() >= COLUMN && index == 0;
            out.push_str(&format!("  {}{}{line}\n", paint(style, &name), if wide { " " } else { "" }));
        }
    }
    out
}
