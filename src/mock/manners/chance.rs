//! Chances that a seed decides.

use sha2::{Digest, Sha256};

use super::{Share, WHOLE};

/// A number for the n-th time that something may happen.
pub fn number(seed: u64, what: &str, n: u64) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(n.to_be_bytes());
    hash.update(what);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_be_bytes(first)
}

/// It happens the n-th time.
pub fn happens(seed: u64, what: &str, n: u64, share: Share) -> bool {
    share > 0 && number(seed, what, n) % WHOLE < share
}

/// Any number up to this.
pub fn up_to(seed: u64, what: &str, n: u64, most: u64) -> u64 {
    if most == 0 { 0 } else { number(seed, what, n) % (most + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_repeat() {
        let times = |seed| (0..100_000).filter(|n| happens(seed, "reset", *n, 100)).collect::<Vec<_>>();
        assert!((800..1200).contains(&times(1).len()), "one percent: {}", times(1).len());
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!((0..1000).all(|n| !happens(1, "reset", n, 0) && happens(1, "reset", n, WHOLE)));
        assert!((0..1000).all(|n| up_to(1, "lag", n, 7) <= 7 && up_to(1, "lag", n, 0) == 0));
    }
}
