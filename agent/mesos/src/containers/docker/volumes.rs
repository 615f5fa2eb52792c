//! Volumes of a task, as the engine takes them: `host:container:mode`. Pure.

use std::path::{Component, Path};

use mesolith_proto::mesos::v1::volume::{Mode, Source, source};
use mesolith_proto::mesos::v1::{ContainerInfo, Volume, mount_propagation};

/// The volumes added so far.
#[derive(Debug)]
pub(super) struct Volumes<'a> {
    sandbox: &'a Path,
    /// Where the container sees the sandbox.
    inside: &'a str,
    pub(super) binds: Vec<String>,
    /// Volume driver: one for all named volumes of a container.
    pub(super) driver: Option<String>,
}

impl<'a> Volumes<'a> {
    /// Begins with the sandbox itself.
    pub(super) fn new(sandbox: &'a Path, inside: &'a str, driver: Option<String>) -> Self {
        Self {
            sandbox,
            inside,
            binds: vec![format!("{}:{inside}:rw", sandbox.display())],
            driver,
        }
    }

    /// A relative container path lies in the sandbox, as a relative host path does.
    pub(super) fn add(&mut self, volume: &Volume) -> Result<(), String> {
        let path = &volume.container_path;
        let to = if path.starts_with('/') {
            path.clone()
        } else {
            format!("{}/{path}", self.inside)
        };
        if volume.image.is_some() {
            return Err(format!(
                "Volume {path} is an image, which this agent does not mount"
            ));
        }
        let from = match (sandbox_path(volume)?, volume.source.as_ref(), &volume.host_path) {
            (Some(relative), ..) => self.sandbox.join(relative).display().to_string(),
            (None, None, host_path) => host_path.clone().unwrap_or_default(),
            (None, Some(source), _) => self.source(source)?,
        };
        let mode = match volume.mode() {
            Mode::Rw => "rw",
            Mode::Ro => "ro",
        };
        let propagation = propagation(volume.source.as_ref());
        self.binds.push(format!("{from}:{to}:{mode}{propagation}"));
        Ok(())
    }

    fn source(&mut self, source: &Source) -> Result<String, String> {
        use source::Type;
        match source.r#type() {
            Type::HostPath => Ok(source
                .host_path
                .as_ref()
                .map_or_else(String::new, |h| h.path.clone())),
            Type::DockerVolume => {
                let volume = source
                    .docker_volume
                    .as_ref()
                    .ok_or("A docker_volume source is empty")?;
                if volume.driver_options.is_some() {
                    return Err(format!(
                        "Volume {} has driver_options, which this agent does not pass on: create the volume with them \
                         beforehand, or use the Docker parameter mount with volume-opt",
                        volume.name
                    ));
                }
                match (&self.driver, &volume.driver) {
                    (Some(one), Some(other)) if one != other => {
                        return Err(format!(
                            "Volume {} needs driver {other}, but the container's volumes already use {one}: \
                             the engine takes one driver for a container",
                            volume.name
                        ));
                    }
                    (_, Some(driver)) => self.driver = Some(driver.clone()),
                    (_, None) => {}
                }
                Ok(volume.name.clone())
            }
            other @ (Type::Unknown | Type::SandboxPath | Type::Secret | Type::CsiVolume) => Err(format!(
                "Volumes of type {} are not supported by this agent",
                other.as_str_name()
            )),
        }
    }
}

/// Paths in the sandbox that have to exist before the container starts, relative to it.
pub(in crate::containers) fn sandbox_paths(container: &ContainerInfo) -> Result<Vec<String>, String> {
    let paths = container
        .volumes
        .iter()
        .filter_map(|volume| sandbox_path(volume).transpose());
    paths.map(|path| path.map(str::to_owned)).collect()
}

/// Path of a volume in the sandbox; none for a volume elsewhere.
fn sandbox_path(volume: &Volume) -> Result<Option<&str>, String> {
    let path = match (&volume.source, &volume.host_path) {
        (None, Some(path)) if path.starts_with('/') => return Ok(None),
        (None, Some(path)) => path,
        (None, None) => &volume.container_path,
        (Some(source), _) if source.r#type() == source::Type::SandboxPath => {
            let sandbox = source
                .sandbox_path
                .as_ref()
                .ok_or("A sandbox_path source is empty")?;
            if sandbox.r#type() == source::sandbox_path::Type::Parent {
                return Err(
                    "A sandbox_path of type PARENT needs a nested container, which this agent does not have"
                        .into(),
                );
            }
            &sandbox.path
        }
        (Some(_), _) => return Ok(None),
    };
    let inside = Path::new(path)
        .components()
        .all(|c| matches!(c, Component::Normal(_)));
    if inside && !path.is_empty() {
        Ok(Some(path))
    } else {
        Err(format!("Volume path '{path}' leaves the sandbox"))
    }
}

