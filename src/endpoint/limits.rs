//! Keeping within documented rates, and holding back when asked to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::spec::{SpecSet, rate::Rate, service::OpRef};

/// Requests sent evenly may arrive closer together: stretches are taken for longer than they are, by one part in so many.
const MARGIN: u64 = 10;
/// First pause after an answer that says to hold back and not for how long; it doubles each time.
const FIRST_PAUSE_MS: u64 = 250;
/// Longest pause.
const LONGEST_PAUSE_MS: u64 = 60_000;

/// Who shares a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scope {
    Service(usize),
    Operation(OpRef),
}

/// Limits of a run: when a call may be sent.
#[derive(Debug, Default)]
pub struct Limits {
    rates: BTreeMap<Scope, Rate>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Times of calls, in milliseconds; those to come are reserved.
    sent: BTreeMap<Scope, VecDeque<u64>>,
    /// Nothing before this.
    held: BTreeMap<OpRef, u64>,
    /// Answers in a row that said to hold back.
    refusals: BTreeMap<OpRef, u32>,
}

impl Limits {
    /// As the documents have them.
    pub fn documented(set: &SpecSet) -> Self {
        let mut limits = Self::default();
        for (index, service) in set.services.iter().enumerate() {
            limits.of_service(index, service.rate);
        }
        for (at, operation) in set.operations() {
            limits.of_operation(at, operation.rate.or(set.service(at).rate_each));
        }
        limits
    }

    /// Another limit for all calls of a service, or none.
    pub fn of_service(&mut self, service: usize, rate: Option<Rate>) {
        self.set(Scope::Service(service), rate);
    }

    /// Another limit for an operation, or none.
    pub fn of_operation(&mut self, at: OpRef, rate: Option<Rate>) {
        self.set(Scope::Operation(at), rate);
    }

    fn set(&mut self, scope: Scope, rate: Option<Rate>) {
        match rate {
            Some(rate) => drop(self.rates.insert(scope, rate)),
            None => drop(self.rates.remove(&scope)),
        }
    }

    /// The earliest time for a call that is ready now; it is taken.
    pub fn reserve(&self, at: OpRef, now_ms: u64) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let mut when = now_ms.max(inner.held.get(&at).copied().unwrap_or(0));
        let scopes = [Scope::Service(at.service), Scope::Operation(at)];
        let limited = || scopes.iter().filter_map(|scope| Some((*scope, *self.rates.get(scope)?)));
        for (scope, rate) in limited() {
            let sent = inner.sent.entry(scope).or_default();
            // The call that is as many calls back as one stretch may hold.
            if let Some(first) = sent.len().checked_sub(rate.calls as usize).and_then(|index| sent.get(index)) {
                when = when.max(first + rate.per_ms + rate.per_ms / MARGIN);
            }
        }
        for (scope, rate) in limited() {
            let sent = inner.sent.entry(scope).or_default();
            // Times in order: a call that another limit puts off does not let later ones overtake it.
            let last = sent.back().copied().unwrap_or(0);
            sent.push_back(when.max(last));
            while sent.len() > rate.calls as usize {
                sent.pop_front();
            }
        }
        when
    }

    /// An answer said to hold back, for so many milliseconds, or just so.
    pub fn hold(&self, at: OpRef, now_ms: u64, asked_ms: Option<u64>) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let refusals = inner.refusals.entry(at).or_default();
        *refusals += 1;
        let own = FIRST_PAUSE_MS << (*refusals - 1).min(16);
        let pause = asked_ms.unwrap_or(own).min(LONGEST_PAUSE_MS);
        let until = now_ms + pause;
        let held = inner.held.entry(at).or_default();
        *held = until.max(*held);
        pause
    }

    /// An answer said nothing of the sort.
    pub fn relax(&self, at: OpRef) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.refusals.remove(&at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, without a generator.
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
    }

    fn op(operation: usize) -> OpRef {
        OpRef { service: 0, operation }
    }

    #[test]
    fn no_stretch_holds_more_than_the_rate() {
        for seed in 1..50 {
            let mut limits = Limits::default();
            let whole = Rate { calls: 7, per_ms: 1_000 };
            let each = Rate { calls: 3, per_ms: 1_000 };
            limits.of_service(0, Some(whole));
            limits.of_operation(op(0), Some(each));
            let mut now = 0;
            let mut times: Vec<(usize, u64)> = Vec::new();
            for number in numbers(seed).take(200) {
                let operation = (number % 2) as usize;
                times.push((operation, limits.reserve(op(operation), now)));
                now += (number >> 8) % 120;
            }
            let most = |rate: Rate, of: &dyn Fn(usize) -> bool| {
                let mut times: Vec<u64> = times.iter().filter(|(at, _)| of(*at)).map(|(_, time)| *time).collect();
                times.sort_unstable();
                for pair in times.windows(rate.calls as usize + 1) {
                    assert!(pair[rate.calls as usize] - pair[0] > rate.per_ms, "{seed}: {pair:?}");
                }
            };
            most(whole, &|_| true);
            most(each, &|at| at == 0);
        }
    }

    #[test]
    fn pauses_are_as_long_as_asked_and_else_double() {
        let limits = Limits::default();
        assert_eq!(limits.reserve(op(0), 5), 5, "nothing limits it");
        assert_eq!(limits.hold(op(0), 100, Some(2_000)), 2_000);
        assert_eq!(limits.reserve(op(0), 150), 2_100);
        assert_eq!(limits.reserve(op(1), 150), 150, "other operations are not held");
        assert_eq!(limits.hold(op(1), 0, None), FIRST_PAUSE_MS);
        assert_eq!(limits.hold(op(1), 0, None), 2 * FIRST_PAUSE_MS);
        limits.relax(op(1));
        assert_eq!(limits.hold(op(1), 0, None), FIRST_PAUSE_MS);
        assert_eq!(limits.hold(op(1), 0, Some(u64::MAX)), LONGEST_PAUSE_MS);
    }
}
