//! Cases that were to show something for the first time, and that something came in between of: trouble on the way, or work
//! that was over too soon. They are run again.
//!
//! Nothing is hidden by that: a case that is run again has a number and a verdict of its own, and what came of the first stays
//! where it was.

use std::collections::VecDeque;

use super::tally::{Case, Tally};
use crate::sequence::Script;

/// Times that a case is run again at most: where it fails each time, trouble is not what it is.
const CHANCES: u64 = 3;

/// Cases in a row that are run again in vain: where nothing is answered, trying again shows nothing either.
const VAIN: u32 = 3;

/// Cases that wait for another chance.
pub struct Disturbed {
    /// Cases of the run. Those with higher numbers are cases that are run again: so many more for each time.
    n_cases: u64,
    /// Of these, the first are there to show everything once.
    n_first: u64,
    waiting: VecDeque<(u64, Script)>,
    /// Of those that were run again, so many of the last have shown nothing that they were to show.
    vain: u32,
}

impl Disturbed {
    pub fn new(n_cases: u64, n_first: u64) -> Self {
        Self { n_cases: n_cases.max(1), n_first, waiting: VecDeque::new(), vain: 0 }
    }

    /// Takes note of a case, should it be one of the first, or one of them again, and not have shown all that it aimed at.
    pub fn add(&mut self, case: &Case) {
        if case.number % self.n_cases >= self.n_first {
            return;
        }
        let aims = &case.script.aims;
        let n_met = aims.iter().filter(|aim| case.judged.exercised.contains(aim)).count();
        let chances = case.number / self.n_cases;
        if chances > 0 {
            self.vain = if n_met > 0 { 0 } else { self.vain + 1 };
        }
        if n_met < aims.len() && chances < CHANCES {
            self.waiting.push_back((case.number + self.n_cases, case.script.clone()));
        }
    }

    /// The next case whose aims have not all been met meanwhile.
    pub fn next(&mut self, tally: &Tally) -> Option<(u64, Script)> {
        if self.vain >= VAIN || tally.is_blank() {
            return None;
        }
        while let Some((number, script)) = self.waiting.pop_front() {
            if script.aims.iter().any(|aim| !tally.is_exercised(*aim)) {
                return Some((number, script));
            }
        }
        None
    }
}
