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
/// other kinds did. Where the first look saw it, less may be enough, and the next wait tries half, unless requests are
/// [dearer](Pace::sparing) than time; where half was too little, the shortest time that was enough is how long it takes, until
/// it is too little itself.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Requests are dearer than time.
    sparing: bool,
    known: Arc<Mutex<BTreeMap<Kind, Took>>>,
    /// The longest that anything took to come about, in milliseconds.
    longest_ms: Arc<AtomicU64>,
    /// How far reads may lag behind, in milliseconds.
    lag_ms: u64,
}

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    /// It was there by then, at least once.
    enough: u64,
    /// The longest time after which it was not there yet.
    too_little: Option<u64>,
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

    /// The same knowledge for a wait that takes longer rather than a look too many.
    #[must_use]
    pub fn sparing(&self) -> Self {
        Self { sparing: true, ..self.clone() }
    }

    pub fn lag_ms(&self) -> u64 {
        self.lag_ms
    }

    /// Milliseconds after which a look is worth its request; none where nothing is known of such a wait.
    pub fn usual(&self, read: OpRef, until: &Until) -> Option<u64> {
        let took = self.lock().get(&kind(read, until)).copied()?;
        // A wait takes up to a millisecond longer than it should: whoever tries half of two would never see less than two.
        let half = took.enough.saturating_sub(1) / 2;
        let is_worth_it = !self.sparing && took.too_little.is_none_or(|missed| missed < half);
        Some(if is_worth_it { half } else { took.enough })
    }

    /// Milliseconds after which it may be there, judged by other things of the same service; none where nothing is known.
    pub fn guess(&self, read: OpRef) -> Option<u64> {
        let known = self.lock();
        known.iter().filter(|((other, ..), _)| other.service == read.service).map(|(_, took)| took.enough).min()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Took>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds within which whatever comes about has come about, by a wide margin; at most this patience.
    pub fn enough(&self, patience_ms: u64) -> u64 {
        (MARGIN * self.longest_ms.load(Ordering::Relaxed)).max(LEAST_MS).min(patience_ms)
    }

    /// It was there after this time, and not yet after another one, if a look came before.
    pub fn learn(&self, read: OpRef, until: &Until, ms: u64, missed: Option<u64>) {
        let (kind, mut known) = (kind(read, until), self.lock());
        let before = known.get(&kind).copied();
        // Whoever comes late to something that is known to take less sees nothing of how long it takes.
        if missed.is_some() || before.is_none() {
            self.longest_ms.fetch_max(ms, Ordering::Relaxed);
        }
        let is_known = |before: &Took| missed.is_none_or(|missed| missed < before.enough);
        let took = match before.filter(is_known) {
            Some(before) => Took { enough: before.enough.min(ms), too_little: before.too_little.max(missed) },
            // What was enough once is not enough any more: half of what is enough now may be, or not.
            None => Took { enough: ms, too_little: missed.filter(|_| before.is_none()) },
        };
        known.insert(kind, took);
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
        let until = Until { view: 0, keys: vec!["$image1".into()], expected: Expected::Gone, wait: Wait::Patient };
        // What was learned: after how long, and after how long not yet; how long the next one waits, and a sparing one.
        let check = |learned: &[(u64, Option<u64>)], expected: u64, sparing: u64| {
            let pace = Pace::default();
            assert_eq!(pace.usual(read, &until), None);
            learned.iter().for_each(|(ms, missed)| pace.learn(read, &until, *ms, *missed));
            assert_eq!(pace.usual(read, &until), Some(expected), "{learned:?}");
            assert_eq!(pace.sparing().usual(read, &until), Some(sparing), "{learned:?}");
        };
        check(&[(41, None)], 20, 41);
        check(&[(41, None), (21, None)], 10, 21);
        check(&[(41, Some(30))], 41, 41);
        check(&[(41, Some(10))], 20, 41);
        check(&[(41, Some(30)), (50, None)], 41, 41);
        // Half was too little.
        check(&[(41, None), (60, Some(20))], 41, 41);
        check(&[(41, None), (60, Some(20)), (38, None)], 38, 38);
        // It takes longer now.
        check(&[(41, None), (90, Some(41))], 44, 90);
        check(&[(3, None)], 1, 3);
        // A timer that should take one millisecond takes two.
        check(&[(3, None), (2, None)], 0, 2);
        check(&[(0, None)], 0, 0);
    }
}
