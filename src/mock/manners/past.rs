//! What was true a while ago, for reads that lag.

use std::collections::VecDeque;

use crate::model::State;

/// The states of the last while, each with the time from which it was true.
#[derive(Debug, Default)]
pub struct Past {
    states: VecDeque<(u64, State)>,
}

impl Past {
    /// Takes note of the state from now on, and forgets what no read can show any more.
    pub fn note(&mut self, state: &State, now_ms: u64, lag_ms: u64) {
        if self.states.back().is_some_and(|(_, latest)| latest == state) {
            return;
        }
        self.states.push_back((now_ms, state.clone()));
        let oldest = now_ms.saturating_sub(lag_ms);
        while self.states.get(1).is_some_and(|(from, _)| *from <= oldest) {
            self.states.pop_front();
        }
    }

    /// The state that was noted last before this time. What was pending in it may be done by then.
    pub fn at(&self, time_ms: u64) -> Option<&State> {
        let earlier = self.states.iter().rev().find(|(from, _)| *from <= time_ms);
        earlier.or(self.states.front()).map(|(_, state)| state)
    }
}
