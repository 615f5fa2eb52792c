//! Durations as Mesos' flags write them: `5secs`, `10mins`, `2weeks`.

use std::time::Duration;

/// Text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not a duration; write a number with one of ns, us, ms, secs, mins, hrs, days, weeks: 15secs"
)]
pub struct DurationError {
    /// What was given.
    pub text: String,
}

/// Units from large to small, in nanoseconds, under the names that Mesos prints.
const UNITS: [(&str, u64); 8] = [
    ("weeks", 604_800_000_000_000),
    ("days", 86_400_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("mins", 60_000_000_000),
    ("secs", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads `15secs`, `1.5hrs`, `250ms`.
///
/// # Errors
/// When there is no known unit or no number, or the duration is too long.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let bad = || DurationError {
        text: text.to_owned(),
    };
    let trimmed = text.trim();
    let split = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(bad)?;
    let (number, unit) = trimmed.split_at(split);
    let (_, nanos) = UNITS
        .iter()
        .find(|(name, _)| *name == unit.trim())
        .ok_or_else(bad)?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole
            .checked_mul(*nanos)
            .map(Duration::from_nanos)
            .ok_or_else(bad);
    }
    let fraction = number.parse::<f64>().map_err(|_| bad())?;
    #[allow(clippy::cast_precision_loss)]
    Duration::try_from_secs_f64(fraction * *nanos as f64 / 1e9).map_err(|_| bad())
}

/// Writes the largest unit that the duration reaches, as Mesos prints flags: `15secs`, `1.5mins`, `2weeks`.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let unit = UNITS
        .iter()
        .find(|(_, size)| nanos >= u128::from(*size))
        .unwrap_or(&("ns", 1));
    let size = u128::from(unit.1);
    if nanos.is_multiple_of(size) {
        return format!("{}{}", nanos / size, unit.0);
    }
    format!("{}{}", nanos as f64 / size as f64, unit.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_defaults_round_trip() {
        for text in [
            "15secs", "10mins", "2weeks", "1secs", "250ms", "30hrs", "1days", "5us", "7ns",
        ] {
            let printed = format_duration(parse_duration(text).unwrap());
            assert_eq!(parse_duration(&printed), parse_duration(text), "{text} {printed}");
        }
        assert_eq!(format_duration(Duration::from_secs(600)), "10mins");
        assert_eq!(format_duration(Duration::from_secs(90)), "1.5mins");
        assert_eq!(parse_duration("1.5hrs"), Ok(Duration::from_secs(5400)));
    }

    #[test]
    fn a_number_alone_is_refused() {
        for text in ["15", "secs", "", "15 parsecs", "-1secs", "1.2.3secs"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
