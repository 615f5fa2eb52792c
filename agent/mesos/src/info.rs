//! How the agent describes itself: resources and attributes, given or detected, that fit what it registered before.

use std::collections::BTreeMap;
use std::path::Path;

use mesolith_mesos::{Attributes, Ranges, Reservation, Resource, Resources, Scalar, Value};
use mesolith_proto::mesos::v1::{self, AgentInfo, Attribute};
use mesolith_proto::vocabulary::{attributes_to_v1, resources_from_v1, resources_to_v1};

/// Megabytes of memory and disk that Mesos leaves to the system; it leaves half if that is less.
const MEMORY_KEPT: f64 = 1024.0;
const DISK_KEPT: f64 = 5120.0;
const PORTS: (u64, u64) = (31_000, 32_000);

/// Why the agent cannot describe itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("--resources: {0}")]
    ParseResources(#[from] mesolith_mesos::ResourcesError),
    #[error("--attributes: {0}")]
    ParseAttributes(#[from] mesolith_mesos::AttributeError),
    #[error(
        "the agent in this --work_dir registered with {before} and is now configured with {after}: less than before \
         could take resources away from its tasks. Use the former value, or, to start as a new agent, stop its tasks \
         and remove {meta}"
    )]
    Incompatible {
        before: String,
        after: String,
        meta: String,
    },
}

/// The machine's own figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Machine {
    pub(crate) cpus: f64,
    pub(crate) memory_megabytes: f64,
    pub(crate) disk_megabytes: f64,
}

impl Machine {
    /// Looks at this machine; the disk is the one with the work directory.
    pub(crate) fn detect(work_dir: &Path) -> Self {
        use procfs::Current;
        let memory = procfs::Meminfo::current().map_or(0, |m| m.mem_total);
        let disk = nix::sys::statvfs::statvfs(work_dir).map_or(0, |s| s.blocks() * s.fragment_size());
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let megabytes = |bytes: u64| (bytes / (1024 * 1024)) as f64;
        Self {
            cpus: cpus as f64,
            memory_megabytes: megabytes(memory),
            disk_megabytes: megabytes(disk),
        }
    }

    fn offered(self, name: &str) -> Value {
        let less = |total: f64, kept: f64| (total - kept).max(total / 2.0).floor();
        match name {
            "cpus" => Value::Scalar(Scalar::from(self.cpus)),
            "mem" => Value::Scalar(Scalar::from(less(self.memory_megabytes, MEMORY_KEPT))),
            "disk" => Value::Scalar(Scalar::from(less(self.disk_megabytes, DISK_KEPT))),
            _ => Value::Ranges(Ranges::of(PORTS.0, PORTS.1)),
        }
    }
}

/// The given resources, and detected ones of the kinds that were not given.
pub(crate) fn resources(given: &str, default_role: &str, machine: Machine) -> Result<Resources, Error> {
    let given: Resources = given.parse()?;
    let mut all: Vec<Resource> = given.iter().cloned().collect();
    for name in ["cpus", "mem", "disk", "ports"] {
        if !given.iter().any(|r| r.name == name) {
            all.push(Resource::new(name, machine.offered(name)));
        }
    }
    if default_role != "*" {
        for resource in all.iter_mut().filter(|r| r.reservations.is_empty()) {
            resource.reservations.push(Reservation::fixed(default_role));
        }
    }
    Ok(all.into_iter().collect())
}

/// The description that is registered.
pub(crate) fn describe(
    hostname: &str,
    port: u16,
    resources: &Resources,
    attributes: &str,
) -> Result<AgentInfo, Error> {
    let attributes: Attributes = attributes.parse()?;
    Ok(AgentInfo {
        hostname: hostname.to_owned(),
        port: Some(i32::from(port)),
        resources: resources_to_v1(resources),
        attributes: attributes_to_v1(&attributes),
        ..AgentInfo::default()
    })
}

