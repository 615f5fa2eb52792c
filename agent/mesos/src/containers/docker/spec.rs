//! What the engine is asked to create for a task. Pure.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, PortMap, ResourcesUlimits};
use mesolith_proto::mesos::v1::ContainerInfo;
use mesolith_proto::mesos::v1::container_info::DockerInfo;
use mesolith_proto::mesos::v1::container_info::docker_info::Network;
use mesolith_proto::mesos::v1::r_limit_info::RLimit;

use super::super::{Job, environment};
use super::volumes::Volumes;
use super::{ENDPOINT, WORK_DIR, parameters};
use crate::owners::Owner;

pub(super) fn body(job: &Job, owner: &Owner) -> Result<ContainerCreateBody, String> {
    let task = &job.launch.task;
    let container = task.container.as_ref().ok_or("The task has no container")?;
    let docker = container
        .docker
        .as_ref()
        .ok_or("The container has no docker section")?;
    let command = task.command.clone().unwrap_or_default();
    let (mut entrypoint, mut cmd) = (None, Vec::new());
    if task.command.is_some() && command.shell() {
        if let Some(value) = command.value {
            entrypoint = Some(vec!["/bin/sh".to_owned()]);
            cmd = vec!["-c".to_owned(), value];
        }
    } else {
        cmd.extend(command.value);
        cmd.extend(command.arguments);
    }
    let mut body = ContainerCreateBody {
        image: Some(docker.image.clone()),
        entrypoint,
        cmd: (!cmd.is_empty()).then_some(cmd),
        env: Some(
            environment::of_container(job)
                .into_iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect(),
        ),
        hostname: container.hostname.clone(),
        tty: container.tty_info.as_ref().map(|_| true),
        labels: Some(HashMap::from([
            (WORK_DIR.to_owned(), owner.work_dir.clone()),
            (ENDPOINT.to_owned(), owner.endpoint.clone()),
            ("io.mesolith.task".to_owned(), task.task_id.value.clone()),
            (
                "io.mesolith.framework".to_owned(),
                job.launch.framework_id().to_owned(),
            ),
        ])),
        ..ContainerCreateBody::default()
    };
    let mut host = HostConfig {
        cpu_shares: i64::try_from(job.limits.shares()).ok(),
        nano_cpus: job
            .limits
            .cpus_hard(job.settings.cfs)
            .map(|cpus| (cpus * 1e9) as i64),
        memory: job
            .limits
            .memory_hard()
            .and_then(|bytes| i64::try_from(bytes).ok()),
        privileged: Some(docker.privileged()),
        network_mode: Some(network_mode(container, docker)?),
        ..HostConfig::default()
    };
    let (ports, exposed) = ports(job, docker)?;
    host.port_bindings = ports;
    body.exposed_ports = exposed;
    let mut volumes = Volumes::new(
        &job.sandbox,
        &job.settings.sandbox_directory,
        Some(docker.volume_driver().to_owned()).filter(|driver| !driver.is_empty()),
    );
    for volume in &container.volumes {
        volumes.add(volume)?;
    }
    host.binds = Some(volumes.binds);
    host.volume_driver = volumes.driver;
    let limits = container.rlimit_info.iter().flat_map(|info| &info.rlimits);
    host.ulimits = Some(limits.map(ulimit).collect::<Vec<_>>()).filter(|all| !all.is_empty());
    let policy = parameters::Policy {
        privileged: job.settings.docker_privileged,
    };
    parameters::apply(&docker.parameters, policy, &mut body, &mut host)?;
    body.host_config = Some(host);
    Ok(body)
}

/// The engine's names are Mesos' without their prefix; -1 is no limit.
fn ulimit(limit: &RLimit) -> ResourcesUlimits {
    let name = limit.r#type().as_str_name().trim_start_matches("RLMT_");
    let value = |value: Option<u64>| value.map_or(-1, |v| i64::try_from(v).unwrap_or(i64::MAX));
    ResourcesUlimits {
        name: Some(name.to_ascii_lowercase()),
        soft: Some(value(limit.soft)),
        hard: Some(value(limit.hard)),
    }
}

fn network_mode(container: &ContainerInfo, docker: &DockerInfo) -> Result<String, String> {
    Ok(match docker.network() {
        Network::Host => "host".into(),
        Network::Bridge => "bridge".into(),
        Network::None => "none".into(),
        Network::User => match &container.network_infos[..] {
            [network] => network.name.clone(),
            [] => None,
            _ => return Err("A Docker container of this agent can join one network only".into()),
        }
        .ok_or("A user-defined network needs its name in network_infos")?,
    })
}

/// Published ports, bound to the agent's own address: several agents on one machine must not take each other's.
fn ports(job: &Job, docker: &DockerInfo) -> Result<(Option<PortMap>, Option<Vec<String>>), String> {
    if docker.port_mappings.is_empty() {
        return Ok((None, None));
    }
    if !matches!(docker.network(), Network::Bridge | Network::User) {
        return Err("Port mappings are only supported for bridge and user-defined networks".into());
    }
    let mut map: PortMap = HashMap::new();
    let mut exposed = Vec::new();
    for mapping in &docker.port_mappings {
        let protocol = mapping.protocol.as_deref().unwrap_or("tcp").to_ascii_lowercase();
        if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
            return Err(format!(
                "Port mapping protocol '{protocol}' is none of tcp, udp, sctp"
            ));
        }
        let container_port = format!("{}/{protocol}", mapping.container_port);
        let binding = PortBinding {
            host_ip: job.settings.ip.map(|ip| ip.to_string()),
            host_port: Some(mapping.host_port.to_string()),
        };
        map.entry(container_port.clone())
            .or_insert_with(|| Some(Vec::new()))
            .get_or_insert_default()
            .push(binding);
        exposed.push(container_port);
    }
    Ok((Some(map), Some(exposed)))
}
