//! Lanes, side by side.
//!
//! All lanes are asked to go on in turns of chance, which follow from the names of the run and the execution: where the
//! endpoint is in this process, that decides how its calls interleave; where it is not, calls are merely sent, and go where
//! they go. In any case each lane has sent its first call before one of them hears of an answer.

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// One lane.
pub type Lane<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs lanes until all are done; `name` decides who is asked first.
pub async fn together(mut lanes: Vec<Lane<'_>>, name: &str) {
    let mut chance = Chance::of(name);
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
                chance.pick(&ready)
            } else {
                chance.pick(&fresh)
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
struct Chance(u64);

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

    use super::{Lane, together};
    use crate::endpoint::give_way;

    /// The order in which lanes of three steps each go on.
    fn order(name: &str) -> Vec<usize> {
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
        runtime.block_on(together((0..3).map(lane).collect(), name));
        seen.into_inner().expect("nobody panics")
    }

    #[test]
    fn all_leave_first_and_the_name_decides_the_rest() {
        let orders: Vec<Vec<usize>> = (0..50).map(|number| order(&number.to_string())).collect();
        for found in &orders {
            let mut first = found[..3].to_vec();
            first.sort_unstable();
            assert_eq!((first, found.len()), (vec![0, 1, 2], 9));
        }
        assert_eq!(order("1"), orders[1]);
        assert!(orders.iter().any(|other| *other != orders[0]));
    }
}
