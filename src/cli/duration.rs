//! Durations as people write them.

use std::time::Duration;

/// Reads `50ms`, `2s`, `1.5m` or `1h`.
///
/// # Errors
/// A sentence that says how durations are written.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write 50ms, 2s, 1.5m or 1h");
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, seconds) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds))).ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// The same of what takes some time.
///
/// # Errors
/// A sentence that says how durations are written.
pub fn positive(text: &str) -> Result<Duration, String> {
    let found = parse(text)?;
    if found.is_zero() { Err(format!("`{text}` is no time at all")) } else { Ok(found) }
}

/// Whole milliseconds.
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("50ms", Some(50)),
            ("2s", Some(2000)),
            ("1.5m", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("5", None),
            ("-1s", None),
            ("s", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).ok().map(ms), expected, "{text}");
        }
    }
}