/// Mesos' additive policy: more is fine, less or different is not.
pub(crate) fn check_compatible(before: &AgentInfo, after: &AgentInfo, meta: &Path) -> Result<(), Error> {
    let error = |before: String, after: String| Error::Incompatible {
        before,
        after,
        meta: meta.display().to_string(),
    };
    if before.hostname != after.hostname {
        return Err(error(
            format!("hostname {}", before.hostname),
            format!("hostname {}", after.hostname),
        ));
    }
    if before.port() != after.port() {
        return Err(error(
            format!("port {}", before.port()),
            format!("port {}", after.port()),
        ));
    }
    let (old, new) = (from_wire(&before.resources), from_wire(&after.resources));
    if !new.contains(&old) {
        return Err(error(format!("resources {old}"), format!("resources {new}")));
    }
    for attribute in &before.attributes {
        let kept = after.attributes.iter().any(|a| a == attribute);
        if !kept {
            let text = |info: &AgentInfo| {
                let all: Vec<String> = info.attributes.iter().map(attribute_text).collect();
                format!("attributes {}", all.join(";"))
            };
            return Err(error(text(before), text(after)));
        }
    }
    Ok(())
}

/// An attribute as the flag writes it.
pub(crate) fn attribute_text(attribute: &Attribute) -> String {
    format!("{}:{}", attribute.name, attribute_value(attribute))
}

fn attribute_value(attribute: &Attribute) -> String {
    if let Some(text) = &attribute.text {
        return text.value.clone();
    }
    if let Some(scalar) = &attribute.scalar {
        return scalar.value.to_string();
    }
    let ranges = attribute.ranges.iter().flat_map(|r| &r.range);
    let ranges: Vec<String> = ranges.map(|r| format!("{}-{}", r.begin, r.end)).collect();
    format!("[{}]", ranges.join(", "))
}

/// `{"rack":"a"}`, as `/state` shows attributes.
pub(crate) fn attributes_json(info: &AgentInfo) -> BTreeMap<String, serde_json::Value> {
    let value = |a: &Attribute| match &a.scalar {
        Some(scalar) => serde_json::Value::from(scalar.value),
        None => serde_json::Value::from(attribute_value(a)),
    };
    info.attributes
        .iter()
        .map(|a| (a.name.clone(), value(a)))
        .collect()
}

/// Resources of a task or agent, for arithmetic; invalid ones count as nothing.
pub(crate) fn from_wire(wire: &[v1::Resource]) -> Resources {
    resources_from_v1(wire).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        cpus: 4.0,
        memory_megabytes: 8192.0,
        disk_megabytes: 100_000.0,
    };

    fn info(resources_flag: &str, attributes: &str) -> AgentInfo {
        let all = resources(resources_flag, "*", MACHINE).unwrap();
        describe("n1", 5051, &all, attributes).unwrap()
    }

    #[test]
    fn missing_kinds_are_detected_as_mesos_does() {
        let all = resources("cpus:2;ports:[1000-2000]", "*", MACHINE).unwrap();
        assert_eq!((all.cpus(), all.mem(), all.disk()), (2.0, 7168.0, 94_880.0));
        assert!(all.ports().has(1500) && !all.ports().has(31_000));
        let small = Machine {
            memory_megabytes: 1000.0,
            disk_megabytes: 4000.0,
            ..MACHINE
        };
        let all = resources("", "*", small).unwrap();
        assert_eq!((all.mem(), all.disk()), (500.0, 2000.0));
    }

    #[test]
    fn more_is_compatible_and_less_is_not() {
        let before = info("cpus:2;mem:1024", "rack:a");
        let meta = Path::new("/w/meta");
        check_compatible(&before, &info("cpus:3;mem:1024", "rack:a;zone:b"), meta).unwrap();
        for after in [
            info("cpus:1;mem:1024", "rack:a"),
            info("cpus:2;mem:1024", "rack:b"),
            info("cpus:2;mem:1024", ""),
        ] {
            let error = check_compatible(&before, &after, meta).unwrap_err().to_string();
            assert!(error.contains("/w/meta"), "{error}");
        }
    }

    #[test]
    fn resources_survive_the_wire() {
        let all = resources("cpus(ops):2;mem:1024;ports:[1-3,5-6]", "*", MACHINE).unwrap();
        assert_eq!(from_wire(&resources_to_v1(&all)), all);
    }
}
