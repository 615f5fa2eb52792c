//! What the engine is asked to create for a task. Pure.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, PortMap};
use mesolith_proto::mesos::v1::container_info::DockerInfo;
use mesolith_proto::mesos::v1::container_info::docker_info::Network;
use mesolith_proto::mesos::v1::{ContainerInfo, Volume, volume};

use super::super::{Job, environment};
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
    let mut binds = vec![format!(
        "{}:{}:rw",
        job.sandbox.display(),
        job.settings.sandbox_directory
    )];
    for volume in &container.volumes {
        binds.push(bind(job, volume, &mut host)?);
    }
    host.binds = Some(binds);
    parameters::apply(&docker.parameters, &mut body, &mut host)?;
    body.host_config = Some(host);
    Ok(body)
}

fn network_mode(container: &ContainerInfo, docker: &DockerInfo) -> Result<String, String> {
    Ok(match docker.network() {
        Network::Host => "host".into(),
        Network::Bridge => "bridge".into(),
        Network::None => "none".into(),
        Network::User => container
            .network_infos
            .first()
            .and_then(|n| n.name.clone())
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

/// `host:container:mode`. A relative host path lies in the sandbox, a relative container path too.
fn bind(job: &Job, volume: &Volume, host: &mut HostConfig) -> Result<String, String> {
    use volume::source::Type;
    let container_path = if volume.container_path.starts_with('/') {
        volume.container_path.clone()
    } else {
        format!("{}/{}", job.settings.sandbox_directory, volume.container_path)
    };
    let source = volume.source.as_ref();
    let in_sandbox = |path: &str| -> Result<String, String> {
        let inside = std::path::Path::new(path)
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_)));
        if !inside {
            return Err(format!("Volume path '{path}' leaves the sandbox"));
        }
        let path = job.sandbox.join(path);
        std::fs::create_dir_all(&path)
            .map_err(|e| format!("Volume {} cannot be created: {e}", path.display()))?;
        Ok(path.display().to_string())
    };
    let from = match (source.map(volume::Source::r#type), &volume.host_path) {
        (None, Some(path)) if path.starts_with('/') => path.clone(),
        (None, Some(path)) => in_sandbox(path)?,
        (None, None) => in_sandbox(&volume.container_path)?,
        (Some(Type::HostPath), _) => source
            .and_then(|s| s.host_path.as_ref())
            .map(|h| h.path.clone())
            .unwrap_or_default(),
        (Some(Type::SandboxPath), _) => in_sandbox(
            source
                .and_then(|s| s.sandbox_path.as_ref())
                .map_or("", |s| &s.path),
        )?,
        (Some(Type::DockerVolume), _) => {
            let volume = source
                .and_then(|s| s.docker_volume.as_ref())
                .ok_or("A docker_volume source is empty")?;
            host.volume_driver = volume.driver.clone().or_else(|| host.volume_driver.take());
            volume.name.clone()
        }
        (Some(other @ (Type::Unknown | Type::Secret | Type::CsiVolume)), _) => {
            return Err(format!(
                "Volumes of type {} are not supported by this agent",
                other.as_str_name()
            ));
        }
    };
    let mode = match volume.mode() {
        volume::Mode::Rw => "rw",
        volume::Mode::Ro => "ro",
    };
    Ok(format!("{from}:{container_path}:{mode}"))
}
