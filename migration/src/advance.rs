//! Approving the evidence of a phase, so that the next one begins.

use crate::action::{Change, Refused, alive, name};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Stage};
use mesolith_crds::{APPROVE_ANNOTATION, APPROVED_BY_ANNOTATION};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The approval that waits to be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The migration.
    pub name: String,
    /// The phase whose evidence is approved.
    pub phase: Phase,
    /// The phase that begins then.
    pub next: Option<Phase>,
    /// The hash that is signed.
    pub hash: String,
    /// The evidence in one line.
    pub summary: String,
    /// The evidence.
    pub facts: BTreeMap<String, String>,
    /// What stands in the annotation now.
    given: Option<String>,
    /// `spec.paused` holds back what the approval permits.
    paused: bool,
}

/// The approval that lets the next phase begin; `next` and `evidence` are what the person expects, when they said so.
///
/// # Errors
/// When nothing waits for an approval, or something else than expected.
pub fn advance(
    object: &ZkMigration,
    next: Option<Phase>,
    evidence: Option<&str>,
) -> Result<Approval, Refused> {
    alive(object)?;
    let name = name(object);
    let status = object.status.as_ref();
    let recorded = status.and_then(|status| Some((status, status.phase?, status.stage?)));
    let Some((status, phase, stage)) = recorded else {
        return Err(Refused::NotSeen { name });
    };
    if status.direction == Some(Direction::Back) {
        return Err(Refused::GoesBack { name, phase, stage });
    }
    let shown = status.evidence.as_ref().filter(|shown| !shown.hash.is_empty());
    let Some(shown) = shown.filter(|_| stage == Stage::AwaitingApproval) else {
        let why = status.waiting_for_summary.as_ref();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        return Err(Refused::NothingWaits {
            name,
            phase,
            stage,
            why,
        });
    };
    if let Some(asked) = next.filter(|asked| Some(*asked) != phase.next()) {
        let next = phase.next();
        return Err(Refused::NotNext {
            name,
            asked,
            phase,
            next,
        });
    }
    if let Some(given) = evidence.filter(|given| *given != shown.hash) {
        return Err(Refused::StaleEvidence {
            given: given.to_owned(),
            phase,
            shown: shown.hash.clone(),
        });
    }
    let annotations = object.metadata.annotations.as_ref();
    Ok(Approval {
        name,
        phase,
        next: phase.next(),
        hash: shown.hash.clone(),
        summary: shown.summary.clone(),
        facts: shown.facts.clone(),
        given: annotations.and_then(|all| all.get(APPROVE_ANNOTATION)).cloned(),
        paused: object.spec.paused,
    })
}

impl Approval {
    /// What is signed: `<phase>@<hash>`.
    #[must_use]
    pub fn signed(&self) -> String {
        format!("{}@{}", self.phase, self.hash)
    }

    /// What giving it writes. `user` is whom the API server takes the writer for: without the admission policy that
    /// stamps the name, another one checks that it was sent.
    #[must_use]
    pub fn change(&self, user: Option<&str>) -> Change {
        let signed = self.signed();
        let then = match self.next {
            Some(next) => format!("{} ({}) begins", next, next.number()),
            None => "the migration ends".to_owned(),
        };
        let then = if self.paused {
            format!("once the pause ends, {then}")
        } else {
            then
        };
        if self.given.as_ref() == Some(&signed) {
            return Change {
                patch: None,
                says: format!("{}: {signed} is approved already; {then}", self.name),
            };
        }
        let mut annotations = Map::new();
        annotations.insert(APPROVE_ANNOTATION.to_owned(), Value::String(signed.clone()));
        if let Some(user) = user {
            annotations.insert(APPROVED_BY_ANNOTATION.to_owned(), Value::String(user.to_owned()));
        }
        Change {
            patch: Some(serde_json::json!({"metadata": {"annotations": annotations}})),
            says: format!("{}: approved {signed}; {then}", self.name),
        }
    }
}
