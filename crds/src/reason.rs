//! Why something is as it is: the closed set of the reasons of every condition and event of the three resources.
//!
//! A reason has one text, one severity and one remedy, whoever reports it. `docs/reasons.md` is printed from here.

/// Makes the enum and its tables from groups of `Name Severity "what it says" "what to do";`.
macro_rules! reasons {
    ($($group:literal { $($name:ident $severity:ident $meaning:literal $remedy:literal;)* })*) => {
        /// The reason of a condition or an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $meaning] $name,)*)*
        }

        impl Reason {
            /// All reasons, in groups for readers.
            pub const GROUPS: &'static [(&'static str, &'static [Reason])] =
                &[$(($group, &[$(Reason::$name),*])),*];

            /// CamelCase, as conditions and events have it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Reason::$name => stringify!($name),)*)*
                }
            }

            /// Whether a person should look.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $($(Reason::$name => Severity::$severity,)*)*
                }
            }

            /// What it says, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $($(Reason::$name => $meaning,)*)*
                }
            }

            /// What to do, in one sentence. The message of a condition or event often says it more exactly.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self {
                    $($(Reason::$name => $remedy,)*)*
                }
            }
        }
    };
}

mod table;

pub use table::Reason;

/// The type of the events that a reason causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The normal course of things.
    Normal,
    /// A person should look.
    Warning,
}

impl Severity {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Reason {
    /// All reasons.
    pub fn all() -> impl Iterator<Item = Reason> {
        Self::GROUPS
            .iter()
            .flat_map(|(_, reasons)| reasons.iter().copied())
    }

    /// The reason with that text; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Reason> {
        Self::all().find(|reason| reason.as_str() == text)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Reason {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_reason_can_be_read_again_and_says_what_to_do() {
        let mut seen = BTreeSet::new();
        for reason in Reason::all() {
            let text = reason.as_str();
            assert!(seen.insert(text), "{text} is there twice");
            assert_eq!(Reason::parse(text), Some(reason));
            // The API server's pattern for reasons is wider; ours are words for people too.
            assert!(
                text.starts_with(|c: char| c.is_ascii_uppercase())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric()),
                "{text}"
            );
            for sentence in [reason.meaning(), reason.remedy()] {
                assert!(
                    sentence.ends_with('.') && !sentence.contains('|'),
                    "{text}: {sentence}"
                );
            }
        }
        assert_eq!(Reason::parse("NodeOnFire"), None);
    }

    #[test]
    fn waiting_needs_nobody() {
        for reason in Reason::all().filter(|reason| reason.as_str().starts_with("WaitingFor")) {
            assert_eq!(reason.severity(), Severity::Normal, "{reason}");
        }
    }
}
