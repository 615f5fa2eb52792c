//! Who the owner of a certificate is.

use std::str::FromStr;

/// Trust domain of every Mesolith identity.
const PREFIX: &str = "spiffe://mesolith/";

/// What the owner of a certificate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Drives nodes: may call the node API.
    Operator,
    /// Is a node: serves the node API, opens sessions with masters.
    Node,
}

/// A role and a name, written `spiffe://mesolith/<role>/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// What it may do.
    pub role: Role,
    /// The node's name, or the operator's.
    pub name: String,
}

/// Text that is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No `operator` or `node`.
    #[error("'{text}' is not a role; use operator or node")]
    ParseRole {
        /// What was given.
        text: String,
    },
    /// The name could not be part of the URI.
    #[error("'{name}' cannot be the name in a certificate; use letters, digits, '-', '_' and '.'")]
    InvalidName {
        /// What was given.
        name: String,
    },
    /// Not our form of URI.
    #[error("'{text}' is not an identity; expected {PREFIX}<role>/<name>")]
    ParseUri {
        /// What was given.
        text: String,
    },
}

impl Identity {
    /// Puts role and name together.
    ///
    /// # Errors
    /// When the name has characters that a URI component could not carry as they are.
    pub fn new(role: Role, name: &str) -> Result<Self, IdentityError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(IdentityError::InvalidName {
                name: name.to_owned(),
            });
        }
        Ok(Self {
            role,
            name: name.to_owned(),
        })
    }
}

impl Role {
    /// The role as the URI writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        [Self::Operator, Self::Node]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| IdentityError::ParseRole {
                text: text.to_owned(),
            })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.role, self.name)
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let (role, name) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| IdentityError::ParseUri {
                text: text.to_owned(),
            })?;
        Self::new(role.parse()?, name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Role};

    #[test]
    fn identities_round_trip() {
        let identity = Identity::new(Role::Node, "cp1.dc-2").unwrap();
        assert_eq!(identity.to_string(), "spiffe://mesolith/node/cp1.dc-2");
        assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in [
            "spiffe://other/node/a",
            "spiffe://mesolith/root/a",
            "spiffe://mesolith/node/",
            "node/a",
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
        assert!(Identity::new(Role::Node, "a/b").is_err());
    }
}
