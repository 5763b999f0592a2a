//! The orders in which overlapping calls may have taken effect.
//!
//! A call takes effect at some moment between its start and its end, so a call that was over before another began comes
//! first; all other orders are possible. What is believed after some of the calls depends on *which* calls these are and on
//! the worlds, and not on their order: so each set of calls done is gone on from once, with all worlds that any order of them
//! leads to. That is the memory of the search; without it, there are as many orders as permutations.
//!
//! The search is bounded by a budget of steps. Where that is spent, nothing is known.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use super::belief::{Belief, Moment, World};
use crate::{history::Stamps, model::State};

/// Steps, each of one call in one world, after which a search gives up.
pub const BUDGET: usize = 2_000_000;
/// Calls of one search at most: a set of them is a number.
pub const MOST_CALLS: usize = 64;

/// How one call leads from a world to others.
pub trait Steps {
    /// Worlds that some of what is under way may have become before the next call.
    fn settle(&self, belief: Belief) -> Belief;

    /// Adds the worlds in which this call has been answered as it was.
    fn step(&mut self, call: usize, world: &World, next: &mut Belief);
}

/// What a search found.
pub struct Found {
    /// After all calls; empty when no order explains their answers.
    pub belief: Belief,
    /// After each set of calls, what was believed before the next.
    pub reached: Vec<(u64, Belief)>,
    /// Calls that were explained in some world, after some of the others.
    pub fitted: u64,
}

/// The budget is spent, or there are too many calls.
#[derive(Debug)]
pub struct Unknown;

/// Which calls have to come before each call.
pub fn predecessors(stamps: &[Stamps]) -> Vec<u64> {
    let before = |call: &Stamps| {
        let earlier = stamps.iter().enumerate().filter(|(_, other)| other.precedes(call));
        earlier.fold(0, |set, (index, _)| set | 1 << index)
    };
    stamps.iter().map(before).collect()
}

/// Tries all orders.
///
/// # Errors
/// When that would take more steps than the budget has.
pub fn search(
    belief: Belief,
    predecessors: &[u64],
    steps: &mut dyn Steps,
    budget: &mut usize,
) -> Result<Found, Unknown> {
    if predecessors.len() > MOST_CALLS {
        return Err(Unknown);
    }
    let (mut reached, mut fitted) = (Vec::new(), 0);
    let mut layer: BTreeMap<u64, Belief> = BTreeMap::from([(0, belief)]);
    for _ in predecessors {
        let mut next: BTreeMap<u64, Belief> = BTreeMap::new();
        for (done, belief) in layer {
            let belief = steps.settle(belief);
            if belief.is_cut {
                return Err(Unknown);
            }
            for (call, _) in open(done, predecessors) {
                *budget = budget.checked_sub(belief.worlds.len()).ok_or(Unknown)?;
                let mut after = Belief::default();
                for world in &belief.worlds {
                    steps.step(call, world, &mut after);
                }
                if after.is_cut {
                    return Err(Unknown);
                }
                if after.worlds.is_empty() {
                    continue;
                }
                fitted |= 1 << call;
                let known = next.entry(done | 1 << call).or_default();
                if known.worlds.is_empty() {
                    *known = after;
                } else {
                    after.worlds.into_iter().for_each(|world| known.add(world));
                }
                if known.is_cut {
                    return Err(Unknown);
                }
            }
            reached.push((done, belief));
        }
        layer = next;
    }
    let belief = layer.into_values().next().unwrap_or_default();
    Ok(Found { belief, reached, fitted })
}

/// Calls that may come next after these.
pub fn open(done: u64, predecessors: &[u64]) -> impl Iterator<Item = (usize, u64)> + '_ {
    let calls = predecessors.iter().copied().enumerate();
    calls.filter(move |(call, before)| done & (1 << call) == 0 && before & !done == 0)
}

/// The first so many orders.
pub fn orders(predecessors: &[u64], most: usize) -> Vec<Vec<usize>> {
    fn go_on(done: u64, order: &mut Vec<usize>, predecessors: &[u64], most: usize, found: &mut Vec<Vec<usize>>) {
        if found.len() >= most {
            return;
        }
        if order.len() == predecessors.len() {
            found.push(order.clone());
            return;
        }
        for (call, _) in open(done, predecessors) {
            order.push(call);
            go_on(done | 1 << call, order, predecessors, most, found);
            order.pop();
        }
    }
    let mut found = Vec::new();
    if predecessors.len() <= MOST_CALLS {
        go_on(0, &mut Vec::new(), predecessors, most, &mut found);
    }
    found
}

