//! Lengths of time as flags write them: `100ms`, `6s`, `15m`, `1h 30m`.

use std::time::Duration;

/// Parses one duration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("'{text}' is no length of time; write a number with its unit, such as 100ms, 6s or 15m");
    let read: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from(read).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        for (text, millis) in [
            ("100ms", 100),
            ("6s", 6000),
            ("15m", 900_000),
            ("1h 30m", 5_400_000),
            ("1.5s", 1500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["100", "", "-5s", "soon", "5 parsecs"] {
            let error = duration(text).unwrap_err();
            assert!(
                error.contains("is no length of time; write a number with its unit"),
                "{error}"
            );
        }
    }
}
