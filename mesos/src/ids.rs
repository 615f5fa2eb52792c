//! Ids as types, so that a task id can never be passed where an agent id is meant.

use serde::{Deserialize, Serialize};

/// An id that Mesos would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The id is the empty string.
    #[error("ID must not be empty")]
    Empty,
    /// The id could not be a file name: agents make directories of ids.
    #[error("ID must not be greater than {MAX_ID_LENGTH} characters")]
    TooLong,
    /// `.` and `..` mean something else in a path.
    #[error("'{0}' is disallowed")]
    Disallowed(String),
    /// Slashes and control characters cannot be part of a directory name.
    #[error("'{0}' contains invalid characters")]
    InvalidCharacters(String),
}

/// Longest id: the agent's work directory has one directory per id, and this is NAME_MAX.
const MAX_ID_LENGTH: usize = 255;

/// Checks an id that a framework chose, with Mesos' own messages.
///
/// # Errors
/// When an agent could not use the id as the name of a directory.
pub fn validate_id(id: &str) -> Result<(), InvalidId> {
    if id.is_empty() {
        return Err(InvalidId::Empty);
    }
    if id.len() > MAX_ID_LENGTH {
        return Err(InvalidId::TooLong);
    }
    if id == "." || id == ".." {
        return Err(InvalidId::Disallowed(id.to_owned()));
    }
    if id.chars().any(|c| c.is_ascii_control() || c == '/' || c == '\\') {
        return Err(InvalidId::InvalidCharacters(id.to_owned()));
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as Mesos writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as an owned text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A master's own id; framework, agent and offer ids begin with the id of the master that made them.
    MasterId
);
id!(
    /// A framework: `<master id>-0000`.
    FrameworkId
);
id!(
    /// An agent: `<master id>-S0`.
    AgentId
);
id!(
    /// An offer: `<master id>-O0`.
    OfferId
);
id!(
    /// A task, chosen by its framework.
    TaskId
);
id!(
    /// An executor, chosen by its framework; the task's id for command tasks.
    ExecutorId
);
id!(
    /// A container, chosen by the agent.
    ContainerId
);
id!(
    /// An offer operation, chosen by its framework.
    OperationId
);

impl MasterId {
    /// The id of the n-th framework this master admits.
    #[must_use]
    pub fn framework(&self, n: u64) -> FrameworkId {
        FrameworkId(format!("{self}-{n:04}"))
    }

    /// The id of the n-th agent this master admits.
    #[must_use]
    pub fn agent(&self, n: u64) -> AgentId {
        AgentId(format!("{self}-S{n}"))
    }

    /// The id of the n-th offer this master makes.
    #[must_use]
    pub fn offer(&self, n: u64) -> OfferId {
        OfferId(format!("{self}-O{n}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_name_things_as_mesos_does() {
        let master = MasterId::from("m");
        assert_eq!(master.framework(3).as_str(), "m-0003");
        assert_eq!(master.agent(3).as_str(), "m-S3");
        assert_eq!(master.offer(12).as_str(), "m-O12");
    }

    #[test]
    fn ids_that_cannot_be_directories_are_refused() {
        let message = |id: &str| validate_id(id).unwrap_err().to_string();
        assert_eq!(message("a/b"), "'a/b' contains invalid characters");
        assert_eq!(message(""), "ID must not be empty");
        assert_eq!(message(".."), "'..' is disallowed");
        assert_eq!(
            message(&"x".repeat(256)),
            "ID must not be greater than 255 characters"
        );
        assert_eq!(validate_id("production_web.instance-1._app.2"), Ok(()));
    }
}
