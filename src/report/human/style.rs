//! Colours and line breaks.

use anstyle::{AnsiColor, Style};

pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
pub const PLACE: Style = AnsiColor::Blue.on_default().bold();
pub const STRONG: Style = Style::new().bold();
pub const FAINT: Style = Style::new().dimmed();

/// A text in a style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Breaks a text into lines of at most `width` characters, between words where it can.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let mut letters: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + letters.len() <= width {
            line.push(' ');
            length += 1;
        } else if length > 0 {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        // A word that is longer than a line is cut wherever the line ends.
        while letters.len() > width {
            let rest = letters.split_off(width);
            lines.push(letters.into_iter().collect());
            letters = rest;
        }
        length += letters.len();
        line.extend(letters);
    }
    if length > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A text behind a name, broken so that its lines stand below each other.
pub fn labelled(name: &str, text: &str, indent: usize, column: usize) -> String {
    let mut out = String::new();
    for (index, line) in wrap(text, super::WIDTH - indent - column).iter().enumerate() {
        let shown = if index == 0 { name } else { "" };
        out.push_str(&format!("{:indent$}{FAINT}{shown:<column$}{FAINT:#}{line}\n", ""));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines() {
        let cases: [(&str, &[&str]); 4] = [
            ("", &[""]),
            ("one two three", &["one two", "three"]),
            ("abcdefghijk", &["abcdefgh", "ijk"]),
            ("ab cdefghijklm", &["ab", "cdefghij", "klm"]),
        ];
        for (text, expected) in cases {
            assert_eq!(wrap(text, 8), expected, "{text}");
        }
    }
}
