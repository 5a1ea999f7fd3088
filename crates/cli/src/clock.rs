//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 in UTC, the only time zone that the standard library knows; 0 on a clock before it.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
