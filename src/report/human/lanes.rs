//! Overlapping calls, side by side, in the order of what was sent and answered.

use super::{
    WIDTH, reply,
    style::{BAD, PLACE, STRONG, paint, wrap},
};
use crate::{
    campaign::outcome::FindingResult,
    history::Exchange,
    oracle::finding::Order,
    sequence::command::{self, Command},
    spec::SpecSet,
    value::Key,
};

/// Columns before the lanes, and between them.
const LEFT: usize = 8;
const BETWEEN: usize = 2;
/// Orders that are told when there are many.
const MOST_ORDERS: usize = 6;

/// A line of the drawing: what one lane does there.
struct Moment {
    stamp: u64,
    lane: usize,
    mark: &'static str,
    text: String,
    is_start: bool,
}

/// The lanes with starts, ends and answers; time goes downwards.
pub fn text(set: &SpecSet, result: &FindingResult) -> String {
    let lanes = result.script.lanes();
    let width = (WIDTH - LEFT - BETWEEN * lanes.len().saturating_sub(1)) / lanes.len().max(1);
    let about: Vec<Key> = result.script.commands.get(result.finding.culprit).map(Command::uses).unwrap_or_default();
    let mut moments: Vec<Moment> = Vec::new();
    for (lane, commands) in lanes.iter().enumerate() {
        for index in commands {
            let Some(exchange) = result.history.exchanges.iter().find(|exchange| exchange.command == *index) else {
                continue;
            };
            moments.extend(moments_of(set, result, lane, exchange, &about));
        }
    }
    moments.sort_by_key(|moment| (moment.stamp, !moment.is_start));
    let heads = (1..=lanes.len()).map(|lane| cell(&format!("lane {lane}"), width));
    let mut out = format!("{:LEFT$}{}\n", "", paint(STRONG, heads.collect::<Vec<_>>().join(&gap()).trim_end()));
    let mut open = vec![false; lanes.len()];
    for moment in moments {
        let lines = wrap(&moment.text, width - 2);
        for (number, line) in lines.iter().enumerate() {
            let cells = (0..lanes.len()).map(|lane| {
                let bar = if open[lane] { "│" } else { " " };
                match (lane == moment.lane, number) {
                    (true, 0) => cell(&format!("{} {line}", moment.mark), width),
                    (true, _) => cell(&format!("{} {line}", if moment.is_start { "│" } else { " " }), width),
                    (false, _) => cell(bar, width),
                }
            });
            out.push_str(format!("{:LEFT$}{}", "", cells.collect::<Vec<_>>().join(&gap())).trim_end());
            out.push('\n');
        }
        open[moment.lane] = moment.is_start;
    }
    marked(&out, result)
}

/// Start and end of one call.
fn moments_of(set: &SpecSet, result: &FindingResult, lane: usize, exchange: &Exchange, about: &[Key]) -> [Moment; 2] {
    let command = &result.script.commands[exchange.command];
    let call = format!("{} {}", exchange.command + 1, command::line(set, command));
    let answer = reply::text(set, command, exchange, &result.history, about);
    let took = exchange.ended_ms.saturating_sub(exchange.started_ms);
    let end = format!("{} {answer} ({took} ms)", exchange.command + 1);
    [
        Moment { stamp: exchange.stamps.start, lane, mark: "┌", text: call, is_start: true },
        Moment { stamp: exchange.stamps.end, lane, mark: "└", text: end, is_start: false },
    ]
}

/// The end of the culprit's answer is marked like a line of a sequence.
fn marked(text: &str, result: &FindingResult) -> String {
    let wanted = |index: usize| format!("└ {} ", index + 1);
    let (culprit, shown) = (wanted(result.finding.culprit), wanted(result.finding.command));
    let lines = text.lines().map(|line| {
        let mark = match (line.contains(&culprit), line.contains(&shown)) {
            (true, _) => paint(BAD, "✗"),
            (false, true) => paint(PLACE, "→"),
            _ => return line.to_owned(),
        };
        line.strip_prefix("   ").map_or_else(|| line.to_owned(), |rest| format!("  {mark}{rest}"))
    });
    lines.map(|line| line + "\n").collect()
}

/// Orders of the calls, and why each explains nothing.
pub fn orders(orders: &[Order]) -> Vec<String> {
    let mut lines: Vec<String> = orders
        .iter()
        .take(MOST_ORDERS)
        .map(|order| {
            let commands: Vec<String> = order.commands.iter().map(|command| (command + 1).to_string()).collect();
            format!("{}: {}", commands.join(" → "), order.why)
        })
        .collect();
    if orders.len() > MOST_ORDERS {
        lines.push(format!("and {} more, none of which explains it either", orders.len() - MOST_ORDERS));
    }
    lines
}

fn gap() -> String {
    " ".repeat(BETWEEN)
}

/// Text in a column.
fn cell(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}
