//! How real clouds behave, and documents do not say: slow, late, throttled, lossy, and full of other people's things.
//!
//! Nothing of it breaks a promise, so a suite that finds a violation here is wrong. Each manner is a number that is zero
//! when it is off; [`Manners::realistic`] turns all of them on. What happens is decided by the seed and by the number of the
//! request (or the time, for bursts), so a server with the same seed does the same to the same sequence of requests.
//!
//! Codes, rates and headers are those of the specs.

pub mod chance;
mod inventory;
mod others;
mod past;
mod rates;
mod refusals;
mod statistics;

pub use inventory::inventory;
pub use others::others;
pub use past::Past;
pub use rates::Rates;
pub use refusals::refusal;
pub use statistics::{Manner, Statistics};

/// Ten thousand of a [`Share`] is everything.
pub const WHOLE: u64 = 10_000;
/// Bursts of failures come about this often.
pub const BURST_EVERY_MS: u64 = 10_000;

/// So many of ten thousand.
pub type Share = u64;

/// The manners of a mock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manners {
    /// Root of all chances.
    pub seed: u64,
    /// Each piece of asynchronous work takes up to this much longer.
    pub slow_ms: u64,
    /// Each read shows what was true up to this long ago.
    pub lag_ms: u64,
    /// Each answer takes up to this long.
    pub latency_ms: u64,
    /// Documented rates are kept, times this; none are, where there is no number.
    pub throttle: Option<f64>,
    /// What is done, and its answer is lost.
    pub lost: Share,
    /// What arrives a second time, of all that creates nothing.
    pub repeated: Share,
    /// Connections that are reset before anything is done.
    pub resets: Share,
    /// Now and then everything fails for this long.
    pub bursts_ms: u64,
    /// Most resources of a kind in a region that callers may create.
    pub quota: Option<usize>,
    /// Resources of each kind that are there already, and are someone else's.
    pub others: usize,
    /// There is a second account, and a key that may only read.
    pub accounts: bool,
}

impl Manners {
    /// All of them, as on a bad night.
    pub fn realistic(seed: u64) -> Self {
        Self {
            seed,
            slow_ms: 300,
            lag_ms: 100,
            latency_ms: 10,
            throttle: Some(1.0),
            lost: 50,
            repeated: 100,
            resets: 50,
            bursts_ms: 300,
            quota: Some(500),
            others: 5,
            accounts: true,
        }
    }

    /// In words, for those that are on.
    pub fn told(&self) -> Vec<String> {
        let percent = |share: Share| format!("{} %", share as f64 * 100.0 / WHOLE as f64);
        let mut told = Vec::new();
        let mut tell = |is_on: bool, text: String| told.extend(is_on.then_some(text));
        tell(self.slow_ms > 0, format!("work takes up to {} ms longer", self.slow_ms));
        tell(self.lag_ms > 0, format!("reads lag by up to {} ms", self.lag_ms));
        tell(self.latency_ms > 0, format!("answers take up to {} ms", self.latency_ms));
        tell(
            self.throttle.is_some(),
            match self.throttle {
                Some(1.0) | None => "documented rates are kept".into(),
                Some(times) => format!("documented rates are kept, times {times}"),
            },
        );
        tell(self.lost > 0, format!("{} of the answers are lost", percent(self.lost)));
        tell(self.repeated > 0, format!("{} of what creates nothing arrives twice", percent(self.repeated)));
        tell(self.resets > 0, format!("{} of the connections are reset", percent(self.resets)));
        tell(self.bursts_ms > 0, format!("everything fails for {} ms now and then", self.bursts_ms));
        tell(self.quota.is_some(), format!("at most {} of a kind may be created", self.quota.unwrap_or(0)));
        tell(self.others > 0, format!("{} of each kind are someone else's", self.others));
        tell(self.accounts, "there is a second account, and a key that may only read".into());
        told
    }

    /// Everything fails at this time.
    pub fn is_burst(&self, now_ms: u64) -> bool {
        let period = now_ms / BURST_EVERY_MS;
        let latest = BURST_EVERY_MS.saturating_sub(self.bursts_ms).max(1);
        let begins = chance::number(self.seed, "burst", period) % latest;
        (begins..begins + self.bursts_ms).contains(&(now_ms % BURST_EVERY_MS))
    }
}
