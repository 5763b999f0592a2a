//! Makes a failing case smaller: fewer commands, fewer and plainer treatments, plainer arguments.

use serde_json::Value;

use super::{
    bench::{Bench, BenchError, Seen, Surfaced},
    case::Case,
    generate::Stock,
    judge::{Breach, judge, too_late},
    spoil::{Spoil, Treatment},
};
use crate::{generate::tree::smaller, spec::SpecSet};

/// Runs that shrinking one finding may cost, and so many at the end must show it again.
const BUDGET: u32 = 60;
/// The same of calls that do not come back: each takes a while.
const BUDGET_HUNG: u32 = 2;
const CONFIRMATIONS: u32 = 2;

/// The smallest failing case found.
pub struct Shrunk {
    pub case: Case,
    pub seen: Seen,
    pub breach: Breach,
    /// Requests that it cost.
    pub requests: u64,
    /// It failed again every time.
    pub stable: bool,
}

/// Shrinks a failure.
///
/// # Errors
/// When the adapter is of no use any longer.
pub fn shrink(
    bench: &mut Bench,
    stock: &Stock,
    case: &Case,
    seen: &Seen,
    requirement: &str,
    breach: &Breach,
) -> Result<Shrunk, BenchError> {
    let mut best = Shrunk {
        case: case.up_to(seen.command),
        seen: seen.clone(),
        breach: breach.clone(),
        requests: 0,
        stable: true,
    };
    let mut left = if matches!(seen.surfaced, Surfaced::Hung) { BUDGET_HUNG } else { BUDGET };
    'smaller: loop {
        for candidate in candidates(&bench.set.clone(), stock, &best.case) {
            if left == 0 {
                break 'smaller;
            }
            left -= 1;
            if let Some((seen, breach)) = fails(bench, &candidate, requirement, &breach.symptom, &mut best.requests)? {
                (best.case, best.seen, best.breach) = (candidate, seen, breach);
                continue 'smaller;
            }
        }
        break;
    }
    for _ in 0..CONFIRMATIONS {
        let again = fails(bench, &best.case.clone(), requirement, &breach.symptom, &mut best.requests)?;
        best.stable &= again.is_some();
    }
    Ok(best)
}

/// The call of a case that breaks a requirement in this way, with how.
fn fails(
    bench: &mut Bench,
    case: &Case,
    requirement: &str,
    symptom: &str,
    requests: &mut u64,
) -> Result<Option<(Seen, Breach)>, BenchError> {
    let last = case.script.commands.len() - 1;
    for seen in bench.run(case)? {
        *requests += seen.arrivals.len() as u64;
        if seen.command != last {
            continue;
        }
        for judgement in judge(&bench.set, &bench.adapter, case, &seen).into_iter().chain(too_late(&seen)) {
            if let Some(breach) = judgement.breach
                && judgement.requirement == requirement
                && breach.symptom == symptom
            {
                return Ok(Some((seen, breach)));
            }
        }
    }
    Ok(None)
}

/// Cases that are smaller than this one, the boldest first.
fn candidates(set: &SpecSet, stock: &Stock, case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    let with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        smaller
    };
    let last = case.script.commands.len() - 1;
    let is_documented = set.operation(case.script.commands[last].operation).is_documented();
    if case.companions && is_documented {
        found.push(with(&|case| case.companions = false));
    }
    if !case.treatments.is_empty() {
        found.push(with(&|case| case.treatments.clear()));
        found.push(with(&|case| drop(case.treatments.pop())));
    }
    if case.retries > 0 {
        found.push(with(&|case| case.retries = 0));
        found.push(with(&|case| case.retries -= 1));
    }
    // What is done to an answer shows itself as well where little comes before the call.
    let plainest = stock.plainest().filter(|script| is_documented && script.commands.len() <= last);
    found.extend(plainest.map(|script| Case { script: script.clone(), ..case.clone() }));
    // The call under test comes last, so that it stays the last.
    found.extend(smaller(set, &case.script, &[last]).into_iter().map(|script| Case { script, ..case.clone() }));
    for (index, treatment) in case.treatments.iter().enumerate() {
        for plainer in plainer(treatment) {
            found.push(with(&|case| case.treatments[index] = plainer.clone()));
        }
    }
    for (param, value) in case.script.commands[last].arguments.iter().enumerate() {
        // Companions are called as their specs have it.
        if let Some(Value::String(text)) = value
            && is_documented
            && !text.starts_with('$')
        {
            for half in halves(text) {
                found.push(with(&|case| case.script.commands[last].arguments[param] = Some(half.clone().into())));
            }
        }
    }
    found.retain(|smaller| smaller != case);
    found
}

/// The same with less to it.
fn plainer(treatment: &Treatment) -> Vec<Treatment> {
    let mut found = Vec::new();
    if treatment.acts && !treatment.needs_answer() {
        found.push(Treatment { acts: false, ..treatment.clone() });
    }
    if let Spoil::Refusal { status, code, message, sort } = &treatment.spoil {
        for half in halves(message) {
            let spoil = Spoil::Refusal { status: *status, code: code.clone(), message: half, sort: *sort };
            found.push(Treatment { spoil, ..treatment.clone() });
        }
    }
    found
}

/// Shorter texts, the shortest first; a text of one letter is as plain as it gets.
fn halves(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < 2 {
        return Vec::new();
    }
    let (first, second) = letters.split_at(letters.len() / 2);
    let mut found = vec![first.iter().collect(), second.iter().collect()];
    if letters.len() > 2 && letters.iter().any(|letter| *letter != 'x') {
        found.insert(0, "x".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::halves;

    #[test]
    fn texts_get_shorter() {
        assert_eq!(halves("abcd"), ["x", "ab", "cd"]);
        assert_eq!(halves("ab"), ["a", "b"]);
        assert_eq!(halves("x"), [""; 0]);
    }
}
