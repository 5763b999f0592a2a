//! How long things take to come about, so that waiting costs few requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    sequence::{Expected, Until},
    spec::service::OpRef,
};

/// How many times as long as anything took is enough.
const MARGIN: u64 = 5;
/// Less is never enough.
const LEAST_MS: u64 = 300;

/// What the executions of a run have learned of the endpoint's pace.
///
/// A wait looks for the first time when earlier ones of its kind saw what they waited for, and before that when those of
/// other kinds did. Where the first look saw it, less may be enough, and the next wait tries half; where it took several
/// looks, that is how long it takes. The shortest time counts, so that nobody waits longer than the endpoint needs.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    known: Arc<Mutex<BTreeMap<Kind, Took>>>,
    /// The longest that anything took to come about, in milliseconds.
    longest_ms: Arc<AtomicU64>,
    /// How far reads may lag behind, in milliseconds.
    lag_ms: u64,
}

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    ms: u64,
    /// An earlier look did not show it.
    is_least: bool,
}

/// The operation that reads, its view, and whether something should come or go.
type Kind = (OpRef, usize, bool);

fn kind(read: OpRef, until: &Until) -> Kind {
    let comes = match &until.expected {
        Expected::Gone => false,
        Expected::Shown(_) => true,
        Expected::Member { present, .. } => *present,
    };
    (read, until.view, comes)
}

impl Pace {
    /// Of an endpoint whose reads show what was true up to so many milliseconds ago.
    pub fn lagging(lag_ms: u64) -> Self {
        Self { lag_ms, ..Self::default() }
    }

    pub fn lag_ms(&self) -> u64 {
        self.lag_ms
    }

    /// Milliseconds after which a look is worth its request; none where nothing is known of such a wait.
    pub fn usual(&self, read: OpRef, until: &Until) -> Option<u64> {
        let took = self.lock().get(&kind(read, until)).copied()?;
        // A wait takes up to a millisecond longer than it should: whoever tries half of two would never see less than two.
        Some(if took.is_least { took.ms } else { took.ms.saturating_sub(1) / 2 })
    }

    /// Milliseconds after which it may be there, judged by other things of the same service; none where nothing is known.
    pub fn guess(&self, read: OpRef) -> Option<u64> {
        let known = self.lock();
        known.iter().filter(|((other, ..), _)| other.service == read.service).map(|(_, took)| took.ms).min()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Took>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds within which whatever comes about has come about, by a wide margin; at most this patience.
    pub fn enough(&self, patience_ms: u64) -> u64 {
        (MARGIN * self.longest_ms.load(Ordering::Relaxed)).max(LEAST_MS).min(patience_ms)
    }

    /// It was there after this time; `is_least` where it was not before.
    pub fn learn(&self, read: OpRef, until: &Until, ms: u64, is_least: bool) {
        let (kind, mut known) = (kind(read, until), self.lock());
        let before = known.get(&kind);
        // Whoever comes late to something that is known to take less sees nothing of how long it takes.
        if is_least || before.is_none() {
            self.longest_ms.fetch_max(ms, Ordering::Relaxed);
        }
        let says_more = |before: &Took| ms < before.ms || (is_least && !before.is_least);
        if before.is_none_or(says_more) {
            known.insert(kind, Took { ms, is_least });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::{
        sequence::{Expected, Until, Wait},
        spec::service::OpRef,
    };

    #[test]
    fn the_next_wait_tries_half_until_it_is_none() {
        let read = OpRef { service: 0, operation: 0 };
        let until = Until { view: 0, key: "$image1".into(), expected: Expected::Gone, wait: Wait::Patient };
        // What was learned: after how long, and whether an earlier look did not show it; and how long the next one waits.
        let check = |learned: &[(u64, bool)], expected: u64| {
            let pace = Pace::default();
            assert_eq!(pace.usual(read, &until), None);
            learned.iter().for_each(|(ms, is_least)| pace.learn(read, &until, *ms, *is_least));
            assert_eq!(pace.usual(read, &until), Some(expected), "{learned:?}");
        };
        check(&[(41, false)], 20);
        check(&[(41, false), (21, false)], 10);
        check(&[(41, true)], 41);
        check(&[(41, true), (50, false)], 41);
        check(&[(3, false)], 1);
        // A timer that should take one millisecond takes two.
        check(&[(3, false), (2, false)], 0);
        check(&[(0, false)], 0);
    }
}
