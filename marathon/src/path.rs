//! The path that names an app: `/production/web-app`.

use std::fmt;

/// Last segments that Marathon's own REST paths use.
const RESERVED: [&str; 5] = ["restart", "tasks", "versions", ".", ".."];

/// An absolute, canonical app path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(String);

/// Why a text is not an app path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// `/` alone or nothing.
    #[error("must not be root")]
    Root,
    /// A segment with characters that are not allowed.
    #[error(
        "segment {0:?} must consist of lowercase letters, digits and dashes, and must not begin or end with a dash"
    )]
    Segment(String),
    /// The last segment is used by the REST API.
    #[error("must not end with any of the following reserved keywords: restart, tasks, versions, ., ..")]
    Reserved,
}

impl AppId {
    /// Reads a path; a relative one is taken from the root, `.` and `..` are resolved.
    ///
    /// # Errors
    /// When the path is the root, uses other characters, or ends in a reserved word.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raw: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        if raw.last().is_some_and(|last| RESERVED.contains(last)) {
            return Err(Error::Reserved);
        }
        let mut segments: Vec<&str> = Vec::new();
        for part in raw {
            match part {
                "." => {}
                ".." => {
                    segments.pop();
                }
                part if is_segment(part) => segments.push(part),
                part => return Err(Error::Segment(part.to_owned())),
            }
        }
        if segments.is_empty() {
            return Err(Error::Root);
        }
        Ok(Self(format!("/{}", segments.join("/"))))
    }

    /// The path with its leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as it begins a task id: `production_web-app`.
    #[must_use]
    pub fn id_prefix(&self) -> String {
        self.0[1..].replace('/', "_")
    }

    /// The name a task carries, as mesos-dns reads it: `web-app.production`.
    #[must_use]
    pub fn task_name(&self) -> String {
        self.0[1..].split('/').rev().collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Dot-separated labels of lowercase letters, digits and inner dashes.
fn is_segment(segment: &str) -> bool {
    segment.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("web", Ok("/web"))]
    #[case("/production/web-app", Ok("/production/web-app"))]
    #[case("/a/./b/../c.d", Ok("/a/c.d"))]
    #[case("/", Err(Error::Root))]
    #[case("", Err(Error::Root))]
    #[case("/Web", Err(Error::Segment("Web".into())))]
    #[case("/a/-b", Err(Error::Segment("-b".into())))]
    #[case("/a/tasks", Err(Error::Reserved))]
    fn paths(#[case] text: &str, #[case] expect: Result<&str, Error>) {
        assert_eq!(AppId::parse(text).map(|id| id.0), expect.map(str::to_owned));
    }

    #[test]
    fn names_derived_from_a_path() {
        let id = AppId::parse("/a/b/c").unwrap();
        assert_eq!(id.id_prefix(), "a_b_c");
        assert_eq!(id.task_name(), "c.b.a");
    }
}
