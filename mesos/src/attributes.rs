//! What an agent says about itself: `rack:a;zone:b;ssd:{fast,big}`.

use serde::{Deserialize, Serialize};

use crate::value::Value;
use crate::value_error::ValueError;

/// Attributes of an agent in the order given; a name may occur more than once, as in Mesos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Vec<(String, Value)>);

/// Text that is not a list of attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// No `name:value`.
    #[error("'{text}' is not an attribute; write it as name:value, several separated by ';'")]
    MissingColon {
        /// What was given.
        text: String,
    },
    /// The value does not parse.
    #[error("attribute '{name}': {source}")]
    ParseValue {
        /// The attribute's name.
        name: String,
        /// What is wrong with its value.
        source: ValueError,
    },
}

impl Attributes {
    /// Every attribute, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The first attribute of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Its value as text, the form that Marathon's constraints compare: scalars with at most three decimals,
    /// ranges `[1-2,5-6]` without spaces, sets sorted.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(constraint_text)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn constraint_text(value: &Value) -> String {
    match value {
        Value::Ranges(ranges) => ranges.to_string().replace(", ", ","),
        other => other.to_string(),
    }
}

impl FromIterator<(String, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(attributes: I) -> Self {
        Self(attributes.into_iter().collect())
    }
}

impl std::str::FromStr for Attributes {
    type Err = AttributeError;

    /// Attributes are separated by `;` or newlines. Only the first colon of each separates, so values may have more.
    fn from_str(text: &str) -> Result<Self, AttributeError> {
        let parts = text.split([';', '\n']).map(str::trim).filter(|p| !p.is_empty());
        let attribute = |part: &str| {
            let bad = || AttributeError::MissingColon {
                text: part.to_owned(),
            };
            let (name, value) = part.split_once(':').ok_or_else(bad)?;
            let name = name.trim();
            if name.is_empty() {
                return Err(bad());
            }
            let parse = |source| AttributeError::ParseValue {
                name: name.to_owned(),
                source,
            };
            Ok((name.to_owned(), value.parse().map_err(parse)?))
        };
        parts.map(attribute).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        f.write_str(&parts.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn each_type_is_told_by_its_look() {
        let all: Attributes = "rack:a; cpu_ghz:2.50;ports:[1-2, 5-6];disk:{ssd,big};url:http://x:1"
            .parse()
            .unwrap();
        let text = |name: &str| all.text(name).unwrap();
        assert_eq!(text("rack"), "a");
        assert_eq!(text("cpu_ghz"), "2.5");
        assert_eq!(text("ports"), "[1-2,5-6]");
        assert_eq!(text("disk"), "{big,ssd}");
        assert_eq!(text("url"), "http://x:1");
        assert_eq!(all.text("none"), None);
        assert_eq!(all.to_string().parse::<Attributes>().unwrap(), all);
    }

    #[test]
    fn what_is_not_an_attribute_is_named() {
        let error = "rack".parse::<Attributes>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'rack' is not an attribute; write it as name:value, several separated by ';'"
        );
        assert!("a:".parse::<Attributes>().is_err());
        assert!("".parse::<Attributes>().unwrap().is_empty());
    }
}
