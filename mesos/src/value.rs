//! Values of resources and attributes: a number, ranges, a set or, for attributes only, text.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ranges::Ranges;
use crate::scalar::Scalar;
use crate::value_error::ValueError;

/// A Mesos value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// `8`, `0.5`.
    Scalar(Scalar),
    /// `[31000-32000]`.
    Ranges(Ranges),
    /// `{a,b}`.
    Set(BTreeSet<String>),
    /// Anything else.
    Text(String),
}

impl Value {
    /// Whether there is nothing in it. Text is never nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(v) => !v.is_positive(),
            Self::Ranges(v) => v.is_empty(),
            Self::Set(v) => v.is_empty(),
            Self::Text(_) => false,
        }
    }

    /// Adds a value of the same type; `false` and unchanged when the types differ or are text.
    pub(crate) fn add(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => *a += *b,
            (Self::Ranges(a), Self::Ranges(b)) => *a = a.union(b),
            (Self::Set(a), Self::Set(b)) => a.extend(b.iter().cloned()),
            _ => return false,
        }
        true
    }

    /// Takes a value of the same type away; `false` and unchanged when the types differ or are text.
    pub(crate) fn subtract(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => *a -= *b,
            (Self::Ranges(a), Self::Ranges(b)) => *a = a.difference(b),
            (Self::Set(a), Self::Set(b)) => a.retain(|item| !b.contains(item)),
            _ => return false,
        }
        true
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => b <= a,
            (Self::Ranges(a), Self::Ranges(b)) => a.contains(b),
            (Self::Set(a), Self::Set(b)) => b.is_subset(a),
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }

    /// The part that both have; `None` when the types differ or nothing is common.
    pub(crate) fn common(&self, other: &Self) -> Option<Self> {
        let common = match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(*a.min(b)),
            (Self::Ranges(a), Self::Ranges(b)) => Self::Ranges(a.difference(&a.difference(b))),
            (Self::Set(a), Self::Set(b)) => Self::Set(a & b),
            _ => return None,
        };
        (!common.is_empty()).then_some(common)
    }
}

impl FromStr for Value {
    type Err = ValueError;

    /// The first character tells the type: `[` ranges, `{` a set; then a number if it reads as one; else text.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        match text.chars().next() {
            None => Err(ValueError::Empty),
            Some('[') => Ok(Self::Ranges(text.parse()?)),
            Some('{') => {
                let inner = text[1..].strip_suffix('}').ok_or_else(|| ValueError::ParseSet {
                    text: text.to_owned(),
                })?;
                Ok(Self::Set(
                    inner
                        .split(',')
                        .map(str::trim)
                        .filter(|i| !i.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ))
            }
            Some(_) => Ok(text
                .parse()
                .map_or_else(|_| Self::Text(text.to_owned()), Self::Scalar)),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scalar(v) => v.fmt(f),
            Self::Ranges(v) => v.fmt(f),
            Self::Set(v) => write!(
                f,
                "{{{}}}",
                v.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            ),
            Self::Text(v) => f.write_str(v),
        }
    }
}
