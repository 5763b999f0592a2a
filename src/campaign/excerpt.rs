//! Less of what was seen, judged again: that takes no request, and proves as much.
//!
//! What comes after a failure is of no use to anybody. Of a failure that never came again, so that nothing smaller could be
//! tried, what is about other things has no part either. What two cases show is put together in one, the later one after the
//! other, so that one sequence shows it.

use std::collections::{BTreeMap, BTreeSet};

use super::{between::Between, shrink::Failed};
use crate::{
    generate::{
        join::{one_after_the_other, with_fresh},
        tree::concerning,
    },
    history::{Exchange, History, Stamps},
    model::Caller,
    oracle::{Finding, Nature, judge},
    sequence::{Purpose, Script},
    spec::SpecSet,
};

/// The same without what comes after the failure has shown itself: nothing depends on what comes later.
pub fn cut(set: &SpecSet, failed: Failed) -> Failed {
    let end = failed.finding.culprit.max(failed.finding.command) + 1;
    let Some(part) = beginning(&failed.script, end) else { return failed };
    shown_by(set, &failed, &part).unwrap_or(failed)
}

/// The same without what is about other things. Of a question that was answered in two ways, one other asking stays; of calls
/// that overlap, all or none.
pub fn focused(set: &SpecSet, failed: Failed) -> Failed {
    let Failed { script, finding, .. } = &failed;
    let is_call = |index: &usize| script.commands[*index].purpose == Purpose::Call;
    let others: Vec<Option<usize>> = match finding.nature {
        Nature::Inconsistent => (0..finding.culprit).filter(is_call).map(Some).collect(),
        _ => vec![None],
    };
    let parts = others.into_iter().map(|other| {
        let keep: Vec<usize> = other.into_iter().chain([finding.culprit, finding.command]).collect();
        about(script, &keep)
    });
    let mut parts: Vec<Part> = parts.collect();
    parts.sort_by_key(Part::len);
    parts.iter().find_map(|part| shown_by(set, &failed, part)).unwrap_or(failed)
}

/// Positions of the commands that are left.
type Part = BTreeSet<usize>;
/// What was sent, and what came.
type Seen = (Script, History);

/// All that concerns these commands; with a race of the script whole, or without. A nonce that was used before needs another
/// call that used it, whatever that was about.
fn about(script: &Script, keep: &[usize]) -> Part {
    let mut keep = keep.to_vec();
    let replayed = keep.iter().copied().filter(|index| script.commands[*index].caller == Caller::Replayed).min();
    keep.extend(replayed.and_then(|index| (0..index).rfind(|other| script.commands[*other].caller == Caller::Main)));
    let part = concerning(script, &keep);
    let race = script.race();
    if part.range(race.clone()).next().is_none() {
        return part;
    }
    keep.extend(race);
    concerning(script, &keep)
}

/// What two cases show together, the other one first; none where no judge sees it in both, one after the other.
pub fn both(set: &SpecSet, other: &Seen, failed: &Failed) -> Option<Failed> {
    let script = one_after_the_other(&other.0, &failed.script)?;
    let history = after(other, &failed.script, &failed.history);
    let same =
        |found: &Finding| found.requirement == failed.finding.requirement && found.nature == failed.finding.nature;
    let finding = judge(set, &script, &history).findings.into_iter().find(same)?;
    Some(focused(set, cut(set, Failed { script, history, finding })))
}

/// Of a case that an earlier one contradicts, what says so by the command of its finding.
pub fn own(set: &SpecSet, between: &Between, failed: Failed) -> Failed {
    let Failed { script, history, finding } = failed;
    let place = finding.command;
    let says = |(script, history): &Seen| between.is_said(&judge(set, script, history));
    let begun = beginning(&script, place + 1).map(|part| of_part(&script, &history, &part)).filter(says);
    let begun = begun.unwrap_or((script, history));
    let part = about(&begun.0, &[place]);
    let smaller = Some(of_part(&begun.0, &begun.1, &part)).filter(says);
    let (place, (script, history)) = smaller.map_or((place, begun), |smaller| (part.range(..place).count(), smaller));
    Failed { script, history, finding: Finding { command: place, culprit: place, ..finding } }
}

/// The first commands of a script, and of a race all, where there are more.
fn beginning(script: &Script, end: usize) -> Option<Part> {
    let race = script.race();
    let end = if race.start < end { end.max(race.end) } else { end };
    (end < script.commands.len()).then(|| (0..end).collect())
}

/// What was seen of a part, where that fails in the same way.
fn shown_by(set: &SpecSet, failed: &Failed, part: &Part) -> Option<Failed> {
    let (script, history) = of_part(&failed.script, &failed.history, part);
    let mut shown = judge(set, &script, &history).findings.into_iter();
    let places = [failed.finding.culprit, failed.finding.command].map(|place| part.range(..place).count());
    let finding = shown.find(|other| other.key == failed.finding.key && [other.culprit, other.command] == places)?;
    Some(Failed { script, history, finding })
}

/// A part of a script with what was seen of it.
fn of_part(script: &Script, history: &History, part: &Part) -> Seen {
    let kept = history.exchanges.iter().filter(|exchange| part.contains(&exchange.command));
    let placed = |exchange: &Exchange| Exchange { command: part.range(..exchange.command).count(), ..exchange.clone() };
    let exchanges = kept.map(placed).collect();
    let commands = part.iter().map(|index| script.commands[*index].clone()).collect();
    (script.with(commands), History { exchanges, ..history.clone() })
}

/// What was seen of two scripts, as if the second had begun when the first was over.
fn after((first, seen): &Seen, second: &Script, then: &History) -> History {
    let names = with_fresh(BTreeMap::new(), &first.commands, &second.commands);
    let mut history = seen.clone();
    for (key, id) in &then.filled {
        history.filled.entry(names.get(key).unwrap_or(key).clone()).or_insert_with(|| id.clone());
    }
    let ms = seen.exchanges.iter().map(|exchange| exchange.ended_ms).max().unwrap_or_default();
    let stamp = seen.exchanges.iter().map(|exchange| exchange.stamps.end + 1).max().unwrap_or_default();
    history.exchanges.extend(then.exchanges.iter().map(|exchange| Exchange {
        command: exchange.command + first.commands.len(),
        started_ms: exchange.started_ms + ms,
        ended_ms: exchange.ended_ms + ms,
        stamps: Stamps { start: exchange.stamps.start + stamp, end: exchange.stamps.end + stamp },
        ..exchange.clone()
    }));
    history
}
