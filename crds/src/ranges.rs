//! Host ranges: `worker[001-990]` stands for 990 names, `cp[1,3-5]` for four, `a,b[1-2]` for three.
//! An IPv6 address in brackets is left alone.

/// More than this many names in one expression is a slip of the keyboard.
const MAX_NAMES: usize = 10_000;

/// Why an expression is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Brackets do not match.
    #[error("{0:?}: a bracket is not closed")]
    Unclosed(String),
    /// What stands in the brackets is not a list of numbers and ranges.
    #[error("{0:?}: [{1}] is not a list of numbers and ranges such as [1-3,7]")]
    NotARange(String, String),
    /// Too many names.
    #[error("{0:?} stands for more than 10000 names")]
    TooMany(String),
    /// A name is empty.
    #[error("{0:?}: a name is empty")]
    Empty(String),
}

/// The names an expression stands for, in order. Numbers keep the width they are written with.
///
/// # Errors
/// When it is not a range expression; the message names the part that is wrong.
pub fn expand(expression: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for part in split_outside_brackets(expression)? {
        let part = part.trim();
        if part.is_empty() {
            return Err(Error::Empty(expression.to_owned()));
        }
        expand_one(expression, part, String::new(), &mut names)?;
    }
    Ok(names)
}

fn expand_one(whole: &str, rest: &str, prefix: String, names: &mut Vec<String>) -> Result<(), Error> {
    let Some((before, inside, after)) = first_range(whole, rest)? else {
        if names.len() >= MAX_NAMES {
            return Err(Error::TooMany(whole.to_owned()));
        }
        names.push(prefix + rest);
        return Ok(());
    };
    let bad = || Error::NotARange(whole.to_owned(), inside.to_owned());
    for item in inside.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(first) || !digits(last) {
            return Err(bad());
        }
        let (from, to): (usize, usize) = (
            first.parse().map_err(|_| bad())?,
            last.parse().map_err(|_| bad())?,
        );
        if from > to {
            return Err(bad());
        }
        if to - from >= MAX_NAMES {
            return Err(Error::TooMany(whole.to_owned()));
        }
        for number in from..=to {
            let width = first.len();
            expand_one(whole, after, format!("{prefix}{before}{number:0width$}"), names)?;
        }
    }
    Ok(())
}

/// The first bracket that is a range: brackets with a colon inside are IPv6 addresses.
fn first_range<'a>(whole: &str, text: &'a str) -> Result<Option<(&'a str, &'a str, &'a str)>, Error> {
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|t| t.find('[')).map(|at| at + from) {
        let tail = text.get(open + 1..).unwrap_or_default();
        let Some(len) = tail.find(']') else {
            return Err(Error::Unclosed(whole.to_owned()));
        };
        let (inside, after) = (
            tail.get(..len).unwrap_or_default(),
            tail.get(len + 1..).unwrap_or_default(),
        );
        if !inside.contains(':') {
            return Ok(Some((text.get(..open).unwrap_or_default(), inside, after)));
        }
        from = open + 1 + len + 1;
    }
    Ok(None)
}

fn split_outside_brackets(text: &str) -> Result<Vec<&str>, Error> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| Error::Unclosed(text.to_owned()))?
            }
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth != 0 {
        return Err(Error::Unclosed(text.to_owned()));
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_expand_in_order() {
        for (expression, names) in [
            ("node1", vec!["node1"]),
            ("cp[1-3]", vec!["cp1", "cp2", "cp3"]),
            (
                "w[008-010].dc1:7070",
                vec!["w008.dc1:7070", "w009.dc1:7070", "w010.dc1:7070"],
            ),
            ("a, b[1,4-5]", vec!["a", "b1", "b4", "b5"]),
            ("r[1-2]n[1-2]", vec!["r1n1", "r1n2", "r2n1", "r2n2"]),
            ("[fd00::1]:7070", vec!["[fd00::1]:7070"]),
        ] {
            assert_eq!(expand(expression).unwrap(), names, "{expression}");
        }
        assert_eq!(expand("worker[001-990]").unwrap().len(), 990);
    }

    #[test]
    fn slips_are_named() {
        assert!(matches!(expand("cp[1-3"), Err(Error::Unclosed(_))));
        assert!(matches!(expand("cp1]"), Err(Error::Unclosed(_))));
        assert!(matches!(expand("cp[3-1]"), Err(Error::NotARange(..))));
        assert!(matches!(expand("cp[a-c]"), Err(Error::NotARange(..))));
        assert!(matches!(expand("cp[0-99999]"), Err(Error::TooMany(_))));
        assert!(matches!(expand("r[1-9999]n[1-9999]"), Err(Error::TooMany(_))));
        assert!(matches!(expand("a,,b"), Err(Error::Empty(_))));
    }
}
