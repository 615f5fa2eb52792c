//! How much of the machine a container may use.

use std::collections::BTreeMap;

use mesolith_proto::mesos::v1::{Resource, value};

/// The smallest memory limit, as in Mesos: below it a container does not even start.
const MIN_MEMORY: u64 = 32 * 1024 * 1024;
/// The smallest weight, as in Mesos.
const MIN_SHARES: u64 = 2;
/// The weight of one cpu.
const SHARES_PER_CPU: f64 = 1024.0;
const MEGABYTE: f64 = 1024.0 * 1024.0;

/// Limits of a container; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Limits {
    /// Cpus asked for.
    pub(crate) cpus: f64,
    /// Memory asked for, bytes.
    pub(crate) memory: Option<u64>,
    /// Hard limit of cpus, if the task sets one of its own.
    pub(crate) cpus_limit: Option<f64>,
    /// Hard limit of memory, bytes, if the task sets one of its own.
    pub(crate) memory_limit: Option<u64>,
}

impl Limits {
    /// Limits by the resources of a task (and its executor), and by the task's own limits.
    pub(crate) fn of<'a>(
        resources: impl IntoIterator<Item = &'a Resource>,
        limits: &BTreeMap<String, value::Scalar>,
    ) -> Self {
        let (mut cpus, mut mem) = (0.0, 0.0);
        for resource in resources {
            let amount = resource.scalar.as_ref().map_or(0.0, |s| s.value);
            match resource.name.as_str() {
                "cpus" => cpus += amount,
                "mem" => mem += amount,
                _ => {}
            }
        }
        let own = |name: &str| limits.get(name).map(|s| s.value).filter(|v| v.is_finite());
        Self {
            cpus,
            memory: (mem > 0.0).then(|| bytes(mem)),
            cpus_limit: own("cpus"),
            memory_limit: own("mem").map(bytes),
        }
    }

    /// Weight against other containers.
    pub(crate) fn shares(&self) -> u64 {
        ((self.cpus * SHARES_PER_CPU) as u64).max(MIN_SHARES)
    }

    /// Hard limit of memory in bytes: the task's own, or what it asked for.
    pub(crate) fn memory_hard(&self) -> Option<u64> {
        self.memory_limit.or(self.memory)
    }

    /// Hard limit of cpus: the task's own, or what it asked for if the agent is strict.
    pub(crate) fn cpus_hard(&self, strict: bool) -> Option<f64> {
        self.cpus_limit
            .or_else(|| (strict && self.cpus > 0.0).then_some(self.cpus))
    }
}

fn bytes(megabytes: f64) -> u64 {
    ((megabytes * MEGABYTE) as u64).max(MIN_MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_proto::mesos::v1::value::{Scalar, Type};

    fn scalar(name: &str, value: f64) -> Resource {
        Resource {
            name: name.into(),
            r#type: Type::Scalar as i32,
            scalar: Some(Scalar { value }),
            ..Default::default()
        }
    }

    #[test]
    fn executor_and_tasks_add_up() {
        let all = [
            scalar("cpus", 0.1),
            scalar("mem", 32.0),
            scalar("cpus", 0.4),
            scalar("mem", 64.0),
        ];
        let limits = Limits::of(&all, &BTreeMap::new());
        assert_eq!(
            (limits.shares(), limits.memory_hard()),
            (512, Some(96 * 1024 * 1024))
        );
        assert_eq!(
            (limits.cpus_hard(false), limits.cpus_hard(true)),
            (None, Some(0.5))
        );
    }

    #[test]
    fn small_amounts_are_raised_and_none_is_no_limit() {
        let tiny = Limits::of(&[scalar("cpus", 0.001), scalar("mem", 1.0)], &BTreeMap::new());
        assert_eq!((tiny.shares(), tiny.memory_hard()), (2, Some(MIN_MEMORY)));
        assert_eq!(Limits::of(&[], &BTreeMap::new()).memory_hard(), None);
    }

    #[test]
    fn own_limits_win_and_infinity_is_none() {
        let limits = BTreeMap::from([
            ("cpus".to_owned(), Scalar { value: 2.0 }),
            ("mem".to_owned(), Scalar { value: f64::INFINITY }),
        ]);
        let limits = Limits::of(&[scalar("cpus", 1.0), scalar("mem", 64.0)], &limits);
        assert_eq!((limits.cpus_hard(false), limits.memory_limit), (Some(2.0), None));
    }
}
