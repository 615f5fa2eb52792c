//! Placement constraints: `[field, OPERATOR, value?]`.
//!
//! GROUP_BY follows Marathon up to 1.10: a value that no instance has is always welcome; otherwise the smallest
//! group grows, once there are as many groups as asked for.

use std::{collections::BTreeMap, fmt};

use fancy_regex::{Regex, RegexBuilder};

use crate::offer::Agent;

/// Backtracking steps that one match may take: an expression must not hold up the scheduler.
const MOST_STEPS: usize = 10_000;

/// One constraint of an app.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// `hostname`, `@region`, `@zone`, an attribute, or `@agent`, the agent's id, which Marathon does not have.
    pub field: String,
    /// What is asked of the field.
    pub operator: Operator,
}

/// What a constraint asks of the field's value.
#[derive(Debug, Clone)]
pub enum Operator {
    /// No two instances on the same value.
    Unique,
    /// All instances on one value, given or found with the first.
    Cluster(Option<String>),
    /// Spread evenly over the values, and over at least this many of them.
    GroupBy(Option<u32>),
    /// At most this many instances on one value.
    MaxPer(u32),
    /// The value matches the whole expression.
    Like(Pattern),
    /// The value does not match, or there is none.
    Unlike(Pattern),
    /// The value is exactly this.
    Is(String),
}

/// A regular expression as Java knows them, look-around and back references included. It must match the whole text, as
/// Java's `matches` does.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As the user wrote it.
    source: String,
    whole: Regex,
}

/// Why a constraint cannot be read. The texts are Marathon's own.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not two or three strings.
    #[error("Each constraint must have either 2 or 3 fields")]
    Arity,
    /// The field is empty.
    #[error("missing field for constraint declaration")]
    MissingField,
    /// Unknown operator.
    #[error("operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS")]
    Operator,
    /// UNIQUE with a value.
    #[error("UNIQUE does not accept a value")]
    UniqueValue,
    /// GROUP_BY with something that is not a number.
    #[error("GROUP BY must define an integer value or else no value at all")]
    GroupByValue,
    /// MAX_PER without a number.
    #[error("MAX_PER requires an integer value")]
    MaxPerValue,
    /// LIKE or UNLIKE without an expression.
    #[error("LIKE and UNLIKE require a non-empty, regular expression value")]
    MissingExpression,
    /// LIKE or UNLIKE with an expression that does not compile.
    #[error("'{0}' is not a valid regular expression")]
    Expression(String),
    /// IS without a usable value.
    #[error("IS requires a value of letters, digits and _ / . -")]
    IsValue,
}

impl Constraint {
    /// Reads the array form.
    ///
    /// # Errors
    /// With Marathon's sentence for what is wrong.
    pub fn parse(parts: &[String]) -> Result<Self, Error> {
        let (field, operator, value) = match parts {
            [field, operator] => (field, operator, None),
            [field, operator, value] => (field, operator, Some(value.as_str())),
            _ => return Err(Error::Arity),
        };
        if field.is_empty() {
            return Err(Error::MissingField);
        }
        let operator = match (operator.as_str(), value) {
            ("UNIQUE", None | Some("")) => Operator::Unique,
            ("UNIQUE", Some(_)) => return Err(Error::UniqueValue),
            ("CLUSTER", value) => Operator::Cluster(value.filter(|v| !v.is_empty()).map(str::to_owned)),
            ("GROUP_BY", None | Some("")) => Operator::GroupBy(None),
            ("GROUP_BY", Some(n)) => Operator::GroupBy(Some(n.parse().map_err(|_| Error::GroupByValue)?)),
            ("MAX_PER", n) => Operator::MaxPer(n.and_then(|n| n.parse().ok()).ok_or(Error::MaxPerValue)?),
            ("LIKE", expression) => Operator::Like(Pattern::parse(expression)?),
            ("UNLIKE", expression) => Operator::Unlike(Pattern::parse(expression)?),
            ("IS", Some(value)) if is_plain(value) => Operator::Is(value.to_owned()),
            ("IS", _) => return Err(Error::IsValue),
            _ => return Err(Error::Operator),
        };
        Ok(Self {
            field: field.clone(),
            operator,
        })
    }

