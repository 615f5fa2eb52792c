//! Durations as Kubernetes users write them: `100ms`, `5s`, `90m`, `72h`, `1h30m`.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What the API server accepts; also understood by CEL's `duration()`.
const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// A duration in text form. Kept as written, so that reading an object and writing it back changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(String);

impl Period {
    /// The duration meant, or nothing if the text is not one (an object stored before its field was validated).
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let mut rest = self.0.as_str();
        let mut seconds = 0.0_f64;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(number_len);
            let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
            let scale = match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            seconds += number.parse::<f64>().ok()? * scale;
            rest = tail;
        }
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The duration meant, or `fallback`.
    #[must_use]
    pub fn duration_or(period: Option<&Self>, fallback: Duration) -> Duration {
        period.and_then(Self::duration).unwrap_or(fallback)
    }
}

impl From<&str> for Period {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": 32})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, milliseconds) in [
            ("100ms", 100),
            ("5s", 5_000),
            ("90m", 5_400_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
        ] {
            assert_eq!(
                Period::from(text).duration(),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "5", "s", "5d", "5 s", "-1s"] {
            assert_eq!(Period::from(text).duration(), None, "{text}");
        }
    }
}
