//! The file of a migration, as PRD 19.3 (`migration.yaml`) and 9.4 (the body of a request) have it, and what becomes of
//! each of its fields.
//!
//! ```text
//! model (the file) ─► plan: sides (hosts ─► nodes), policy ─► a ZkMigration, the secrets that it refers to, and fates
//! ```

mod fate;
mod hosts;
mod model;
mod policy;
mod secret;
mod sides;

pub use fate::Fate;
pub use model::{Document, DocumentFile, Overrides};

use fate::Fates;
use mesolith_crds::v1alpha1::{ZkMigration, ZkMigrationSpec};
use mesolith_secret::Secret;
use std::collections::BTreeMap;

/// Longest name of an object, which becomes a label of what belongs to it.
const LONGEST_NAME: usize = 63;

/// What a document asks for.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The object to create.
    pub object: ZkMigration,
    /// What goes into the Secret of [`alert_secret_name`] first; empty when nothing does.
    pub secrets: BTreeMap<String, Secret>,
    /// What becomes of each field, in the order of the document.
    pub fates: Vec<Fate>,
}

/// The document cannot be followed. Each message names the field and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A field that is needed is not there.
    #[error("{field} is missing: {remedy}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to give.
        remedy: &'static str,
    },
    /// A value that makes no sense.
    #[error("{field}: {value:?} {problem}")]
    Wrong {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The Secret that holds the addresses and keys of the alerts of a document.
#[must_use]
pub fn alert_secret_name(migration: &str) -> String {
    format!("{migration}-alerts")
}

impl Document {
    /// The object, its secrets and what becomes of each field.
    ///
    /// # Errors
    /// When a field is missing or makes no sense.
    pub fn plan(&self) -> Result<Planned, DocumentError> {
        let mut fates = Fates::default();
        let name = self.object_name(&mut fates)?;
        if let Some(description) = &self.description {
            fates.to("description", description, "spec.description");
        }
        let agent_strategy = self.agent_strategy()?;
        let source = sides::source(&self.source, &mut fates)?;
        let target = sides::target(&self.target, agent_strategy, &mut fates)?;
        fates.to(
            "agent_strategy",
            self.agent_strategy.as_deref().unwrap_or("(not given)"),
            format!(
                "spec.agentStrategy: {agent_strategy:?}, {}",
                sides::strategy(agent_strategy)
            ),
        );
        let sync = policy::sync(self, &mut fates)?;
        let orchestration = policy::orchestration(self, &mut fates)?;
        let mut secrets = BTreeMap::new();
        let alerts = policy::alerts(self, &alert_secret_name(&name), &mut secrets, &mut fates)?;
        let validation = policy::validation(self, &mut fates)?;
        let spec = ZkMigrationSpec {
            description: self.description.clone(),
            source,
            target,
            agent_strategy,
            // The requirements' file does not speak of it.
            agent_drain: None,
            sync,
            orchestration,
            alerts,
            validation,
            paused: false,
            rollback: None,
        };
        Ok(Planned {
            object: ZkMigration::new(&name, spec),
            secrets,
            fates: fates.done(),
        })
    }

    /// The name as Kubernetes takes it.
    fn object_name(&self, fates: &mut Fates) -> Result<String, DocumentError> {
        let given = self.name.as_deref().ok_or(DocumentError::Missing {
            field: "name",
            remedy: "name the migration",
        })?;
        let lower = given.to_ascii_lowercase();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = lower.chars().map(plain).take(LONGEST_NAME).collect();
        let name = name.trim_matches('-').to_owned();
        if name.is_empty() {
            return Err(DocumentError::Wrong {
                field: "name".to_owned(),
                value: given.to_owned(),
                problem: "has no letter or digit: name the migration as in prod-move-2026".to_owned(),
            });
        }
        let becomes = if name == given {
            format!("metadata.name: {name}")
        } else {
            format!("metadata.name: {name}; Kubernetes takes small letters, digits and dashes")
        };
        fates.to("name", given, becomes);
        Ok(name)
    }
}
