//! Lanes, side by side.
//!
//! Lanes are asked to go on one at a time. Where the endpoint is in this process, whose turn it is decides how calls
//! interleave; where it is not, calls are merely sent, and go where they go. In any case each lane has sent its first call
//! before one of them hears of an answer.
//!
//! Two calls can meet in few ways: either one goes all the way before the other begins to work, or both look, in this order or
//! that, before either acts, in this order or that. The first numbers of a [`Turns`] are these ways, the most telling first,
//! so that a race that is run a few times has met all of them. Other numbers, and those of races of many lanes, are ways
//! that chance chooses; what it chooses is the same for the same name.

use std::{
    collections::VecDeque,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// Most lanes that are asked in all orders.
const MOST_PLANNED: usize = 3;

/// One lane.
pub type Lane<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs lanes until all are done.
pub async fn together(mut lanes: Vec<Lane<'_>>, mut turns: Turns) {
    let outer: Arc<Mutex<Option<Waker>>> = Arc::default();
    let bells: Vec<Arc<Bell>> = lanes.iter().map(|_| Arc::new(Bell::rung(&outer))).collect();
    let mut done = vec![false; lanes.len()];
    let mut fresh: Vec<usize> = (0..lanes.len()).collect();
    std::future::poll_fn(|context| {
        *outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        loop {
            // Everyone leaves before anyone goes on.
            let next = if fresh.is_empty() {
                let ready: Vec<usize> =
                    (0..lanes.len()).filter(|lane| !done[*lane] && bells[*lane].is_rung()).collect();
                turns.pick(&ready)
            } else {
                turns.pick(&fresh)
            };
            let Some(lane) = next else {
                return if done.iter().all(|done| *done) { Poll::Ready(()) } else { Poll::Pending };
            };
            fresh.retain(|other| *other != lane);
            bells[lane].hush();
            let waker = Waker::from(bells[lane].clone());
            done[lane] = lanes[lane].as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
    })
    .await;
}

/// Whose turn it is.
pub enum Turns {
    /// Those in front leave, and then look, in the first order; then each goes on as far as it can, in the other one.
    Planned {
        first: VecDeque<usize>,
        then: Vec<usize>,
    },
    Chance(Chance),
}

impl Turns {
    /// The way of this number for so many lanes; without one, `name` decides.
    pub fn new(number: Option<u64>, n_lanes: usize, name: &str) -> Self {
        let planned = number.filter(|_| n_lanes <= MOST_PLANNED).and_then(|number| Self::planned(number, n_lanes));
        planned.unwrap_or_else(|| Self::Chance(Chance::of(name)))
    }

    /// Whoever looks last acts first: it meets what the others have begun, and changes what they have seen. Then one after the
    /// other, then whoever looks first acts first.
    fn planned(number: u64, n_lanes: usize) -> Option<Self> {
        let orders = orders(n_lanes);
        let number = usize::try_from(number).ok()?;
        let (manner, then) = (number / orders.len(), orders[number % orders.len()].clone());
        let looking: Vec<usize> = match manner {
            0 => then.iter().rev().copied().collect(),
            1 => Vec::new(),
            2 => then.clone(),
            _ => return None,
        };
        let leaving = if looking.is_empty() { &then } else { &looking };
        Some(Self::Planned { first: leaving.iter().chain(&looking).copied().collect(), then })
    }

    /// One of those that can go on.
    fn pick(&mut self, ready: &[usize]) -> Option<usize> {
        match self {
            Self::Planned { first, then } => {
                let place = first.iter().position(|lane| ready.contains(lane));
                let early = place.and_then(|place| first.remove(place));
                early.or_else(|| then.iter().copied().find(|lane| ready.contains(lane)))
            }
            Self::Chance(chance) => chance.pick(ready),
        }
    }
}

/// All orders of so many.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
    let with_last = |order: &Vec<usize>| {
        (0..n).rev().map(|place| [&order[..place], &[last], &order[place..]].concat()).collect::<Vec<_>>()
    };
    orders(last).iter().flat_map(with_last).collect()
}

/// Tells that a lane can go on, and wakes the task that all lanes belong to.
struct Bell {
    rung: AtomicBool,
    outer: Arc<Mutex<Option<Waker>>>,
}

impl Bell {
    fn rung(outer: &Arc<Mutex<Option<Waker>>>) -> Self {
        Self { rung: AtomicBool::new(true), outer: outer.clone() }
    }

    fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }

    fn hush(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(waker) = &*self.outer.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }
}

/// Choices that are the same for the same name.
pub struct Chance(u64);

impl Chance {
    fn of(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish())
    }

    fn pick(&mut self, list: &[usize]) -> Option<usize> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = usize::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        list.get(number % list.len().max(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{Lane, Turns, together};
    use crate::endpoint::give_way;

    /// The order in which so many lanes of three steps each go on: they leave, look and act.
    fn order(n_lanes: usize, number: Option<u64>, name: &str) -> Vec<usize> {
        let seen = Mutex::new(Vec::new());
        let lane = |number: usize| -> Lane<'_> {
            let seen = &seen;
            Box::pin(async move {
                for _ in 0..3 {
                    seen.lock().expect("nobody panics").push(number);
                    give_way().await;
                }
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(together((0..n_lanes).map(lane).collect(), Turns::new(number, n_lanes, name)));
        seen.into_inner().expect("nobody panics")
    }

    #[test]
    fn all_leave_first_and_the_name_decides_the_rest() {
        let orders: Vec<Vec<usize>> = (0..50).map(|name| order(3, None, &name.to_string())).collect();
        for found in &orders {
            let mut first = found[..3].to_vec();
            first.sort_unstable();
            assert_eq!((first, found.len()), (vec![0, 1, 2], 9));
        }
        assert_eq!(order(3, None, "1"), orders[1]);
        assert!(orders.iter().any(|other| *other != orders[0]));
    }

    #[test]
    fn two_lanes_meet_in_each_way() {
        let check = |number: u64, expected: [usize; 6]| {
            assert_eq!(order(2, Some(number), "any"), expected, "{number}");
            assert_eq!(order(2, Some(number), "other"), expected, "{number}, by another name");
        };
        // Both look, and whoever looks last acts first.
        check(0, [1, 0, 1, 0, 0, 1]);
        check(1, [0, 1, 0, 1, 1, 0]);
        // One after the other.
        check(2, [0, 1, 0, 0, 1, 1]);
        check(3, [1, 0, 1, 1, 0, 0]);
        // Both look, and whoever looks first acts first.
        check(4, [0, 1, 0, 1, 0, 1]);
        check(5, [1, 0, 1, 0, 1, 0]);
        let by_chance: Vec<Vec<usize>> = (0..20).map(|name| order(2, Some(6), &name.to_string())).collect();
        assert!(by_chance.iter().any(|other| *other != by_chance[0]));
    }

    #[test]
    fn three_lanes_meet_in_ways_that_differ_and_more_by_chance() {
        let ways: Vec<Vec<usize>> = (0..18).map(|number| order(3, Some(number), "any")).collect();
        for (number, way) in ways.iter().enumerate() {
            assert!(!ways[..number].contains(way), "{number}");
        }
        assert_ne!(order(4, Some(0), "one"), order(4, Some(0), "another"));
    }
}
