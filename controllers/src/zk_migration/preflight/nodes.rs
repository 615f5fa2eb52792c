//! Whether a node of the new side can take its components: what its node agent says of the machine. Pure.

use super::super::problem::Problem;
use super::super::target::TargetNode;
use mesolith_crds::Reason;
use mesolith_proto::node::v1::{Facts, Program, UnusablePort};

/// The oldest Java that ZooKeeper from 3.5 on runs with.
const OLDEST_JAVA: u32 = 8;
/// Logs, sandboxes and what a component needs to start.
const LEAST_FREE: u64 = 1 << 30;
/// A server of ours keeps five snapshots and writes a sixth (`autopurge.snapRetainCount`).
const SNAPSHOTS: u64 = 6;

/// Everything that is wrong with one node. `data` is the size of the source's tree in bytes, as far as it is known.
pub(super) fn problems(node: &TargetNode, facts: &Facts, data: u64) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(version(&facts.version));
    if node.zookeeper {
        problems.extend(java(facts.java.as_ref()));
        problems.extend(missing(
            Reason::ZooKeeperNotFound,
            "ZooKeeper",
            facts.zookeeper.as_ref(),
        ));
    }
    if node.docker {
        problems.extend(missing(
            Reason::DockerUnavailable,
            "Docker",
            facts.docker.as_ref(),
        ));
    }
    problems.extend(disk(node, facts, data));
    problems.extend(facts.unusable_ports.iter().map(|port| unusable(node, port)));
    problems
}

/// Node agent and operator speak the same API within one minor version.
fn version(theirs: &str) -> Option<Problem> {
    let ours = env!("CARGO_PKG_VERSION");
    let minor = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    (minor(theirs) != minor(ours)).then(|| {
        Problem::new(
            Reason::VersionMismatch,
            format!("the node agent is Mesolith {theirs}, the operator is {ours}"),
            "Install the operator's version there",
        )
    })
}

fn java(java: Option<&Program>) -> Option<Problem> {
    if let Some(problem) = missing(Reason::JavaNotFound, "Java", java) {
        return Some(problem);
    }
    let version = &java?.version;
    // What cannot be read is not judged.
    (java_release(version)? < OLDEST_JAVA).then(|| {
        Problem::new(
            Reason::JavaTooOld,
            format!("Java {version}, but ZooKeeper needs {OLDEST_JAVA} or later"),
            "Install a later one, e.g. apt-get install default-jre-headless",
        )
    })
}

/// `17.0.15` is 17, and `1.8.0_392` is 8.
fn java_release(version: &str) -> Option<u32> {
    let mut numbers = version.split(['.', '_', '-', '+']);
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        release => Some(release),
    }
}

fn missing(reason: Reason, name: &str, program: Option<&Program>) -> Option<Problem> {
    match program {
        Some(program) if program.present => None,
        // The node agent's own sentence has the remedy.
        Some(program) if !program.problem.is_empty() => Some(Problem::new(reason, &program.problem, "")),
        Some(_) | None => Some(Problem::new(
            reason,
            format!("no {name} there"),
            format!("Install {name}"),
        )),
    }
}

fn disk(node: &TargetNode, facts: &Facts, data: u64) -> Option<Problem> {
    let snapshots = if node.zookeeper {
        data.saturating_mul(SNAPSHOTS)
    } else {
        0
    };
    let least = LEAST_FREE.saturating_add(snapshots);
    (facts.disk_free_bytes < least).then(|| {
        Problem::new(
            Reason::NoSpace,
            format!(
                "less than {} MiB left for the node agent's --state-dir",
                least.div_ceil(1 << 20)
            ),
            "Free some space on its disk",
        )
        .with(format!("{} MiB", facts.disk_free_bytes >> 20))
    })
}