    /// Whether an instance may go to `agent` when the app's instances are on `placed`.
    #[must_use]
    pub fn accepts(&self, agent: &Agent, placed: &[&Agent]) -> bool {
        let Some(value) = agent.field(&self.field) else {
            return matches!(self.operator, Operator::Unlike(_));
        };
        let same = || {
            placed
                .iter()
                .filter(|other| other.field(&self.field) == Some(value))
                .count()
        };
        match &self.operator {
            Operator::Unique => same() == 0,
            Operator::Cluster(Some(wanted)) => value == wanted,
            Operator::Cluster(None) => placed
                .first()
                .is_none_or(|first| first.field(&self.field) == Some(value)),
            Operator::GroupBy(least) => self.group_accepts(value, placed, least.unwrap_or(0)),
            Operator::MaxPer(most) => same() < *most as usize,
            Operator::Like(pattern) => pattern.matches(value) == Some(true),
            Operator::Unlike(pattern) => pattern.matches(value) == Some(false),
            Operator::Is(wanted) => same_value(value, wanted),
        }
    }

    fn group_accepts(&self, value: &str, placed: &[&Agent], least: u32) -> bool {
        let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
        for group in placed.iter().filter_map(|agent| agent.field(&self.field)) {
            *groups.entry(group).or_default() += 1;
        }
        match groups.get(value) {
            None => true,
            Some(own) => groups.len() >= least as usize && groups.values().min() == Some(own),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        match &self.operator {
            Operator::Unique => write!(f, "[{field}, UNIQUE]"),
            Operator::Cluster(None) => write!(f, "[{field}, CLUSTER]"),
            Operator::Cluster(Some(value)) => write!(f, "[{field}, CLUSTER, {value}]"),
            Operator::GroupBy(None) => write!(f, "[{field}, GROUP_BY]"),
            Operator::GroupBy(Some(n)) => write!(f, "[{field}, GROUP_BY, {n}]"),
            Operator::MaxPer(n) => write!(f, "[{field}, MAX_PER, {n}]"),
            Operator::Like(pattern) => write!(f, "[{field}, LIKE, {}]", pattern.source),
            Operator::Unlike(pattern) => write!(f, "[{field}, UNLIKE, {}]", pattern.source),
            Operator::Is(value) => write!(f, "[{field}, IS, {value}]"),
        }
    }
}

impl Pattern {
    fn parse(expression: Option<&str>) -> Result<Self, Error> {
        let source = expression
            .filter(|e| !e.is_empty())
            .ok_or(Error::MissingExpression)?;
        let whole = RegexBuilder::new(&format!(r"\A(?:{source})\z"))
            .backtrack_limit(MOST_STEPS)
            .build()
            .map_err(|_| Error::Expression(source.to_owned()))?;
        Ok(Self {
            source: source.to_owned(),
            whole,
        })
    }

