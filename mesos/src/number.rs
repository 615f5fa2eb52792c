//! Whole numbers in requests.

/// A whole number as Mesos reads one from a request: decimal or `0x` hexadecimal, with a sign or without. `None` for
/// everything else, blanks and fractions too.
#[must_use]
pub fn parse_whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // `from_str_radix` would take a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -size } else { size }).ok()
}

#[cfg(test)]
mod tests {
    use super::parse_whole;

    /// What a Mesos 1.11.0 made of `/tasks?limit=` and `/files/read?offset=`.
    #[test]
    fn numbers_are_read_as_by_mesos() {
        for (text, number) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("-1", Some(-1)),
            ("+2", Some(2)),
            ("0x2", Some(2)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("x", None),
            (" 2", None),
            ("2x", None),
            ("2.5", None),
            ("--2", None),
        ] {
            assert_eq!(parse_whole(text), number, "{text}");
        }
    }
}