fn unusable(node: &TargetNode, unusable: &UnusablePort) -> Problem {
    let number = unusable.port.as_ref().map_or(0, |port| port.port);
    let needed = node.ports.iter().find(|(port, _)| u32::from(*port) == number);
    let what = needed.map_or("a component", |(_, what)| what);
    match unusable.reason.as_str() {
        "PortInUse" => Problem::new(
            Reason::PortInUse,
            format!("port {number}, needed for {what}, is in use"),
            "Stop what uses it, or choose another port in spec.target",
        )
        .with(&unusable.holder),
        "AddressNotLocal" => Problem::new(
            Reason::AddressNotLocal,
            "its address in spec.target.nodes is not one of the machine's own",
            "Correct the address",
        ),
        "AddressNotFound" => Problem::new(
            Reason::AddressNotFound,
            "its host name in spec.target.nodes does not resolve on the machine itself",
            "Correct the name, or the machine's /etc/hosts",
        ),
        _ => Problem::new(Reason::PortUnavailable, &unusable.message, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_proto::node::v1::Port;
    use rstest::rstest;

    fn node() -> TargetNode {
        TargetNode {
            name: "b1".into(),
            address: "192.0.2.1:7070".into(),
            host: "192.0.2.1".into(),
            zookeeper: true,
            docker: true,
            ports: vec![(2181, "clients of ZooKeeper"), (5050, "the master")],
        }
    }

    fn present(version: &str) -> Option<Program> {
        Some(Program {
            present: true,
            version: version.into(),
            problem: String::new(),
        })
    }

    fn good() -> Facts {
        Facts {
            version: env!("CARGO_PKG_VERSION").into(),
            java: present("17.0.15"),
            docker: present("24.0.7"),
            zookeeper: present("3.8.0"),
            disk_free_bytes: 20 << 30,
            ..Facts::default()
        }
    }

    fn absent(problem: &str) -> Option<Program> {
        Some(Program {
            problem: problem.into(),
            ..Program::default()
        })
    }

    fn unusable_port(reason: &str, holder: &str) -> UnusablePort {
        UnusablePort {
            port: Some(Port {
                address: "192.0.2.1".into(),
                port: 5050,
            }),
            reason: reason.into(),
            holder: holder.into(),
            message: "port 192.0.2.1:5050 cannot be used: permission denied".into(),
        }
    }

    #[rstest]
    #[case::good(|_: &mut Facts| {}, "", "")]
    #[case::another_version(|f: &mut Facts| f.version = "99.0.0".into(), "VersionMismatch", "the node agent is Mesolith 99.0.0")]
    #[case::no_java(|f: &mut Facts| f.java = absent("no java; apt-get install it"), "JavaNotFound", "no java; apt-get install it")]
    #[case::old_java(|f: &mut Facts| f.java = present("1.7.0_80"), "JavaTooOld", "Java 1.7.0_80")]
    #[case::java_eight(|f: &mut Facts| f.java = present("1.8.0_392"), "", "")]
    #[case::java_unknown(|f: &mut Facts| f.java = present("unknown"), "", "")]
    #[case::nothing_said(|f: &mut Facts| f.java = None, "JavaNotFound", "no Java there")]
    #[case::no_zookeeper(|f: &mut Facts| f.zookeeper = absent("no jar"), "ZooKeeperNotFound", "no jar")]
    #[case::no_docker(|f: &mut Facts| f.docker = absent("no engine"), "DockerUnavailable", "no engine")]
    #[case::full_disk(|f: &mut Facts| f.disk_free_bytes = 1 << 20, "NoSpace", "less than 1024 MiB left")]
    #[case::port(|f: &mut Facts| f.unusable_ports = vec![unusable_port("PortInUse", "java (pid 7)")],
        "PortInUse", "port 5050, needed for the master, is in use")]
    #[case::foreign_address(|f: &mut Facts| f.unusable_ports = vec![unusable_port("AddressNotLocal", "")],
        "AddressNotLocal", "not one of the machine's own")]
    #[case::no_right(|f: &mut Facts| f.unusable_ports = vec![unusable_port("PortUnavailable", "")],
        "PortUnavailable", "permission denied")]
    fn each_problem_has_its_reason(#[case] change: fn(&mut Facts), #[case] reason: &str, #[case] text: &str) {
        let mut facts = good();
        change(&mut facts);
        let found = problems(&node(), &facts, 0);
        let reasons: Vec<&str> = found.iter().map(|problem| problem.reason.as_str()).collect();
        assert_eq!(reasons.join(" "), reason);
        assert!(
            found.iter().all(|problem| problem.what.contains(text)),
            "{found:?}"
        );
    }

    #[test]
    fn a_node_needs_only_what_will_run_there() {
        let idle = TargetNode {
            zookeeper: false,
            docker: false,
            ..node()
        };
        let facts = Facts {
            java: None,
            docker: None,
            zookeeper: None,
            ..good()
        };
        assert_eq!(problems(&idle, &facts, u64::MAX), []);
    }

    #[test]
    fn a_large_tree_needs_a_large_disk() {
        assert_eq!(problems(&node(), &good(), 3 << 30), []);
        let found = problems(&node(), &good(), 4 << 30);
        assert_eq!(
            (found[0].reason, found[0].detail.as_str()),
            (Reason::NoSpace, "20480 MiB")
        );
        assert!(found[0].what.contains("25600 MiB"), "{found:?}");
    }
}