/// Which later mounts the two sides share.
fn propagation(source: Option<&Source>) -> &'static str {
    use mount_propagation::Mode as Propagation;
    let host = source.and_then(|s| s.host_path.as_ref());
    match host.and_then(|h| h.mount_propagation.as_ref()).map(|p| p.mode()) {
        Some(Propagation::HostToContainer) => ",rslave",
        Some(Propagation::Bidirectional) => ",rshared",
        Some(Propagation::Unknown) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use mesolith_proto::mesos::v1::MountPropagation;
    use mesolith_proto::mesos::v1::volume::source::{DockerVolume, HostPath, SandboxPath, Type};

    use super::*;

    fn volume(container_path: &str, host_path: Option<&str>, source: Option<Source>) -> Volume {
        Volume {
            mode: Mode::Ro as i32,
            container_path: container_path.into(),
            host_path: host_path.map(str::to_owned),
            source,
            ..Volume::default()
        }
    }

    fn named(name: &str, driver: &str) -> Volume {
        let docker_volume = DockerVolume {
            driver: Some(driver.into()),
            name: name.into(),
            driver_options: None,
        };
        let source = Source {
            r#type: Some(Type::DockerVolume as i32),
            docker_volume: Some(docker_volume),
            ..Source::default()
        };
        volume("/data", None, Some(source))
    }

    fn bind(volume: &Volume) -> Result<String, String> {
        let mut volumes = Volumes::new(Path::new("/sandbox"), "/mnt", None);
        volumes.add(volume)?;
        Ok(volumes.binds.pop().unwrap())
    }

    #[test]
    fn paths_are_the_hosts_or_the_sandboxs() {
        assert_eq!(bind(&volume("/d", Some("/host"), None)).unwrap(), "/host:/d:ro");
        assert_eq!(bind(&volume("d", None, None)).unwrap(), "/sandbox/d:/mnt/d:ro");
        assert_eq!(
            bind(&volume("/d", Some("x/y"), None)).unwrap(),
            "/sandbox/x/y:/d:ro"
        );
        let sandbox = Source {
            r#type: Some(Type::SandboxPath as i32),
            sandbox_path: Some(SandboxPath {
                path: "s".into(),
                r#type: None,
            }),
            ..Source::default()
        };
        assert_eq!(
            bind(&volume("/d", None, Some(sandbox))).unwrap(),
            "/sandbox/s:/d:ro"
        );
        let shared = Source {
            r#type: Some(Type::HostPath as i32),
            host_path: Some(HostPath {
                path: "/host".into(),
                mount_propagation: Some(MountPropagation {
                    mode: Some(mount_propagation::Mode::Bidirectional as i32),
                }),
            }),
            ..Source::default()
        };
        assert_eq!(
            bind(&volume("/d", None, Some(shared))).unwrap(),
            "/host:/d:ro,rshared"
        );
        for outside in ["../x", "x/../../y", ""] {
            assert!(bind(&volume("/d", Some(outside), None)).is_err(), "{outside}");
        }
    }

    #[test]
    fn a_container_has_one_volume_driver() {
        let mut volumes = Volumes::new(Path::new("/sandbox"), "/mnt", None);
        volumes.add(&named("a", "rexray")).unwrap();
        volumes.add(&named("b", "rexray")).unwrap();
        assert_eq!(volumes.driver.as_deref(), Some("rexray"));
        let error = volumes.add(&named("c", "local")).unwrap_err();
        assert!(error.contains("rexray") && error.contains("local"), "{error}");
    }

    #[test]
    fn only_paths_in_the_sandbox_have_to_be_made() {
        let container = ContainerInfo {
            volumes: vec![
                volume("/d", Some("/host"), None),
                volume("d", None, None),
                named("a", "local"),
            ],
            ..ContainerInfo::default()
        };
        assert_eq!(sandbox_paths(&container).unwrap(), ["d"]);
    }
}
