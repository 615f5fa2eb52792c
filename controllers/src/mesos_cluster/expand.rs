//! Node ranges: `cp[1-3]` stands for cp1, cp2, cp3; `worker[001-990]` keeps its zeros. Pure.

/// More names than this in one entry is taken for a slip of the finger.
const LIMIT: usize = 10_000;

/// What is wrong with a pattern; the caller adds the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// A bracket is missing.
    #[error("\"{0}\": every [ needs a ] after it")]
    MatchBrackets(String),
    /// The text between the brackets is not `1-3`, `001-990` or `1,3`.
    #[error("\"{pattern}\": [{range}] is no range; write [1-3] or [1,3-5]")]
    ReadRange {
        /// The whole pattern.
        pattern: String,
        /// What is between the brackets.
        range: String,
    },
    /// The range ends before it begins.
    #[error("\"{pattern}\": [{range}] ends before it begins")]
    OrderRange {
        /// The whole pattern.
        pattern: String,
        /// What is between the brackets.
        range: String,
    },
    /// Too many.
    #[error("\"{0}\" stands for more than {LIMIT} names")]
    LimitNames(String),
    /// Nothing.
    #[error("an empty name")]
    NameNode,
}

/// Every name a pattern stands for, in order; commas outside brackets separate patterns.
pub(crate) fn expand(pattern: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for part in split_outside_brackets(pattern) {
        let part = part.trim();
        if part.is_empty() {
            return Err(Error::NameNode);
        }
        names.extend(expand_one(part, pattern)?);
        if names.len() > LIMIT {
            return Err(Error::LimitNames(pattern.to_owned()));
        }
    }
    Ok(names)
}

fn split_outside_brackets(pattern: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (i, c) in pattern.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&pattern[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

fn expand_one(part: &str, whole: &str) -> Result<Vec<String>, Error> {
    let unmatched = || Error::MatchBrackets(whole.to_owned());
    let Some((before, rest)) = part.split_once('[') else {
        return if part.contains(']') { Err(unmatched()) } else { Ok(vec![part.to_owned()]) };
    };
    let (range, after) = rest.split_once(']').ok_or_else(unmatched)?;
    if before.contains(']') || range.contains('[') {
        return Err(unmatched());
    }
    let tails = expand_one(after, whole).or_else(|e| if after.is_empty() { Ok(vec![String::new()]) } else { Err(e) })?;
    let numbers = numbers(range, whole)?;
    if numbers.len().saturating_mul(tails.len()) > LIMIT {
        return Err(Error::LimitNames(whole.to_owned()));
    }
    Ok(numbers.iter().flat_map(|n| tails.iter().map(move |tail| format!("{before}{n}{tail}"))).collect())
}

fn numbers(range: &str, whole: &str) -> Result<Vec<String>, Error> {
    let unreadable = || Error::ReadRange { pattern: whole.to_owned(), range: range.to_owned() };
    let mut numbers = Vec::new();
    for part in range.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        if low.is_empty() || !low.chars().chain(high.chars()).all(|c| c.is_ascii_digit()) {
            return Err(unreadable());
        }
        let first: u64 = low.parse().map_err(|_| unreadable())?;
        let last: u64 = high.parse().map_err(|_| unreadable())?;
        if last < first {
            return Err(Error::OrderRange { pattern: whole.to_owned(), range: range.to_owned() });
        }
        if last - first >= LIMIT as u64 {
            return Err(Error::LimitNames(whole.to_owned()));
        }
        // Leading zeros are part of the name: as wide as the first number is written.
        let width = if low.starts_with('0') { low.len() } else { 0 };
        numbers.extend((first..=last).map(|n| format!("{n:0width$}")));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("cp1", &["cp1"])]
    #[case("cp[1-3]", &["cp1", "cp2", "cp3"])]
    #[case("w[008-010].dc1", &["w008.dc1", "w009.dc1", "w010.dc1"])]
    #[case("10.0.1.1[1-3]:7070", &["10.0.1.11:7070", "10.0.1.12:7070", "10.0.1.13:7070"])]
    #[case("r[1-2]n[1-2]", &["r1n1", "r1n2", "r2n1", "r2n2"])]
    #[case("n[1,3-4]", &["n1", "n3", "n4"])]
    #[case("cp[1-2], w7", &["cp1", "cp2", "w7"])]
    #[case("cp[2-2]", &["cp2"])]
    fn ranges(#[case] pattern: &str, #[case] names: &[&str]) {
        assert_eq!(expand(pattern).unwrap(), names);
    }

    #[rstest]
    #[case("cp[1-3", "\"cp[1-3\": every [ needs a ] after it")]
    #[case("cp1]", "\"cp1]\": every [ needs a ] after it")]
    #[case("cp[a-b]", "\"cp[a-b]\": [a-b] is no range; write [1-3] or [1,3-5]")]
    #[case("cp[]", "\"cp[]\": [] is no range; write [1-3] or [1,3-5]")]
    #[case("cp[3-1]", "\"cp[3-1]\": [3-1] ends before it begins")]
    #[case("cp[1-999999999]", "\"cp[1-999999999]\" stands for more than 10000 names")]
    #[case("a[1-200]b[1-200]", "\"a[1-200]b[1-200]\" stands for more than 10000 names")]
    #[case("", "an empty name")]
    #[case("a,,b", "an empty name")]
    fn errors_name_the_pattern(#[case] pattern: &str, #[case] message: &str) {
        assert_eq!(expand(pattern).unwrap_err().to_string(), message);
    }

    proptest::proptest! {
        #[test]
        fn a_range_has_as_many_distinct_names_as_numbers(first in 0_u64..500, more in 0_u64..200) {
            let names = expand(&format!("n[{first}-{}]", first + more)).unwrap();
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            proptest::prop_assert_eq!(names.len() as u64, more + 1);
            proptest::prop_assert_eq!(distinct.len(), names.len());
        }

        #[test]
        fn any_text_gives_names_or_an_error(text in ".{0,40}") {
            let _ = expand(&text);
        }
    }
}
