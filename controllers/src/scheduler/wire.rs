//! Between Mesos v1 messages and the vocabulary of `marathon`: offers in, tasks out.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mesolith_marathon::{
    app::{ContainerType, IpProtocol, NetworkMode, Protocol, VolumeMode},
    offer::{Agent, Amount, Offer, Resource, Value},
    ports::BoundPort,
    task::TaskSpec,
};
use mesolith_proto::mesos::v1 as mesos;

/// An offer as placement sees it. Revocable, shared and disk resources with a source are not used.
pub(super) fn offer(wire: &mesos::Offer) -> Offer {
    let resources = wire
        .resources
        .iter()
        .enumerate()
        .filter(|(_, r)| r.revocable.is_none() && r.shared.is_none() && r.disk.is_none())
        .filter_map(|(index, r)| {
            let value = match (&r.scalar, &r.ranges) {
                (Some(scalar), _) => Value::Scalar(Amount::new(scalar.value)),
                (None, Some(ranges)) => Value::Ranges(port_ranges(ranges)),
                (None, None) => return None,
            };
            Some(Resource {
                index,
                name: r.name.clone(),
                role: reserved_for(r),
                value,
            })
        })
        .collect();
    Offer {
        id: wire.id.value.clone(),
        agent: agent(wire),
        role: offered_to(wire),
        resources,
    }
}

/// The role of an offer. A master without multi-role frameworks names none, and means the default role.
fn offered_to(wire: &mesos::Offer) -> String {
    let allocation = wire.allocation_info.as_ref();
    allocation
        .and_then(|allocation| allocation.role.clone())
        .unwrap_or_else(|| mesolith_mesos::DEFAULT_ROLE.to_owned())
}

fn agent(wire: &mesos::Offer) -> Agent {
    let domain = wire
        .domain
        .as_ref()
        .and_then(|domain| domain.fault_domain.as_ref());
    Agent {
        id: wire.agent_id.value.clone(),
        hostname: wire.hostname.clone(),
        region: domain.map(|d| d.region.name.clone()),
        zone: domain.map(|d| d.zone.name.clone()),
        attributes: wire
            .attributes
            .iter()
            .map(|a| (a.name.clone(), attribute_text(a)))
            .collect(),
    }
}

/// Attributes as constraints compare them: scalar `0.###`, range `[b-e,...]`, set `{a,b}`.
fn attribute_text(attribute: &mesos::Attribute) -> String {
    if let Some(text) = &attribute.text {
        return text.value.clone();
    }
    if let Some(scalar) = &attribute.scalar {
        return Amount::new(scalar.value).to_string();
    }
    if let Some(ranges) = &attribute.ranges {
        let parts: Vec<String> = ranges
            .range
            .iter()
            .map(|r| format!("{}-{}", r.begin, r.end))
            .collect();
        return format!("[{}]", parts.join(","));
    }
    let mut items = attribute
        .set
        .as_ref()
        .map(|set| set.item.clone())
        .unwrap_or_default();
    items.sort();
    format!("{{{}}}", items.join(","))
}

#[allow(
    deprecated,
    reason = "masters without reservation refinement still use the old field"
)]
fn reserved_for(resource: &mesos::Resource) -> String {
    let refined = resource.reservations.last().or(resource.reservation.as_ref());
    refined
        .and_then(|reservation| reservation.role.clone())
        .or_else(|| resource.role.clone())
        .unwrap_or_else(|| "*".to_owned())
}

fn port_ranges(ranges: &mesos::value::Ranges) -> Vec<(u16, u16)> {
    let port = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    ranges
        .range
        .iter()
        .map(|r| (port(r.begin), port(r.end)))
        .collect()
}

/// The task as the master takes it; `offered` gives back the roles and reservations of what it uses.
pub(super) fn task_info(spec: &TaskSpec, offered: &mesos::Offer) -> mesos::TaskInfo {
    mesos::TaskInfo {
        name: spec.name.clone(),
        task_id: mesos::TaskId {
            value: spec.id.to_string(),
        },
        agent_id: mesos::AgentId {
            value: spec.agent.id.clone(),
        },
        resources: spec
            .resources
            .iter()
            .filter_map(|part| resource(part, offered))
            .collect(),
        command: Some(command(spec)),
        container: container(spec),
        health_check: spec
            .health_check
            .as_ref()
            .and_then(|check| health_check(check, spec)),
        kill_policy: spec.kill_grace_seconds.map(kill_policy),
        labels: Some(labels(&spec.labels)),
        discovery: Some(discovery(spec)),
        ..mesos::TaskInfo::default()
    }
}

