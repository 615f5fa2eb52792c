//! Parses and prints routes and the words of settings as flags have them: `ROOT[:TARGET_ROOT][=DIRECTION]`.

use std::fmt;
use std::str::FromStr;

use super::{Direction, Mode, Route, Strategy};

/// A word that is not one of those allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is none of {known}")]
pub struct UnknownWord {
    given: String,
    known: &'static str,
}

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? } $known:literal) => {
        impl $type {
            /// The word in flags and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { given: text.to_owned(), known: $known }),
                }
            }
        }
    };
}

words!(Direction { AToB => "a-to-b", BToA => "b-to-a", Both => "both" } "a-to-b, b-to-a, both");
words!(Strategy { SourceWins => "source-wins", LastWriteWins => "last-write-wins", Manual => "manual" }
    "source-wins, last-write-wins, manual");
words!(Mode { Run => "run", Pause => "pause", Stop => "stop" } "run, pause, stop");

impl Route {
    /// Parses `ROOT[:TARGET_ROOT][=DIRECTION]`. The roots themselves are checked together with the other settings.
    ///
    /// # Errors
    /// When the word after `=` is no direction.
    pub fn parse(text: &str, default: Direction) -> Result<Self, UnknownWord> {
        // A path may contain '=' and ':'. So only a suffix that cannot belong to the path is split off.
        let (roots, direction) = match text.rsplit_once('=') {
            Some((roots, word)) if !word.contains('/') => (roots, word.parse()?),
            _ => (text, default),
        };
        let (root, target_root) = match roots.find(":/") {
            Some(colon) => (&roots[..colon], &roots[colon + 1..]),
            None => (roots, roots),
        };
        Ok(Self {
            root: root.to_owned(),
            target_root: target_root.to_owned(),
            direction,
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        if self.target_root != self.root {
            write!(f, ":{}", self.target_root)?;
        }
        write!(f, "={}", self.direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_and_written() {
        for (text, wanted) in [
            ("/", "/=a-to-b"),
            ("/mesos", "/mesos=a-to-b"),
            ("/mesos=both", "/mesos=both"),
            ("/mesos:/old/mesos", "/mesos:/old/mesos=a-to-b"),
            ("/mesos:/=b-to-a", "/mesos:/=b-to-a"),
            ("/:/copy", "/:/copy=a-to-b"),
            ("/a=b/c:d", "/a=b/c:d=a-to-b"),
        ] {
            let route = Route::parse(text, Direction::AToB).unwrap();
            assert_eq!(route.to_string(), wanted, "{text}");
            assert_eq!(Route::parse(wanted, Direction::Both).unwrap(), route, "{wanted}");
        }
        assert_eq!(
            Route::parse("/a=left", Direction::AToB).unwrap_err().to_string(),
            "'left' is none of a-to-b, b-to-a, both"
        );
    }

    #[test]
    fn words_are_those_of_the_json() {
        for direction in [Direction::AToB, Direction::BToA, Direction::Both] {
            assert_eq!(serde_json::to_value(direction).unwrap(), direction.as_str());
            assert_eq!(direction.as_str().parse(), Ok(direction));
        }
        for strategy in [Strategy::SourceWins, Strategy::LastWriteWins, Strategy::Manual] {
            assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.as_str());
        }
        for mode in [Mode::Run, Mode::Pause, Mode::Stop] {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
    }
}
