//! The kill table, for people and for programs.

pub mod human;
pub mod json;

use crate::mutant::{
    Fate, KillTable,
    kill::{Kill, MutantResult},
};

/// How many mutants came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    pub mutants: usize,
    pub killed: usize,
    pub survived: usize,
    pub not_struck: usize,
    pub allowed: usize,
}

/// Middle and largest of some numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    pub median: u64,
    pub max: u64,
}

/// What kills cost, and what was blamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Costs {
    pub requests_to_failure: Option<Spread>,
    pub shrunk_commands: Option<Spread>,
    pub shrink_requests: Option<Spread>,
    /// Kills, with all seeds.
    pub kills: usize,
    /// Of those, the ones that blame the requirement which the mutant breaks.
    pub blamed_rightly: usize,
}

impl Ends {
    pub fn of<'a>(results: impl IntoIterator<Item = &'a MutantResult>) -> Self {
        let mut ends = Self::default();
        for result in results {
            ends.mutants += 1;
            match result.worst().map(|trial| &trial.fate) {
                Some(Fate::Killed(_)) => ends.killed += 1,
                Some(Fate::Survived { .. }) => ends.survived += 1,
                Some(Fate::Allowed(_)) => ends.allowed += 1,
                Some(Fate::NotStruck { .. }) | None => ends.not_struck += 1,
            }
        }
        ends
    }
}

impl Spread {
    /// None of no numbers. Of an even number of them, the median is the lower of the two in the middle.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let max = *numbers.last()?;
        Some(Self { median: numbers[(numbers.len() - 1) / 2], max })
    }
}

impl Costs {
    pub fn of<'a>(results: impl IntoIterator<Item = &'a MutantResult>) -> Self {
        let results: Vec<&MutantResult> = results.into_iter().collect();
        let kills: Vec<&Kill> = results.iter().flat_map(|result| result.kills()).collect();
        let rightly = |result: &&MutantResult| result.kills().filter(|kill| is_blamed(result, kill)).count();
        let shrunk = || kills.iter().filter_map(|kill| kill.shrunk);
        Self {
            requests_to_failure: Spread::of(kills.iter().map(|kill| kill.requests_to_failure)),
            shrunk_commands: Spread::of(shrunk().map(|shrunk| shrunk.commands as u64)),
            shrink_requests: Spread::of(shrunk().map(|shrunk| shrunk.requests)),
            kills: kills.len(),
            blamed_rightly: results.iter().map(rightly).sum(),
        }
    }
}

/// Results together that follow each other and have the same name.
fn groups<'a>(
    results: &'a [MutantResult],
    name: impl Fn(&'a MutantResult) -> &'a str,
) -> Vec<(&'a str, Vec<&'a MutantResult>)> {
    let mut found: Vec<(&str, Vec<&MutantResult>)> = Vec::new();
    for result in results {
        let name = name(result);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, list)) => list.push(result),
            None => found.push((name, vec![result])),
        }
    }
    found
}

/// The blame was put on the requirement that the mutant breaks.
fn is_blamed(result: &MutantResult, kill: &Kill) -> bool {
    kill.by == (result.mutant.at, result.mutant.breaks)
}

/// Kills that do not make the verdict of a run.
fn uncounted(table: &KillTable) -> usize {
    table.results.iter().flat_map(MutantResult::kills).filter(|kill| !kill.counts).count()
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn spreads() {
        let check = |numbers: &[u64], expected: Option<(u64, u64)>| {
            let spread = Spread::of(numbers.iter().copied());
            assert_eq!(spread.map(|spread| (spread.median, spread.max)), expected, "{numbers:?}");
        };
        check(&[], None);
        check(&[4], Some((4, 4)));
        check(&[9, 1], Some((1, 9)));
        check(&[5, 1, 7], Some((5, 7)));
    }
}
