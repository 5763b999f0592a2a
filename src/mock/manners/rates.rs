//! Documented rates: who exceeds them is counted, and refused where that is wanted.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::spec::{SpecSet, rate::Rate, service::OpRef};

/// Who shares a rate: an account, and all operations of a service or one of them.
type Scope = (usize, usize, Option<usize>);

/// Calls of the last while.
#[derive(Debug, Default)]
pub struct Rates {
    passed: Mutex<BTreeMap<Scope, VecDeque<u64>>>,
}

impl Rates {
    /// Whether a call exceeds a rate that is documented, times `factor`; then for how long to hold back, in milliseconds.
    /// Calls that exceed a rate do not count against it.
    pub fn exceeded(&self, set: &SpecSet, account: usize, at: OpRef, now_ms: u64, factor: f64) -> Option<u64> {
        let service = set.service(at);
        let of_operation = set.operation(at).rate.or(service.rate_each);
        let of_service = service.rate.map(|rate| ((account, at.service, None), rate));
        let of_operation = of_operation.map(|rate| ((account, at.service, Some(at.operation)), rate));
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = None;
        let scopes = || of_service.iter().chain(&of_operation);
        for (scope, rate) in scopes() {
            let times = passed.entry(*scope).or_default();
            while times.front().is_some_and(|time| time + rate.per_ms <= now_ms) {
                times.pop_front();
            }
            if times.len() >= calls(*rate, factor) {
                let free = times.front().map_or(0, |first| first + rate.per_ms - now_ms);
                wait = wait.max(Some(free.max(1)));
            }
        }
        if wait.is_none() {
            scopes().for_each(|(scope, _)| passed.entry(*scope).or_default().push_back(now_ms));
        }
        wait
    }
}

/// At least one call is always allowed.
fn calls(rate: Rate, factor: f64) -> usize {
    ((f64::from(rate.calls) * factor) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::Rates;

    #[test]
    fn so_many_calls_pass_in_any_stretch() {
        let set = crate::spec::embedded().expect("the specs are sound");
        let (at, rate) = set
            .operations()
            .find_map(|(at, operation)| Some((at, operation.rate?)))
            .expect("some operation has a documented rate");
        for factor in [1.0, 2.0] {
            let rates = Rates::default();
            let passes = |now_ms| rates.exceeded(&set, 0, at, now_ms, factor).is_none();
            let passed: Vec<u64> = (0..5 * rate.per_ms).step_by(10).filter(|now| passes(*now)).collect();
            let most = (f64::from(rate.calls) * factor) as usize;
            for (index, first) in passed.iter().enumerate() {
                let within = passed[index..].iter().take_while(|time| **time < first + rate.per_ms).count();
                assert!(within <= most, "{within} calls from {first} ms on");
            }
            assert_eq!(passed.len(), 5 * most);
            assert!(rates.exceeded(&set, 1, at, 0, factor).is_none(), "another account has its own");
        }
    }

    #[test]
    fn who_waits_as_told_passes() {
        let set = crate::spec::embedded().expect("the specs are sound");
        let rates = Rates::default();
        let (at, _) = set.operations().find(|(_, operation)| operation.rate.is_some()).expect("there is one");
        let mut now = 0;
        for _ in 0..100 {
            if let Some(wait) = rates.exceeded(&set, 0, at, now, 1.0) {
                now += wait;
                assert_eq!(rates.exceeded(&set, 0, at, now, 1.0), None);
            }
        }
        assert!(now > 0);
    }
}
