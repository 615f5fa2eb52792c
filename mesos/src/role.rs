//! Role names: hierarchical, `a/b/c`, and the name `*` for what everyone may use.

/// The role of frameworks and resources that belong to no one.
pub const DEFAULT_ROLE: &str = "*";

/// A role name that Mesos refuses; the messages are Mesos' own, clients match on them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The empty string.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// `/a`.
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// `a/`.
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// `a//b`.
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// `.`, `..` or a wildcard as a part.
    #[error("Role '{role}' cannot include '{component}' as a component")]
    Component {
        /// The whole name.
        role: String,
        /// The part at fault.
        component: String,
    },
    /// `-a`.
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    LeadingDash(String),
    /// Blanks, control characters and backslashes.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    InvalidCharacters(String),
}

/// Checks a role name.
///
/// # Errors
/// With Mesos' message when the name is not a role.
pub fn validate_role(role: &str) -> Result<(), RoleError> {
    if role == DEFAULT_ROLE {
        return Ok(());
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    if role.starts_with('/') {
        return Err(RoleError::LeadingSlash(role.to_owned()));
    }
    if role.ends_with('/') {
        return Err(RoleError::TrailingSlash(role.to_owned()));
    }
    if role.contains("//") {
        return Err(RoleError::AdjacentSlashes(role.to_owned()));
    }
    role.split('/')
        .try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    if matches!(component, "." | ".." | "*") {
        return Err(RoleError::Component {
            role: role.to_owned(),
            component: component.to_owned(),
        });
    }
    if component.starts_with('-') {
        return Err(RoleError::LeadingDash(component.to_owned()));
    }
    // The set that Mesos refuses: whitespace, and the backspace character, by which it means 0x7f too.
    if component
        .chars()
        .any(|c| c.is_ascii_whitespace() || matches!(c, '\x08' | '\x0b' | '\x7f'))
    {
        return Err(RoleError::InvalidCharacters(component.to_owned()));
    }
    Ok(())
}

/// Whether `ancestor` is `role` or above it: what is reserved for `a` may be used by `a/b`.
#[must_use]
pub fn is_same_or_ancestor(ancestor: &str, role: &str) -> bool {
    role == ancestor
        || role
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{is_same_or_ancestor, validate_role};

    #[test]
    fn bad_names_are_refused_in_mesos_words() {
        let message = |role: &str| validate_role(role).unwrap_err().to_string();
        assert_eq!(message("/x"), "Role '/x' cannot start with a slash");
        assert_eq!(message("x/"), "Role 'x/' cannot end with a slash");
        assert_eq!(message("a//b"), "Role 'a//b' cannot contain two adjacent slashes");
        assert_eq!(
            message("a/../b"),
            "Role 'a/../b' cannot include '..' as a component"
        );
        assert_eq!(message("a/*"), "Role 'a/*' cannot include '*' as a component");
        assert_eq!(message(""), "Role names cannot be the empty string");
        assert!(validate_role("a b").is_err());
        assert!(validate_role("-a").is_err());
    }

    #[test]
    fn ordinary_names_are_accepted() {
        for role in ["*", "ops", "eng/backend", "a.b", "slave_public"] {
            assert_eq!(validate_role(role), Ok(()), "{role}");
        }
    }

    #[test]
    fn ancestors_are_whole_components() {
        assert!(is_same_or_ancestor("a", "a/b"));
        assert!(is_same_or_ancestor("a", "a"));
        assert!(!is_same_or_ancestor("a", "ab"));
        assert!(!is_same_or_ancestor("a/b", "a"));
    }
}
