//! Amounts of several resources: what an agent has, an offer holds, a task uses.
//!
//! Kept merged: at most one entry for each (name, type, reservations, allocation), never an empty one. So containment
//! and subtraction compare entry with entry.

mod parse;
mod query;

pub use parse::ResourcesError;

use serde::{Deserialize, Serialize};

use crate::resource::Resource;

/// Resources, in the order in which they were first named.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Resource>", into = "Vec<Resource>")]
pub struct Resources(Vec<Resource>);

/// More was asked for than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{have} does not contain {asked}")]
pub struct Insufficient {
    /// What there is.
    pub have: Resources,
    /// What was asked for.
    pub asked: Resources,
}

impl Resources {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each resource.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.0.iter()
    }

    /// Adds one resource; nothing happens if it is empty.
    pub fn push(&mut self, resource: Resource) {
        if resource.value.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|r| r.is_same_kind(&resource)) {
            Some(there) => {
                there.value.add(&resource.value);
            }
            None => self.0.push(resource),
        }
    }

    /// Whether all of `other` is here, each under the same reservations and allocation.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|asked| {
            self.0
                .iter()
                .any(|r| r.is_same_kind(asked) && r.value.contains(&asked.value))
        })
    }

    /// Takes `other` away.
    ///
    /// # Errors
    /// When not all of `other` is here; nothing is taken then.
    pub fn checked_sub(&self, other: &Self) -> Result<Self, Insufficient> {
        if !self.contains(other) {
            return Err(Insufficient {
                have: self.clone(),
                asked: other.clone(),
            });
        }
        Ok(self.saturating_sub(other))
    }

    /// Takes away what there is of `other`.
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        let mut left = self.clone();
        for gone in &other.0 {
            if let Some(there) = left.0.iter_mut().find(|r| r.is_same_kind(gone)) {
                there.value.subtract(&gone.value);
            }
        }
        left.0.retain(|r| !r.value.is_empty());
        left
    }
}

impl PartialEq for Resources {
    /// Order does not count.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|r| other.0.contains(r))
    }
}

impl Eq for Resources {}

impl std::ops::AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        other.0.iter().for_each(|r| self.push(r.clone()));
    }
}

impl std::ops::Add<&Resources> for Resources {
    type Output = Resources;
    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut all = Self::default();
        resources.into_iter().for_each(|r| all.push(r));
        all
    }
}

impl<'a> std::iter::Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(all: I) -> Self {
        all.fold(Self::default(), |sum, each| sum + each)
    }
}

impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = std::vec::IntoIter<Resource>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl From<Vec<Resource>> for Resources {
    fn from(resources: Vec<Resource>) -> Self {
        resources.into_iter().collect()
    }
}

impl From<Resources> for Vec<Resource> {
    fn from(resources: Resources) -> Self {
        resources.0
    }
}

impl std::fmt::Display for Resources {
    /// Mesos' form: `cpus:7.7; mem:16288; ports:[31000-32000]`, `{}` for nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("{}");
        }
        let parts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join("; "))
    }
}
