//! What an approval signs: facts that stay the same while nothing that matters changes.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of the hash that are shown; enough to tell evidence apart, short enough to type.
const SHOWN: usize = 3;

/// The evidence of a phase. Judgements are signed ("lag below 100 ms"); figures that change all the time are only shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Evidence {
    /// What is signed, by name.
    pub(crate) facts: BTreeMap<&'static str, String>,
    /// Further figures for the line that people read, in order.
    pub(crate) figures: Vec<String>,
}

impl Evidence {
    /// With a fact that is signed.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.insert(name, value.to_string());
        self
    }

    /// With a figure that is shown only.
    pub(crate) fn showing(mut self, figure: impl Into<String>) -> Self {
        self.figures.push(figure.into());
        self
    }

    /// Short hash over the facts.
    pub(crate) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in &self.facts {
            for part in [*name, value.as_str()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let bytes = hash.finalize();
        bytes
            .iter()
            .take(SHOWN)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| format!("{name} {value}"));
        facts
            .chain(self.figures.iter().cloned())
            .collect::<Vec<_>>()
            .join(" · ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_do_not_change_what_is_signed() {
        let evidence = Evidence::default().with("quorum", "3/3").with("conflicts", 0);
        let hash = evidence.hash();
        assert_eq!(hash.len(), 6);
        assert_eq!(evidence.clone().showing("lag P95 1.6 ms").hash(), hash);
        assert_ne!(evidence.clone().with("quorum", "2/3").hash(), hash);
        assert_eq!(
            evidence.showing("lag P95 1.6 ms").summary(),
            "conflicts 0 · quorum 3/3 · lag P95 1.6 ms"
        );
    }
}
