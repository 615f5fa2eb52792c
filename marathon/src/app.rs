//! The app definition: Marathon's JSON in its canonical form, and the checked [`App`] made from it.
//!
//! [`App::parse`] is the only way in: JSON of any age is [normalised](mod@normalise), read, and validated; nothing
//! after it looks at the raw definition again.

mod definition;
mod networking;
pub mod normalise;
mod shape;
mod validate;
mod wire;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use definition::{
    AppDefinition, Artifact, Command, EnvValue, HealthCheck, IpProtocol, KillSelection, Protocol,
    UnreachableStrategy, UpgradeStrategy,
};
pub use networking::{
    Container, ContainerType, Docker, Network, NetworkMode, Parameter, PortDefinition, PortMapping, Volume,
    VolumeMode,
};

use crate::{backoff, constraint::Constraint, path::AppId};

/// One thing that is wrong with a definition: where, in Marathon's path grammar, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `/container/docker/image`.
    pub path: String,
    /// What is wrong there, as a sentence.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(path: impl Into<String>, message: impl ToString) -> Self {
        Self {
            path: path.into(),
            message: message.to_string(),
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// A definition that passed every check, with its parts read.
#[derive(Debug, Clone)]
pub struct App {
    /// The path of the app.
    pub id: AppId,
    /// The canonical definition.
    pub definition: AppDefinition,
    /// The constraints, read.
    pub constraints: Vec<Constraint>,
    /// Hash of the definition without the number of instances: the version that tasks are labelled with.
    pub version: String,
}

impl App {
    /// Normalises, reads and validates a definition in Marathon's JSON.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the definition.
    pub fn parse(json: Value) -> Result<Self, Vec<Violation>> {
        let canonical = normalise::normalise(json).map_err(|violation| vec![violation])?;
        let wrong = shape::check(&canonical);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        // `shape` has refused whatever cannot be read. The reader's own message would name its types, not the fields.
        let unread = |_| vec![Violation::new("/", "this version cannot read the definition")];
        let definition: AppDefinition = serde_json::from_value(canonical).map_err(unread)?;
        let (id, constraints) = validate::validate(&definition)?;
        let version = version(&definition);
        Ok(Self {
            id,
            definition,
            constraints,
            version,
        })
    }

    /// How launches are delayed after failures.
    #[must_use]
    pub fn backoff_policy(&self) -> backoff::Policy {
        backoff::Policy {
            initial: SignedDuration::from_secs(self.definition.backoff_seconds.into()),
            factor: self.definition.backoff_factor,
            maximum: SignedDuration::from_secs(self.definition.max_launch_delay_seconds.into()),
        }
    }

    /// The health checks, as instances carry them.
    #[must_use]
    pub fn checks(&self) -> Arc<[HealthCheck]> {
        self.definition.health_checks.as_slice().into()
    }

    /// How instances are connected.
    #[must_use]
    pub fn network_mode(&self) -> NetworkMode {
        self.definition
            .networks
            .first()
            .map_or(NetworkMode::Host, |network| network.mode)
    }
}

/// Hash of what differs from the defaults: a field that a later version of this program adds with a default must
/// not restart every app.
fn version(definition: &AppDefinition) -> String {
    let fields = |definition: &AppDefinition| match serde_json::to_value(definition) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let defaults = fields(&AppDefinition::default());
    let mut changed = fields(definition);
    changed.retain(|name, value| name != "instances" && defaults.get(name) != Some(value));
    changed.sort_keys();
    let digest = Sha256::digest(Value::Object(changed).to_string());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
