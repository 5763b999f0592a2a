//! The script of a finding, command by command; what overlapped stands side by side.

use super::{
    WIDTH, lanes, reply,
    style::{BAD, FAINT, PLACE, paint, wrap},
};
use crate::{campaign::outcome::FindingResult, sequence::command, spec::SpecSet, value::Key};

/// Columns before the command: marker, number, and the spaces between.
const LEFT: usize = 8;
/// Narrowest and widest column of commands.
const COMMANDS: (usize, usize) = (20, 56);

struct Row {
    number: usize,
    command: String,
    answer: String,
}

pub fn text(set: &SpecSet, result: &FindingResult) -> String {
    let rows = rows(set, result);
    let alone = rows.iter().filter(|row| !result.script.race().contains(&(row.number - 1)));
    let longest = alone.map(|row| row.command.chars().count()).max().unwrap_or(0);
    let width = longest.clamp(COMMANDS.0, COMMANDS.1);
    let mut out = String::new();
    let race = result.script.race();
    for row in rows {
        let index = row.number - 1;
        if index == race.start && !race.is_empty() {
            out.push_str(&lanes::text(set, result));
        }
        if race.contains(&index) {
            continue;
        }
        let (mark, style) = if index == result.finding.culprit {
            ("✗", BAD)
        } else if index == result.finding.command {
            ("→", PLACE)
        } else {
            (" ", FAINT)
        };
        let commands = wrap(&row.command, width);
        let answers = wrap(&row.answer, WIDTH - LEFT - width - 2);
        for line in 0..commands.len().max(answers.len()) {
            let number = if line == 0 { row.number.to_string() } else { String::new() };
            let shown_mark = if line == 0 { paint(style, mark) } else { " ".into() };
            let left = commands.get(line).map_or("", String::as_str);
            let right = answers.get(line).map_or("", String::as_str);
            let whole = format!("  {shown_mark} {number:>2}  {left:<width$}  {right}");
            out.push_str(whole.trim_end());
            out.push('\n');
        }
    }
    out
}

fn rows(set: &SpecSet, result: &FindingResult) -> Vec<Row> {
    // What the culprit names is what reads are looked through for.
    let about: Vec<Key> =
        result.script.commands.get(result.finding.culprit).map(command::Command::uses).unwrap_or_default();
    let commands = result.script.commands.iter().enumerate();
    commands
        .map(|(index, command)| {
            let exchanges: Vec<_> =
                result.history.exchanges.iter().filter(|exchange| exchange.command == index).collect();
            let mut text = command::line(set, command);
            if exchanges.len() > 1 {
                text.push_str(&format!(" ×{}", exchanges.len()));
            }
            let answer = exchanges.last().map_or_else(
                || "not reached".to_owned(),
                |exchange| reply::text(set, command, exchange, &result.history, &about),
            );
            Row { number: index + 1, command: text, answer }
        })
        .collect()
}
