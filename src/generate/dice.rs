//! Randomness of one case.

use proptest::{
    collection,
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sha2::{Digest, Sha256};

/// A source of choices that is the same for the same seed, everywhere.
pub struct Dice {
    runner: TestRunner,
}

impl Dice {
    /// The dice of a case: a hash of the root seed and the case's number, so that one case replays alone.
    pub fn new(seed: &str, case: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.as_bytes());
        hash.update(b"/");
        hash.update(case.to_be_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &hash.finalize());
        Self { runner: TestRunner::new_with_rng(Config::default(), rng) }
    }

    fn draw<S: Strategy>(&mut self, strategy: &S, otherwise: S::Value) -> S::Value {
        strategy.new_tree(&mut self.runner).map_or(otherwise, |tree| tree.current())
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n < 2 { 0 } else { self.draw(&(0..n), 0) }
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())) }
    }

    pub fn number(&mut self) -> u64 {
        self.draw(&any::<u64>(), 0)
    }

    /// Any text that can travel: Unicode, reserved characters, no controls; never a place to fill.
    pub fn text(&mut self) -> String {
        let letters = collection::vec(any::<char>(), 1..24);
        let text: String = self.draw(&letters, vec!['x']).into_iter().filter(|letter| !letter.is_control()).collect();
        let text = text.trim_start_matches('$').trim().to_owned();
        if text.is_empty() { "?".into() } else { text }
    }
}
