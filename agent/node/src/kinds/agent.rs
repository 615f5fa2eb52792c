//! A Mesos agent: our own program with Mesos' flags.

use super::{Machine, Need, Recipe, flags};
use crate::component::Agent;
use crate::layout::Home;

fn runs_docker(agent: &Agent) -> bool {
    agent.containerizers.iter().any(|c| c == "docker")
}

pub(super) fn needs(agent: &Agent) -> Vec<Need> {
    let mut needs = vec![Need::Port {
        address: agent.bind_address.clone(),
        port: agent.port,
        what: "the Mesos agent",
    }];
    if runs_docker(agent) {
        needs.push(Need::Docker);
    }
    needs
}

/// Flags that say where to find what the agent started.
const WHERE: [&str; 3] = ["cgroups_root", "docker_socket", "runtime_dir"];

pub(super) fn recipe(agent: &Agent, home: &Home, machine: &Machine) -> Recipe {
    let mut argv = identity(agent, home, machine);
    let attributes: Vec<_> = agent
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    let optional = [
        ("hostname", agent.hostname.clone()),
        ("containerizers", agent.containerizers.join(",")),
        ("resources", agent.resources.clone()),
        ("attributes", attributes.join(";")),
    ];
    for (name, value) in optional {
        if !value.is_empty() {
            argv.push(format!("--{name}={value}"));
        }
    }
    if runs_docker(agent) {
        argv.push(docker_socket(machine));
    }
    argv.extend(flags(&agent.flags));
    in_home(argv, home, machine)
}

/// Ends what the agent started. It gets only the flags that it needs: a flag that keeps the agent from starting must
/// not leave its tasks running. Docker is always among them: an earlier configuration may have had it.
pub(super) fn departure(agent: &Agent, home: &Home, machine: &Machine) -> Recipe {
    let mut argv = identity(agent, home, machine);
    if !agent.containerizers.is_empty() {
        argv.push(format!("--containerizers={}", agent.containerizers.join(",")));
    }
    let mut found = agent.flags.clone();
    found.retain(|name, _| WHERE.contains(&name.as_str()));
    if !found.contains_key("docker_socket") {
        argv.push(docker_socket(machine));
    }
    argv.extend(flags(&found));
    argv.push("--leave".into());
    in_home(argv, home, machine)
}

/// The part of the command line that identifies the agent to its master and on its machine.
fn identity(agent: &Agent, home: &Home, machine: &Machine) -> Vec<String> {
    let mut argv = vec![
        machine.program.display().to_string(),
        "mesos-agent".into(),
        format!("--ip={}", agent.bind_address),
        format!("--port={}", agent.port),
        format!("--master={}", agent.zookeeper),
        format!("--work_dir={}", home.work().display()),
    ];
    if let Some(pki) = &machine.pki_dir {
        argv.push(format!("--pki_dir={}", pki.display()));
    }
    argv
}

fn docker_socket(machine: &Machine) -> String {
    let socket = machine.docker_host.strip_prefix("unix://");
    format!("--docker_socket={}", socket.unwrap_or(&machine.docker_host))
}

fn in_home(argv: Vec<String>, home: &Home, machine: &Machine) -> Recipe {
    Recipe {
        argv,
        env: machine.env.clone(),
        directories: vec![home.work(), home.logs()],
        files: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::fixtures::{home, machine};

    #[test]
    fn the_command_line_is_that_of_a_mesos_agent() {
        let agent = Agent {
            bind_address: "127.0.0.12".into(),
            port: 5051,
            hostname: "w1".into(),
            zookeeper: "zk://127.0.0.11:2181/mesos".into(),
            containerizers: vec!["docker".into(), "mesos".into()],
            resources: "cpus:2;ports:[31000-32000]".into(),
            attributes: [("rack", "a"), ("zone", "b")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            flags: [].into(),
        };
        let argv = recipe(&agent, &home("agent"), &machine()).argv.join(" ");
        assert_eq!(
            argv,
            "/usr/bin/mesolith mesos-agent --ip=127.0.0.12 --port=5051 --master=zk://127.0.0.11:2181/mesos \
             --work_dir=/state/u-1/agent/work --pki_dir=/pki --hostname=w1 --containerizers=docker,mesos \
             --resources=cpus:2;ports:[31000-32000] --attributes=rack:a;zone:b --docker_socket=/run/docker.sock"
        );
        let broken = Agent {
            flags: [("cgroups_root", "tasks"), ("typo", "1")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            resources: "cpus:two".into(),
            ..agent.clone()
        };
        assert_eq!(
            departure(&broken, &home("agent"), &machine()).argv.join(" "),
            "/usr/bin/mesolith mesos-agent --ip=127.0.0.12 --port=5051 --master=zk://127.0.0.11:2181/mesos \
             --work_dir=/state/u-1/agent/work --pki_dir=/pki --containerizers=docker,mesos \
             --docker_socket=/run/docker.sock --cgroups_root=tasks --leave"
        );
        assert!(needs(&agent).contains(&Need::Docker));
        assert!(
            !needs(&Agent {
                containerizers: vec!["mesos".into()],
                ..agent
            })
            .contains(&Need::Docker)
        );
    }
}
