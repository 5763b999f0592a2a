//! Printing. A closed pipe is no error: whoever closed it has read enough.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::args::Color;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// Decides for all that follows whether colours are used.
pub fn set_colors(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Prints what was asked for.
pub fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    // Nobody reads on: that is theirs to decide.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints beside what was asked for.
pub fn note(text: &str) {
    let mut out = anstream::stderr().lock();
    // Without a stderr there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

pub fn error(text: &str, help: Option<&str>) {
    note(&format!("{ERROR}error{ERROR:#}: {text}"));
    if let Some(help) = help {
        note(&format!("  {HELP}help{HELP:#}: {help}"));
    }
}

pub fn warning(text: &str) {
    note(&format!("{WARNING}warning{WARNING:#}: {text}"));
}
