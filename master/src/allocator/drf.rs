//! Dominant shares.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use mesolith_mesos::{FrameworkId, Scalar};

type Amounts = BTreeMap<String, Scalar>;

/// Place in the queue: the role's share divided by its weight, then the framework's share. Smaller is first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    role: f64,
    framework: f64,
}

impl Order {
    /// Compares two places.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        self.role
            .total_cmp(&other.role)
            .then_with(|| self.framework.total_cmp(&other.framework))
    }
}

/// The shares of the whole cluster that roles and frameworks hold.
#[derive(Debug, Clone)]
pub struct Shares<'a> {
    total: &'a Amounts,
    weights: &'a BTreeMap<String, f64>,
    roles: BTreeMap<String, Amounts>,
    frameworks: BTreeMap<(String, FrameworkId), Amounts>,
}

impl<'a> Shares<'a> {
    /// Nobody holds anything.
    #[must_use]
    pub fn new(total: &'a Amounts, weights: &'a BTreeMap<String, f64>) -> Self {
        Self {
            total,
            weights,
            roles: BTreeMap::new(),
            frameworks: BTreeMap::new(),
        }
    }

    /// A framework holds more in a role.
    pub fn add(&mut self, framework: &FrameworkId, role: &str, amounts: &Amounts) {
        let of_role = self.roles.entry(role.to_owned()).or_default();
        let of_framework = self
            .frameworks
            .entry((role.to_owned(), framework.clone()))
            .or_default();
        for (name, amount) in amounts {
            *of_role.entry(name.clone()).or_default() += *amount;
            *of_framework.entry(name.clone()).or_default() += *amount;
        }
    }

    /// A role's dominant share, divided by its weight: its largest share of any one resource.
    #[must_use]
    pub fn of_role(&self, role: &str) -> f64 {
        let weight = self
            .weights
            .get(role)
            .copied()
            .filter(|w| *w > 0.0)
            .unwrap_or(1.0);
        self.roles.get(role).map_or(0.0, |held| self.dominant(held)) / weight
    }

    /// A framework's dominant share in a role: its largest share of any one resource.
    #[must_use]
    pub fn of_framework(&self, framework: &FrameworkId, role: &str) -> f64 {
        self.frameworks
            .get(&(role.to_owned(), framework.clone()))
            .map_or(0.0, |held| self.dominant(held))
    }

    /// Place of a framework's role in the queue.
    #[must_use]
    pub fn order(&self, framework: &FrameworkId, role: &str) -> Order {
        Order {
            role: self.of_role(role),
            framework: self.of_framework(framework, role),
        }
    }

    fn dominant(&self, held: &Amounts) -> f64 {
        let share = |(name, amount): (&String, &Scalar)| {
            let whole = self.total.get(name).filter(|whole| whole.is_positive())?;
            Some(amount.as_f64() / whole.as_f64())
        };
        held.iter().filter_map(share).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_resource_decides() {
        let total = Amounts::from([
            ("cpus".into(), Scalar::from(10.0)),
            ("mem".into(), Scalar::from(1000.0)),
        ]);
        let weights = BTreeMap::from([("heavy".to_owned(), 2.0)]);
        let mut shares = Shares::new(&total, &weights);
        let framework = FrameworkId::from("f");
        let held = Amounts::from([
            ("cpus".into(), Scalar::from(1.0)),
            ("mem".into(), Scalar::from(500.0)),
        ]);
        shares.add(&framework, "light", &held);
        shares.add(&framework, "heavy", &held);
        assert_eq!(shares.of_role("light"), 0.5);
        assert_eq!(shares.of_role("heavy"), 0.25);
        assert_eq!(shares.of_framework(&framework, "heavy"), 0.5);
        assert_eq!(shares.of_role("nobody"), 0.0);
    }
}
