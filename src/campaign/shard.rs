//! Parts of a run, for several machines, regions or accounts.

use std::{fmt, str::FromStr};

/// One of so many parts. A case belongs to one of them by its number alone, so that parts never overlap and nothing is
/// left out. Of as many cases in a row as there are parts, each has one, in changing order: kinds of cases take turns, and
/// no part should have all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    /// Counted from 1.
    pub number: u64,
    pub of: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    pub fn has(self, case: u64) -> bool {
        let turn = mixed(case / self.of) % self.of;
        (case % self.of + turn) % self.of == self.number - 1
    }

    /// How many of the first so many cases it has.
    pub fn share(self, cases: u64) -> u64 {
        let whole = cases - cases % self.of;
        whole / self.of + (whole..cases).filter(|case| self.has(*case)).count() as u64
    }
}

/// A number that has nothing to do with another but that it follows from it.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ (number >> 29)
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let read = text.split_once('/').and_then(|(k, n)| Some(Self { number: number(k)?, of: number(n)? }));
        read.filter(|shard| shard.number <= shard.of)
            .ok_or_else(|| format!("`{text}` is no shard; write 1/4 for the first of four"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Shard;

    #[test]
    fn shards_are_written_as_parts() {
        for (text, expected) in [("1/1", Some((1, 1))), ("3/4", Some((3, 4)))] {
            assert_eq!(text.parse().ok().map(|shard: Shard| (shard.number, shard.of)), expected);
        }
        for text in ["", "1", "0/4", "5/4", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_case_is_in_one_shard(case in 0u64..10_000, of in 1u64..20, cases in 0u64..500) {
            let shards = || (1..=of).map(|number| Shard { number, of });
            prop_assert_eq!(shards().filter(|shard| shard.has(case)).count(), 1);
            prop_assert_eq!(shards().map(|shard| shard.share(cases)).sum::<u64>(), cases);
            for shard in shards() {
                prop_assert_eq!((0..cases).filter(|case| shard.has(*case)).count() as u64, shard.share(cases));
            }
        }
    }
}
