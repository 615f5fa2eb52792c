//! Amounts of memory and disk as Mesos' flags write them: `2GB`, `512MB`.

/// Text that is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an amount of bytes; write a whole number with one of B, KB, MB, GB, TB: 2GB")]
pub struct BytesError {
    /// What was given.
    pub text: String,
}

/// Units with their powers of two.
const UNITS: [(&str, u32); 5] = [("B", 0), ("KB", 10), ("MB", 20), ("GB", 30), ("TB", 40)];

/// Reads `2GB`; a unit is 1024 of the one before it.
///
/// # Errors
/// When there is no unit or no whole number, or it is too large.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let bad = || BytesError {
        text: text.to_owned(),
    };
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = trimmed.split_at(split);
    let (_, power) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(1 << power).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn amounts_have_a_unit() {
        for (text, bytes) in [("0B", 0), ("1KB", 1024), ("2GB", 2 << 30), (" 3TB ", 3 << 40)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "2", "GB", "-1MB", "1.5GB", "2gb", "2 GB", "99999999TB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