    /// Whether the whole text matches; `None` when that takes too many steps to tell.
    fn matches(&self, text: &str) -> Option<bool> {
        self.whole.is_match(text).ok()
    }
}

fn is_plain(value: &str) -> bool {
    value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_/.-".contains(&b))
}

/// Scalars compare by value (`8` is `8.000`), texts by letter.
fn same_value(have: &str, wanted: &str) -> bool {
    match (have.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() < 0.0005,
        _ => have == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn constraint(text: &str) -> Result<Constraint, Error> {
        Constraint::parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    /// An agent named by its rack; `-` has none.
    fn agent(rack: &str) -> Agent {
        let mut agent = Agent {
            hostname: format!("host-{rack}"),
            ..Agent::default()
        };
        if rack != "-" {
            agent.attributes.insert("rack".into(), rack.into());
        }
        agent
    }

    #[rstest]
    #[case("rack UNIQUE", "", "a", true)]
    #[case("rack UNIQUE", "b c", "a", true)]
    #[case("rack UNIQUE", "b a", "a", false)]
    #[case("rack UNIQUE", "", "-", false)]
    #[case("hostname UNIQUE", "a", "a", false)]
    #[case("@hostname UNIQUE", "a", "b", true)]
    #[case("rack CLUSTER", "", "a", true)]
    #[case("rack CLUSTER", "a", "a", true)]
    #[case("rack CLUSTER", "a", "b", false)]
    #[case("rack CLUSTER b", "a", "b", true)]
    #[case("rack CLUSTER b", "", "a", false)]
    #[case("rack GROUP_BY", "a", "a", true)]
    #[case("rack GROUP_BY", "a b b", "a", true)]
    #[case("rack GROUP_BY", "a b b", "b", false)]
    #[case("rack GROUP_BY 2", "a", "a", false)]
    #[case("rack GROUP_BY 2", "a", "b", true)]
    #[case("rack GROUP_BY 2", "a b", "b", true)]
    #[case("rack GROUP_BY 2", "a a b b", "c", true)]
    #[case("rack MAX_PER 2", "a b", "a", true)]
    #[case("rack MAX_PER 2", "a a", "a", false)]
    #[case("rack LIKE a|b", "", "b", true)]
    #[case("rack LIKE a", "", "ab", false)]
    #[case("rack LIKE .*", "", "-", false)]
    #[case("rack UNLIKE a", "", "ab", true)]
    #[case("rack UNLIKE a", "", "a", false)]
    #[case("rack UNLIKE a", "", "-", true)]
    #[case::java_look_ahead("rack LIKE (?!x).*", "", "a", true)]
    #[case::java_look_ahead("rack LIKE (?!x).*", "", "xa", false)]
    #[case::java_look_behind("rack UNLIKE .*(?<!-old)", "", "a-old", true)]
    #[case::java_possessive("rack LIKE a++b", "", "aab", true)]
    #[case::back_reference(r"rack LIKE (a|b)-\1", "", "b-b", true)]
    #[case::alternatives_match_as_a_whole("rack LIKE a|ab", "", "ab", true)]
    #[case::endless_fits_nobody(
        r"rack LIKE (?=a)(a|aa|aaa)*(\1)c",
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        false
    )]
    #[case::endless_fits_nobody(
        r"rack UNLIKE (?=a)(a|aa|aaa)*(\1)c",
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        false
    )]
    #[case("rack IS a", "", "a", true)]
    #[case("rack IS 8", "", "8.000", true)]
    #[case("rack IS a", "", "b", false)]
    fn placement(#[case] text: &str, #[case] placed: &str, #[case] offered: &str, #[case] expect: bool) {
        let placed: Vec<Agent> = placed.split_whitespace().map(agent).collect();
        let constraint = constraint(text).unwrap();
        assert_eq!(
            constraint.accepts(&agent(offered), &placed.iter().collect::<Vec<_>>()),
            expect
        );
    }

    #[rstest]
    #[case("rack", Error::Arity)]
    #[case(" UNIQUE", Error::MissingField)]
    #[case("rack unique", Error::Operator)]
    #[case("rack UNIQUE x", Error::UniqueValue)]
    #[case("rack GROUP_BY x", Error::GroupByValue)]
    #[case("rack MAX_PER", Error::MaxPerValue)]
    #[case("rack LIKE", Error::MissingExpression)]
    #[case("rack LIKE (", Error::Expression("(".into()))]
    #[case("rack IS a$b", Error::IsValue)]
    fn unreadable(#[case] text: &str, #[case] expect: Error) {
        assert_eq!(constraint(text).unwrap_err(), expect);
    }

    #[test]
    fn shown_as_written() {
        for text in ["rack LIKE a|b", "rack GROUP_BY 2", "hostname UNIQUE"] {
            assert_eq!(
                constraint(text).unwrap().to_string(),
                format!("[{}]", text.replace(' ', ", "))
            );
        }
    }
}