/// How long a task may take to stop.
fn kill_policy(seconds: u32) -> mesos::KillPolicy {
    let nanoseconds = i64::from(seconds) * 1_000_000_000;
    mesos::KillPolicy {
        grace_period: Some(mesos::DurationInfo { nanoseconds }),
    }
}

fn resource(part: &Resource, offered: &mesos::Offer) -> Option<mesos::Resource> {
    let mut resource = offered.resources.get(part.index)?.clone();
    match &part.value {
        Value::Scalar(amount) => resource.scalar = Some(mesos::value::Scalar { value: amount.get() }),
        Value::Ranges(ranges) => {
            let range = ranges.iter().map(|(begin, end)| mesos::value::Range {
                begin: u64::from(*begin),
                end: u64::from(*end),
            });
            resource.ranges = Some(mesos::value::Ranges {
                range: range.collect(),
            });
        }
    }
    Some(resource)
}

fn command(spec: &TaskSpec) -> mesos::CommandInfo {
    let variables = spec.env.iter().map(|(name, value)| mesos::environment::Variable {
        name: name.clone(),
        value: Some(value.clone()),
        ..mesos::environment::Variable::default()
    });
    let uris = spec.fetch.iter().map(|artifact| mesos::command_info::Uri {
        value: artifact.uri.clone(),
        executable: Some(artifact.executable),
        extract: Some(artifact.extract),
        cache: Some(artifact.cache),
        output_file: artifact.dest_path.clone(),
    });
    // Without a shell the first argument is the program, unless an image brings its entry point.
    let in_image = spec
        .container
        .as_ref()
        .is_some_and(|container| container.docker.is_some());
    let program = if in_image {
        None
    } else {
        spec.args.first().cloned()
    };
    mesos::CommandInfo {
        uris: uris.collect(),
        environment: Some(mesos::Environment {
            variables: variables.collect(),
        }),
        shell: Some(spec.cmd.is_some()),
        value: spec.cmd.clone().or(program),
        arguments: spec.args.clone(),
        user: spec.user.clone(),
    }
}

fn container(spec: &TaskSpec) -> Option<mesos::ContainerInfo> {
    use mesos::container_info::{DockerInfo, MesosInfo, Type, docker_info};
    let container = spec.container.as_ref()?;
    let volumes = container.volumes.iter().map(|volume| mesos::Volume {
        mode: match volume.mode {
            VolumeMode::ReadOnly => mesos::volume::Mode::Ro,
            VolumeMode::ReadWrite => mesos::volume::Mode::Rw,
        }
        .into(),
        container_path: volume.container_path.clone(),
        host_path: volume.host_path.clone(),
        ..mesos::Volume::default()
    });
    let mut info = mesos::ContainerInfo {
        r#type: Type::Mesos.into(),
        volumes: volumes.collect(),
        ..mesos::ContainerInfo::default()
    };
    if spec.network == NetworkMode::Container {
        info.network_infos = vec![mesos::NetworkInfo {
            name: spec.network_name.clone(),
            ..mesos::NetworkInfo::default()
        }];
    }
    let docker = container.docker.as_ref();
    match container.kind {
        ContainerType::Docker => {
            let docker = docker?;
            let mapping = |(port, protocol): (&BoundPort, String)| docker_info::PortMapping {
                host_port: port.host.into(),
                container_port: port.container.into(),
                protocol: Some(protocol),
            };
            let parameters = docker.parameters.iter().map(|parameter| mesos::Parameter {
                key: parameter.key.clone(),
                value: parameter.value.clone(),
            });
            let network = match spec.network {
                NetworkMode::Host => docker_info::Network::Host,
                NetworkMode::Bridge => docker_info::Network::Bridge,
                NetworkMode::Container => docker_info::Network::User,
            };
            info.r#type = Type::Docker.into();
            info.tty_info = spec.tty.then(mesos::TtyInfo::default);
            info.docker = Some(DockerInfo {
                image: docker.image.clone(),
                network: Some(network.into()),
                port_mappings: mapped(spec).map(mapping).collect(),
                privileged: Some(docker.privileged),
                parameters: parameters.collect(),
                force_pull_image: Some(docker.force_pull_image),
                ..DockerInfo::default()
            });
        }
        ContainerType::Mesos => {
            let image = docker.map(|docker| mesos::Image {
                r#type: mesos::image::Type::Docker.into(),
                docker: Some(mesos::image::Docker {
                    name: docker.image.clone(),
                    ..mesos::image::Docker::default()
                }),
                cached: Some(!docker.force_pull_image),
                ..mesos::Image::default()
            });
            info.mesos = Some(MesosInfo { image });
            let mapping = |(port, protocol): (&BoundPort, String)| mesos::network_info::PortMapping {
                host_port: port.host.into(),
                container_port: port.container.into(),
                protocol: Some(protocol),
            };
            if spec.network != NetworkMode::Host {
                let mut network = info.network_infos.pop().unwrap_or_default();
                network.port_mappings = mapped(spec).map(mapping).collect();
                info.network_infos = vec![network];
            }
        }
    }
    Some(info)
}

