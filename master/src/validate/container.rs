//! Containers and their volumes, as far as the master looks at them. What a machine can do is the agent's to say.

use mesolith_proto::mesos::v1;
use v1::container_info;
use v1::volume::source;

/// The container of a task or an executor.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn container(info: &v1::ContainerInfo) -> Result<(), String> {
    for one in &info.volumes {
        volume(one).map_err(|problem| format!("Invalid volume: {problem}"))?;
    }
    if info.r#type() != container_info::Type::Docker {
        return Ok(());
    }
    let Some(docker) = &info.docker else {
        return Err("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".into());
    };
    // The agent finds its containers by the names that it gave them.
    if docker.parameters.iter().any(|parameter| parameter.key == "name") {
        return Err("Parameter in DockerInfo must not be 'name'".into());
    }
    Ok(())
}

fn volume(volume: &v1::Volume) -> Result<(), String> {
    let given = [
        volume.host_path.is_some(),
        volume.image.is_some(),
        volume.source.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err("Only one of them should be set: 'host_path', 'image' and 'source'".into());
    }
    let Some(source) = &volume.source else {
        return Ok(());
    };
    let unset = |field: &str, kind: &str| Err(format!("'source.{field}' is not set for {kind} volume"));
    match source.r#type() {
        source::Type::Unknown => Err("'source.type' is unknown".into()),
        source::Type::DockerVolume if source.docker_volume.is_none() => {
            unset("docker_volume", "DOCKER_VOLUME")
        }
        source::Type::HostPath if source.host_path.is_none() => unset("host_path", "HOST_PATH"),
        source::Type::SandboxPath if source.sandbox_path.is_none() => unset("sandbox_path", "SANDBOX_PATH"),
        source::Type::Secret if source.secret.is_none() => unset("secret", "SECRET"),
        source::Type::CsiVolume => match &source.csi_volume {
            None => unset("csi_volume", "CSI"),
            Some(csi) if csi.static_provisioning.is_none() => unset("csi_volume.static_provisioning", "CSI"),
            Some(_) => Ok(()),
        },
        source::Type::DockerVolume
        | source::Type::HostPath
        | source::Type::SandboxPath
        | source::Type::Secret => Ok(()),
    }
}
