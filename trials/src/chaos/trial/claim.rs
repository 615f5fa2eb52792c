//! What the engine says of itself once everything should be equal: a trial may prove it wrong.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::checker::Difference;
use crate::world::World;

/// A claim that both sides are equal, but for what it names.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// Nodes that a side does not take, by A's names, and whether they are not there at all.
    refused: BTreeMap<String, bool>,
    /// Whether a barrier ended with 0, or it says `in-sync`: neither leaves room for exceptions.
    is_whole: bool,
}

impl Claim {
    /// What the active engine says; nothing without an engine.
    pub(super) async fn of(world: &World) -> Result<Self> {
        for engine in &world.engines {
            let Ok(status) = engine.status().await else {
                continue;
            };
            if !status["run"].is_string() || status["run"] != status["active_run"] {
                continue;
            }
            let passed = engine.verb("barrier").await.is_ok();
            // After the barrier: what was refused before it is named by now.
            let status = engine.status().await?;
            let refused = status["refused"].as_array().cloned().unwrap_or_default();
            let one = |entry: &Value| Some((entry["path"].as_str()?.to_owned(), entry["what"] == "node"));
            let refused = refused.iter().map(one).collect::<Option<_>>();
            return Ok(Self {
                refused: refused.context("status names a refused node without its path")?,
                is_whole: passed || status["state"] == "in-sync",
            });
        }
        Ok(Self::default())
    }

    /// Whether a node, by its name below the root, is named.
    pub(super) fn names(&self, root: &str, path: &str) -> bool {
        let full = format!("{root}{path}");
        let is_meant = |(refused, is_missing): (&String, &bool)| {
            let rest = full.strip_prefix(refused.as_str());
            rest.is_some_and(|rest| rest.is_empty() || (*is_missing && rest.starts_with('/')))
        };
        self.refused.iter().any(is_meant)
    }

    /// Where it is wrong: a line for each node that is named and does not differ, and one for a barrier or a state that says
    /// nothing of them. `found`: all that differs below the root.
    pub(super) fn lies(&self, root: &str, found: &[Difference]) -> Vec<String> {
        let of_trial = self
            .refused
            .keys()
            .filter(|path| path.starts_with(&format!("{root}/")));
        let differs = |path: &&String| {
            found
                .iter()
                .any(|found| format!("{root}{}", found.path) == **path)
        };
        let mut lies: Vec<_> = of_trial
            .clone()
            .filter(|path| !differs(path))
            .map(|path| format!("{path} is named as refused, and is equal"))
            .collect();
        if self.is_whole && of_trial.count() > 0 {
            lies.push(
                "a barrier ended with 0, or the state is in-sync, although nodes are refused".to_owned(),
            );
        }
        lies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(path: &str) -> Difference {
        Difference {
            path: path.to_owned(),
            field: "data",
            a: String::new(),
            b: String::new(),
        }
    }

    #[test]
    fn what_is_named_must_differ_and_what_differs_must_be_named() {
        let mut claim = Claim {
            refused: [("/t1/a", true), ("/t1/data", false), ("/t2/other", true)]
                .map(|(path, is_missing)| (path.to_owned(), is_missing))
                .into(),
            is_whole: false,
        };
        assert!(claim.names("/t1", "/a") && claim.names("/t1", "/a/below"));
        assert!(claim.names("/t1", "/data") && !claim.names("/t1", "/data/below"));
        assert!(!claim.names("/t1", "/ab") && !claim.names("/t1", ""));
        let both = ["/a", "/data"].map(difference);
        assert!(claim.lies("/t1", &both).is_empty());
        assert_eq!(claim.lies("/t1", &[difference("/b")]).len(), 2);
        claim.is_whole = true;
        assert_eq!(claim.lies("/t1", &both).len(), 1);
        assert!(
            claim.lies("/t3", &[]).is_empty(),
            "nothing of this trial is refused"
        );
    }
}
