//! The kill table on a terminal.

use super::{Costs, Ends, Spread, groups, is_blamed, uncounted};
use crate::{
    mutant::{
        Fate, KillTable,
        kill::{Kill, MutantResult, Proof},
    },
    report::{
        Detail, count,
        human::style::{BAD, FAINT, GOOD, STRONG, UNSURE, paint, wrap},
        number,
    },
    spec::SpecSet,
};

/// Columns of a line.
const WIDTH: usize = 120;

pub fn text(set: &SpecSet, table: &KillTable, detail: Detail) -> String {
    let mut out = String::new();
    for (operation, results) in groups(&table.results, |result| &set.operation(result.mutant.at).id) {
        if detail > Detail::Little {
            operators(operation, &results, &mut out);
        }
        for result in &results {
            if let Some(worst) = result.worst() {
                one(set, result, &worst.fate, detail, &mut out);
            }
        }
        if !out.is_empty() {
            out.push('\n');
        }
    }
    out.push_str(&line(table));
    out
}

/// A line for each operator.
fn operators(operation: &str, results: &[&MutantResult], out: &mut String) {
    let ends = Ends::of(results.iter().copied());
    out.push_str(&format!("{}  {}\n", paint(STRONG, operation), counts(&ends)));
    let head = format!(
        "  {:<20} {:>7} {:>7} {:>8} {:>10} {:>8}  {:>13} {:>13}",
        "operator", "mutants", "killed", "allowed", "not struck", "survived", "requests", "commands"
    );
    out.push_str(&format!("{}\n", paint(FAINT, &head)));
    let mut operators: Vec<(&str, Vec<&MutantResult>)> = Vec::new();
    for result in results {
        match operators.iter_mut().find(|(name, _)| *name == result.mutant.operator) {
            Some((_, list)) => list.push(result),
            None => operators.push((result.mutant.operator, vec![result])),
        }
    }
    for (name, list) in operators {
        let ends = Ends::of(list.iter().copied());
        let costs = Costs::of(list);
        let blank = |count: usize| if count == 0 { "·".to_owned() } else { count.to_string() };
        let survived = format!("{:>8}", blank(ends.survived));
        let not_struck = format!("{:>10}", blank(ends.not_struck));
        out.push_str(&format!(
            "  {name:<20} {:>7} {:>7} {:>8} {} {}  {:>13} {:>13}\n",
            ends.mutants,
            blank(ends.killed),
            blank(ends.allowed),
            if ends.not_struck > 0 { paint(UNSURE, &not_struck) } else { not_struck },
            if ends.survived > 0 { paint(BAD, &survived) } else { survived },
            spread(costs.requests_to_failure),
            spread(costs.shrunk_commands),
        ));
    }
}

/// A mutant that was not killed; with much detail, those that were, too.
fn one(set: &SpecSet, result: &MutantResult, fate: &Fate, detail: Detail, out: &mut String) {
    let style = match fate {
        Fate::Killed(_) if detail < Detail::Much => return,
        Fate::Allowed(_) | Fate::NotStruck { .. } if detail < Detail::Usual => return,
        Fate::Killed(_) => GOOD,
        Fate::Survived { .. } => BAD,
        Fate::NotStruck { .. } => UNSURE,
        Fate::Allowed(_) => FAINT,
    };
    out.push_str(&format!("  {}  {}\n", paint(style, &format!("{:<10}", fate.name())), result.mutant.id));
    let mut say = |text: String| {
        for line in wrap(&text, WIDTH - 14) {
            out.push_str(&format!("{:14}{}\n", "", paint(FAINT, &line)));
        }
    };
    match fate {
        Fate::Killed(_) => result.kills().for_each(|found| say(kill(set, result, found))),
        fate => {
            say(result.mutant.text.clone());
            match fate {
                Fate::Survived { missed } | Fate::NotStruck { missed } => {
                    let seen = missed.as_ref().map(|missed| format!("; the suite could have seen: {missed}"));
                    say(format!("struck {}{}", count(result.struck(), "time"), seen.unwrap_or_default()));
                }
                Fate::Allowed(proof) => say(proved(result, proof)),
                _ => {}
            }
        }
    }
}

fn kill(set: &SpecSet, result: &MutantResult, kill: &Kill) -> String {
    let (at, requirement) = kill.by;
    let blamed = if is_blamed(result, kill) { "blamed rightly" } else { "blamed beside" };
    let shrunk = match (kill.shrunk, kill.shortest_commands) {
        (Some(shrunk), Some(shortest)) => format!("{} commands (shortest {shortest})", shrunk.commands),
        (Some(shrunk), None) => count(shrunk.commands as u64, "command"),
        (None, _) => "not shrunk".into(),
    };
    let id = &set.operation(at).requirements[requirement].id;
    format!("{id} ({blamed}) after {}, {shrunk}: {}", count(kill.requests_to_failure, "request"), kill.summary)
}

fn proved(result: &MutantResult, proof: &Proof) -> String {
    format!(
        "struck {}; none of {} sequences shows it ({} states, up to {} commands before the call; struck in {})",
        count(result.struck(), "time"),
        number(proof.scripts as u64),
        number(proof.states as u64),
        proof.depth,
        number(proof.struck as u64),
    )
}

fn counts(ends: &Ends) -> String {
    format!(
        "{}: {} killed, {} survived, {} not struck, {} allowed",
        count(ends.mutants as u64, "mutant"),
        number(ends.killed as u64),
        number(ends.survived as u64),
        number(ends.not_struck as u64),
        number(ends.allowed as u64),
    )
}

/// `12 (340)`: median and largest.
fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "·".into(), |spread| format!("{} ({})", spread.median, spread.max))
}

/// The last line.
fn line(table: &KillTable) -> String {
    let ends = Ends::of(&table.results);
    let costs = Costs::of(&table.results);
    let (word, style) = match ends.survived {
        _ if table.interrupted => ("interrupted", UNSURE),
        0 => ("none survived", GOOD),
        _ => ("too weak", BAD),
    };
    let mut out = format!("{}: {}", paint(style, word), counts(&ends));
    let parts = [
        ("requests to failure", costs.requests_to_failure),
        ("shrunk commands", costs.shrunk_commands),
        ("requests of shrinking", costs.shrink_requests),
    ];
    for (name, spread) in parts {
        if let Some(spread) = spread {
            out.push_str(&format!("; {name}: median {}, most {}", number(spread.median), number(spread.max)));
        }
    }
    if costs.kills > 0 {
        let (rightly, kills) = (number(costs.blamed_rightly as u64), number(costs.kills as u64));
        out.push_str(&format!("; {rightly} of {kills} blamed rightly"));
    }
    let uncounted = uncounted(table);
    if uncounted > 0 {
        out.push_str(&format!("; {uncounted} found without a violation"));
    }
    let noun = if table.seeds.len() == 1 { "seed" } else { "seeds" };
    let aimed = if table.aimed { ", each aimed at what it breaks" } else { "" };
    out.push_str(&format!(" ({:.1} s, {noun} {}{aimed})\n", table.seconds, table.seeds.join(", ")));
    out
}