/// Equal states are one, so that what was worked out for one serves all.
#[derive(Default)]
pub struct Pool {
    by_state: HashMap<State, Rc<Moment>>,
    /// States by where they are; kept, so that no other takes their place.
    known: HashMap<*const Moment, (Rc<Moment>, Rc<Moment>)>,
}

impl Pool {
    pub fn one(&mut self, state: &Rc<Moment>) -> Rc<Moment> {
        if let Some((_, one)) = self.known.get(&Rc::as_ptr(state)) {
            return one.clone();
        }
        let one = self.by_state.entry(State::clone(state)).or_insert_with(|| state.clone()).clone();
        self.known.insert(Rc::as_ptr(state), (state.clone(), one.clone()));
        one
    }
}

/// Calls that have nothing to do with each other are judged apart: groups of those that do.
pub fn groups<K: Ord + Clone>(named: &[Vec<K>], linked: &[(K, K)]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<usize> = (0..named.len()).collect();
    let mut by_key: BTreeMap<&K, Vec<usize>> = BTreeMap::new();
    for (call, keys) in named.iter().enumerate() {
        keys.iter().for_each(|key| by_key.entry(key).or_default().push(call));
    }
    let mut join = |calls: &[usize]| {
        let Some(group) = calls.iter().map(|call| group_of[*call]).min() else { return };
        let joined: Vec<usize> = calls.iter().map(|call| group_of[*call]).collect();
        group_of.iter_mut().filter(|own| joined.contains(own)).for_each(|own| *own = group);
    };
    by_key.values().for_each(|calls| join(calls));
    for (one, other) in linked {
        let calls: Vec<usize> = [one, other].iter().filter_map(|key| by_key.get(*key)).flatten().copied().collect();
        join(&calls);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    group_of.iter().enumerate().for_each(|(call, group)| groups.entry(*group).or_default().push(call));
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::{BUDGET, Belief, MOST_CALLS, Steps, Unknown, World, groups, orders, predecessors, search};
    use crate::{history::Stamps, model::State};

    fn stamps(list: &[(u64, u64)]) -> Vec<Stamps> {
        list.iter().map(|(start, end)| Stamps { start: *start, end: *end }).collect()
    }

    #[test]
    fn what_was_over_comes_first() {
        let all = |list: &[(u64, u64)]| orders(&predecessors(&stamps(list)), 100);
        assert_eq!(all(&[(1, 4), (2, 3)]), [[0, 1], [1, 0]]);
        assert_eq!(all(&[(1, 2), (3, 4)]), [[0, 1]]);
        assert_eq!(all(&[(1, 3), (2, 6), (4, 5)]), [[0, 1, 2], [0, 2, 1], [1, 0, 2]]);
        assert_eq!(all(&[(1, 9), (1, 9), (1, 9), (1, 9)]).len(), 24);
    }

    /// Calls that change nothing.
    struct Idle;

    impl Steps for Idle {
        fn settle(&self, belief: Belief) -> Belief {
            belief
        }

        fn step(&mut self, _: usize, world: &World, next: &mut Belief) {
            next.add(world.clone());
        }
    }

    #[test]
    fn a_search_gives_up_where_calls_are_too_many() {
        let check = |n_calls: u64, mut budget: usize, expected: Option<usize>| {
            let in_turn = predecessors(&stamps(&(0..n_calls).map(|call| (2 * call, 2 * call + 1)).collect::<Vec<_>>()));
            let found = search(Belief::new(State::default()), &in_turn, &mut Idle, &mut budget);
            let reached = found.map(|found| (found.belief.worlds.len() == 1).then_some(found.reached.len()));
            assert_eq!(reached.map_err(|Unknown| ()).unwrap_or(None), expected, "{n_calls}");
        };
        check(3, BUDGET, Some(3));
        check(MOST_CALLS as u64, BUDGET, Some(MOST_CALLS));
        check(3, 3, Some(3));
        check(3, 2, None);
        let apart = vec![0; MOST_CALLS + 1];
        assert!(search(Belief::new(State::default()), &apart, &mut Idle, &mut 0).is_err());
    }

    #[test]
    fn calls_are_joined_by_what_they_name() {
        let named = [vec!["a"], vec!["b", "c"], vec!["c"], vec!["d"], vec![]];
        assert_eq!(groups(&named, &[]), [vec![0], vec![1, 2], vec![3], vec![4]]);
        assert_eq!(groups(&named, &[("d", "a")]), [vec![0, 3], vec![1, 2], vec![4]]);
    }
}
