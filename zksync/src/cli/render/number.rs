//! Figures with their units.

/// 125000 is 125,000.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, without a fraction from ten on.
pub(super) fn rate(value: f64) -> String {
    if value < 9.95 && value > 0.0 {
        format!("{value:.1}")
    } else {
        count(value.round().max(0.0) as u64)
    }
}

/// A lag, in the unit that a person would use.
pub(super) fn lag(milliseconds: f64) -> String {
    if milliseconds < 99.95 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 10_000.0 {
        format!("{} ms", count(milliseconds.round() as u64))
    } else {
        span(milliseconds / 1000.0)
    }
}

/// A length of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).ceil() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// An amount of data.
pub(super) fn bytes(value: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    let step = STEPS.iter().find(|(size, _)| value >= *size);
    step.map_or_else(
        || format!("{value} B"),
        |(size, unit)| format!("{:.1} {unit}", value as f64 / *size as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_units_and_separators() {
        let counts = [0, 999, 1000, 97_500, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "97,500", "1,234,567"]);
        assert_eq!(
            [0.0, 0.04, 9.94, 12.5, 41_000.2].map(rate),
            ["0", "0.0", "9.9", "13", "41,000"]
        );
        let lags = [0.44, 99.9, 120.4, 9_999.4, 61_000.0].map(lag);
        assert_eq!(lags, ["0.4 ms", "99.9 ms", "120 ms", "9,999 ms", "1 min 1 s"]);
        assert_eq!(
            [0.2, 59.0, 61.0, 7300.0].map(span),
            ["1 s", "59 s", "1 min 1 s", "2 h 1 min"]
        );
        assert_eq!([12, 2048, 48 << 20].map(bytes), ["12 B", "2.0 kB", "48.0 MB"]);
    }
}
