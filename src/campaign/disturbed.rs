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
#[derive(Default)]
pub struct Disturbed {
    waiting: VecDeque<(u64, Script)>,
    /// Of those that were run again, so many of the last have shown nothing that they were to show.
    vain: u32,
}

impl Disturbed {
    /// Takes note of a case that did not show all that it aimed at. Of a run with `n_cases`, those from there on are cases
    /// that are run again.
    pub fn add(&mut self, case: &Case, n_cases: u64) {
        if case.number >= n_cases {
            let has_met = case.script.aims.iter().any(|aim| case.judged.exercised.contains(aim));
            self.vain = if has_met { 0 } else { self.vain + 1 };
        }
        let has_missed = case.script.aims.iter().any(|aim| !case.judged.exercised.contains(aim));
        if has_missed && case.number / n_cases.max(1) < CHANCES {
            self.waiting.push_back((case.number + n_cases, case.script.clone()));
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
