//! Values as people read them, safe in a cell of a Markdown table.

use jiff::{SignedDuration, Timestamp};

/// What stands for a value that is not known.
pub(crate) const UNKNOWN: &str = "-";
/// Characters of a cell; a page has no room for more.
const LONGEST: usize = 160;

/// A text in one cell: no line ends, nothing that ends the cell or that HTML or links are made of.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.trim().chars().enumerate() {
        if n == LONGEST {
            out.push_str("...");
            break;
        }
        match c {
            c if c.is_control() => out.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    if out.is_empty() { UNKNOWN.to_owned() } else { out }
}

/// A time in UTC, to the second.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time between two times: `2 h 05 min`, `3 min 20 s`, `12 s`.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).max(SignedDuration::ZERO).as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// A figure with at most two decimals.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A figure with its unit.
pub(crate) fn measure(value: Option<f64>, unit: &str) -> String {
    match value.filter(|value| value.is_finite()) {
        None => UNKNOWN.to_owned(),
        Some(value) if unit.is_empty() => number(value),
        Some(value) => format!("{} {}", number(value), text(unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_safe() {
        assert_eq!(text(" a|b\n<c> "), "a\\|b \\<c\\>");
        assert_eq!(text(""), "-");
        assert_eq!(text(&"x".repeat(1000)).len(), 163);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(between(at(0), at(12)), "12 s");
        assert_eq!(between(at(0), at(200)), "3 min 20 s");
        assert_eq!(between(at(0), at(7500)), "2 h 05 min");
        assert_eq!(between(at(10), at(0)), "0 s");
        assert_eq!(time(at(0)), "1970-01-01 00:00:00");
        let said = [0.0, -0.001, 1.5, 100.0, 12.345].map(number);
        assert_eq!(said, ["0", "0", "1.5", "100", "12.35"]);
        assert_eq!(measure(Some(f64::NAN), "ms"), "-");
    }
}
