//! Questions that the allocator, offer validation and the web pages ask of resources.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::Resources;
use crate::ranges::Ranges;
use crate::resource::Resource;
use crate::role::is_same_or_ancestor;
use crate::scalar::Scalar;
use crate::value::Value;

/// Names written in every summary, in Mesos' order, even when the amount is zero.
const ALWAYS_SHOWN: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

impl Resources {
    /// How much of a scalar there is over all reservations.
    #[must_use]
    pub fn scalar(&self, name: &str) -> Scalar {
        let amount = |r: &Resource| match &r.value {
            Value::Scalar(v) if r.name == name => *v,
            _ => Scalar::ZERO,
        };
        self.iter().map(amount).sum()
    }

    /// All ranges of that name over all reservations.
    #[must_use]
    pub fn ranges(&self, name: &str) -> Ranges {
        self.iter()
            .filter(|r| r.name == name)
            .fold(Ranges::default(), |all, r| match &r.value {
                Value::Ranges(v) => all.union(v),
                _ => all,
            })
    }

    /// Processors.
    #[must_use]
    pub fn cpus(&self) -> f64 {
        self.scalar("cpus").as_f64()
    }

    /// Memory in megabytes.
    #[must_use]
    pub fn mem(&self) -> f64 {
        self.scalar("mem").as_f64()
    }

    /// Disk in megabytes.
    #[must_use]
    pub fn disk(&self) -> f64 {
        self.scalar("disk").as_f64()
    }

    /// Graphics processors.
    #[must_use]
    pub fn gpus(&self) -> f64 {
        self.scalar("gpus").as_f64()
    }

    /// Host ports.
    #[must_use]
    pub fn ports(&self) -> Ranges {
        self.ranges("ports")
    }

    /// Every scalar's total by name: what fair sharing compares.
    #[must_use]
    pub fn scalars(&self) -> BTreeMap<String, Scalar> {
        let mut totals = BTreeMap::new();
        for resource in self {
            if let Value::Scalar(v) = &resource.value {
                *totals.entry(resource.name.clone()).or_insert(Scalar::ZERO) += *v;
            }
        }
        totals
    }

    /// The resources for which `keep` holds.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Resource) -> bool) -> Self {
        self.iter().filter(|r| keep(r)).cloned().collect()
    }

    /// The unreserved resources, which everyone may use.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(|r| r.reservations.is_empty())
    }

    /// What is reserved, by role.
    #[must_use]
    pub fn reserved(&self) -> BTreeMap<String, Self> {
        self.by(|r| r.reservation_role())
    }

    /// What is allocated, by role.
    #[must_use]
    pub fn allocations(&self) -> BTreeMap<String, Self> {
        self.by(|r| r.allocated_to.as_deref())
    }

    /// What may be offered to `role`: the unreserved, and what is reserved for it or a role above it.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Self {
        self.filter(|r| {
            r.reservation_role()
                .is_none_or(|owner| is_same_or_ancestor(owner, role))
        })
    }

    /// The same resources as given to `role`.
    #[must_use]
    pub fn allocate(&self, role: &str) -> Self {
        self.iter()
            .map(|r| Resource {
                allocated_to: Some(role.to_owned()),
                ..r.clone()
            })
            .collect()
    }

    /// The same resources as given to no one.
    #[must_use]
    pub fn unallocate(&self) -> Self {
        self.iter()
            .map(|r| Resource {
                allocated_to: None,
                ..r.clone()
            })
            .collect()
    }

    /// The bare amounts, without reservations and allocation.
    #[must_use]
    pub fn flatten(&self) -> Self {
        self.iter()
            .map(|r| Resource::new(&r.name, r.value.clone()))
            .collect()
    }

    /// Chooses resources here that amount to `wanted` (of which only amounts count), those reserved for `role` or
    /// above it first, then unreserved ones; `None` when there is not enough. What others reserved is never taken.
    #[must_use]
    pub fn find(&self, wanted: &Self, role: &str) -> Option<Self> {
        let usable = self.allocatable_to(role);
        let (open, reserved): (Vec<_>, Vec<_>) = usable.into_iter().partition(|r| r.reservations.is_empty());
        let mut found = Self::default();
        for want in wanted.flatten() {
            let mut missing = want.value;
            for candidate in reserved.iter().chain(&open).filter(|r| r.name == want.name) {
                let Some(common) = candidate.value.common(&missing) else {
                    continue;
                };
                missing.subtract(&common);
                found.push(Resource {
                    value: common,
                    ..candidate.clone()
                });
                if missing.is_empty() {
                    break;
                }
            }
            if !missing.is_empty() {
                return None;
            }
        }
        Some(found)
    }

    /// The form of `/state`: `{"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":8.0,"ports":"[31000-32000]"}`.
    #[must_use]
    pub fn summary(&self) -> Map<String, Json> {
        let mut all: Map<_, _> = ALWAYS_SHOWN
            .iter()
            .map(|name| ((*name).to_owned(), Json::from(0.0)))
            .collect();
        for resource in self.flatten() {
            let json = match &resource.value {
                Value::Scalar(v) => Json::from(v.as_f64()),
                other => Json::from(other.to_string()),
            };
            all.insert(resource.name, json);
        }
        all
    }

    fn by<'a>(&'a self, key: impl Fn(&'a Resource) -> Option<&'a str>) -> BTreeMap<String, Self> {
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        for resource in self {
            if let Some(role) = key(resource) {
                groups.entry(role.to_owned()).or_default().push(resource.clone());
            }
        }
        groups
    }
}