/// Ports with a host port, once for each protocol.
fn mapped(spec: &TaskSpec) -> impl Iterator<Item = (&BoundPort, String)> {
    let reachable = spec
        .ports
        .iter()
        .filter(|port| port.host != 0 && port.port.container.is_some());
    reachable.flat_map(|port| {
        port.port
            .protocols()
            .map(move |protocol| (port, protocol.to_owned()))
    })
}

/// The check that the agent carries out, on the port as the container sees it.
fn health_check(check: &mesolith_marathon::app::HealthCheck, spec: &TaskSpec) -> Option<mesos::HealthCheck> {
    use mesos::health_check::{HttpCheckInfo, TcpCheckInfo, Type};
    let index = check.port_index.and_then(|index| usize::try_from(index).ok());
    let port = check
        .port
        .or_else(|| {
            index
                .and_then(|index| spec.ports.get(index))
                .map(|port| port.container)
        })
        .map(u32::from);
    let mut info = mesos::HealthCheck {
        delay_seconds: Some(check.delay_seconds.into()),
        interval_seconds: Some(check.interval_seconds.into()),
        timeout_seconds: Some(check.timeout_seconds.into()),
        consecutive_failures: Some(check.max_consecutive_failures),
        grace_period_seconds: Some(check.grace_period_seconds.into()),
        ..mesos::HealthCheck::default()
    };
    let protocol = match check.ip_protocol {
        IpProtocol::V4 => None,
        IpProtocol::V6 => Some(mesos::network_info::Protocol::IPv6.into()),
    };
    let http = |scheme: &str| {
        Some(HttpCheckInfo {
            protocol,
            scheme: Some(scheme.to_owned()),
            port: port?,
            path: check.path.clone(),
            ..HttpCheckInfo::default()
        })
    };
    match check.protocol {
        Protocol::Command => {
            info.r#type = Some(Type::Command.into());
            info.command = Some(mesos::CommandInfo {
                value: check.command.as_ref().map(|command| command.value.clone()),
                shell: Some(true),
                ..mesos::CommandInfo::default()
            });
        }
        Protocol::MesosHttp => {
            info.r#type = Some(Type::Http.into());
            info.http = Some(http("http")?);
        }
        Protocol::MesosHttps => {
            info.r#type = Some(Type::Http.into());
            info.http = Some(http("https")?);
        }
        Protocol::MesosTcp => {
            info.r#type = Some(Type::Tcp.into());
            info.tcp = Some(TcpCheckInfo {
                protocol,
                port: port?,
            });
        }
        Protocol::Http | Protocol::Https | Protocol::Tcp => return None,
    }
    Some(info)
}

fn labels(labels: &BTreeMap<String, String>) -> mesos::Labels {
    let labels = labels.iter().map(|(key, value)| mesos::Label {
        key: key.clone(),
        value: Some(value.clone()),
    });
    mesos::Labels {
        labels: labels.collect(),
    }
}

/// What mesos-dns and load balancers read.
fn discovery(spec: &TaskSpec) -> mesos::DiscoveryInfo {
    let visibility = mesos::discovery_info::Visibility::Framework.into();
    let ports = spec.ports.iter().flat_map(|port| {
        port.port.protocols().map(move |protocol| {
            let (number, scope) = if port.host == 0 {
                (port.container, "container")
            } else {
                (port.host, "host")
            };
            let mut all = port.port.labels.clone();
            all.insert("network-scope".to_owned(), scope.to_owned());
            mesos::Port {
                number: number.into(),
                name: port.port.name.clone(),
                protocol: Some(protocol.to_owned()),
                labels: Some(labels(&all)),
                ..mesos::Port::default()
            }
        })
    });
    mesos::DiscoveryInfo {
        visibility,
        name: Some(spec.name.clone()),
        ports: Some(mesos::Ports {
            ports: ports.collect(),
        }),
        ..mesos::DiscoveryInfo::default()
    }
}
