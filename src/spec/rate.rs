//! How many calls in how much time.

use std::fmt;

/// So many calls in any stretch of this length, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    pub calls: u32,
    pub per_ms: u64,
}

/// Units, with their milliseconds.
const UNITS: &[(&str, u64)] = &[("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

impl Rate {
    /// Reads `10/s`, `60/min` or `1000/h`; no calls at all is no rate.
    pub fn parse(text: &str) -> Option<Self> {
        let (calls, unit) = text.split_once('/')?;
        let calls = calls.trim().parse().ok().filter(|calls| *calls > 0)?;
        let (_, per_ms) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        Some(Self { calls, per_ms: *per_ms })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, ms)| *ms == self.per_ms) {
            Some((unit, _)) => write!(out, "{}/{unit}", self.calls),
            None => write!(out, "{}/{} ms", self.calls, self.per_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn rates_are_read_and_shown() {
        for text in ["10/s", "60/min", "1000/h"] {
            assert_eq!(Rate::parse(text).map(|rate| rate.to_string()).as_deref(), Some(text));
        }
        for text in ["", "10", "0/s", "-1/s", "10/day", "/s", "ten/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }
}
