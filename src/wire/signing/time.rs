//! Points in time as the schemes spell them, always UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

const SECOND: &str = "%Y-%m-%dT%H:%M:%SZ";

/// `yyyy-MM-ddTHH:mm:ssZ`.
pub fn write_second(seconds: i64) -> String {
    timestamp(seconds).strftime(SECOND).to_string()
}

/// Reads exactly what [`write_second`] writes.
pub fn read_second(text: &str) -> Option<i64> {
    let civil: DateTime = strtime::parse(SECOND, text).ok()?.to_datetime().ok()?;
    let seconds = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    (write_second(seconds) == text).then_some(seconds)
}

/// `yyyy-MM-dd`.
pub fn write_date(seconds: i64) -> String {
    timestamp(seconds).strftime("%Y-%m-%d").to_string()
}

/// Times outside the calendar go to its nearest end; no window of validity reaches there.
fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
