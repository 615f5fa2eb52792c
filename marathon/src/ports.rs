//! Which host ports an instance needs, and choosing them from an offer.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::{App, NetworkMode},
    offer::{Offer, Resource, Value},
    shortage::{Kind, Mismatch, Shortage},
};

/// How one port is reached from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPort {
    /// Exactly this one.
    Fixed(u16),
    /// Any that the agent offers.
    Random,
    /// None: the port is reached on the container's own address.
    Unmapped,
}

/// One port of an app, from a port definition or a port mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// How it is reached from outside.
    pub host: HostPort,
    /// Port in the container; `Some(0)` is the same as the host port, `None` on the host's network.
    pub container: Option<u16>,
    /// The number the definition asks for, which names the variable `PORT_<n>`.
    pub requested: u16,
    /// `tcp`, `udp` or `udp,tcp`.
    pub protocol: String,
    /// Name, if it has one.
    pub name: Option<String>,
    /// Labels, for discovery.
    pub labels: BTreeMap<String, String>,
}

impl Port {
    /// The protocols one by one.
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        protocols(&self.protocol)
    }
}

/// The protocols of a definition one by one: `tcp`, `udp`, or both.
pub(crate) fn protocols(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// A port of a launched task, with the numbers that were assigned to it. Everything outside the process (published
/// ports, discovery, health checks) goes by these, whatever the app's own environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundPort {
    /// As defined.
    pub port: Port,
    /// Host port, 0 for none.
    pub host: u16,
    /// Port in the container (the host port on the host's network).
    pub container: u16,
}

impl BoundPort {
    /// The number under which others reach it: the host port if there is one.
    #[must_use]
    pub fn reachable(&self) -> u16 {
        if self.host == 0 { self.container } else { self.host }
    }
}

/// Joins the ports of an app with the host ports chosen for an instance. A container that asks for any port listens
/// on its host port; without one it gets a number drawn from `seed`, steady for the instance.
#[must_use]
pub fn bind(ports: Vec<Port>, host_ports: &[u16], seed: u128) -> Vec<BoundPort> {
    let draw = |index: usize| 1025 + u16::try_from(seed.wrapping_add(index as u128) % 64000).unwrap_or(0);
    ports
        .into_iter()
        .zip(host_ports)
        .enumerate()
        .map(|(index, (port, host))| {
            let container = match (port.container, *host) {
                (Some(0), 0) => draw(index),
                (None | Some(0), host) => host,
                (Some(container), _) => container,
            };
            let host = *host;
            BoundPort {
                port,
                host,
                container,
            }
        })
        .collect()
}

/// The ports of an app in the order of its definition.
#[must_use]
pub fn of(app: &App) -> Vec<Port> {
    let definition = &app.definition;
    if app.network_mode() == NetworkMode::Host {
        let fixed = |port| {
            if definition.require_ports && port != 0 {
                HostPort::Fixed(port)
            } else {
                HostPort::Random
            }
        };
        return definition
            .port_definitions
            .iter()
            .map(|d| Port {
                host: fixed(d.port),
                container: None,
                requested: d.port,
                protocol: d.protocol.clone(),
                name: d.name.clone(),
                labels: d.labels.clone(),
            })
            .collect();
    }
    let mappings = definition
        .container
        .iter()
        .flat_map(|container| &container.port_mappings);
    mappings
        .map(|m| Port {
            host: match m.host_port {
                None => HostPort::Unmapped,
                Some(0) => HostPort::Random,
                Some(port) => HostPort::Fixed(port),
            },
            container: Some(m.container_port),
            requested: m.container_port,
            protocol: m.protocol.clone(),
            name: m.name.clone(),
            labels: m.labels.clone(),
        })
        .collect()
}

/// Host ports for `ports` (0 where there is none) and the part of the offer they use.
///
/// Mappings that ask for the same host port share it: a valid definition does so for different protocols only.
///
/// Random ports begin at a place given by `seed`, so that ports just given back are not the first to be reused.
///
/// # Errors
/// When a fixed port is not offered, or too few are.
pub fn choose(
    ports: &[Port],
    offer: &Offer,
    roles: Option<&[String]>,
    seed: u64,
) -> Result<(Vec<u16>, Vec<Resource>), Mismatch> {
    let mut free: Vec<(u16, usize)> = offer
        .usable("ports", roles)
        .flat_map(|resource| match &resource.value {
            Value::Ranges(ranges) => ranges
                .iter()
                .flat_map(|(begin, end)| *begin..=*end)
                .map(|port| (port, resource.index))
                .collect::<Vec<_>>(),
            Value::Scalar(_) => Vec::new(),
        })
        .collect();
    let mut used: Vec<(u16, usize)> = Vec::new();
    let mut chosen = vec![0; ports.len()];
    for (slot, port) in chosen.iter_mut().zip(ports) {
        if let HostPort::Fixed(number) = port.host {
            *slot = number;
            if used.iter().any(|(have, _)| *have == number) {
                continue;
            }
            let at = free
                .iter()
                .position(|(have, _)| *have == number)
                .ok_or(Mismatch::Port(number))?;
            used.push(free.remove(at));
        }
    }
    let any = ports.iter().filter(|port| port.host == HostPort::Random).count();
    let wanted = used.len() + any;
    let available = used.len() + free.len();
    for (slot, port) in chosen.iter_mut().zip(ports) {
        if port.host == HostPort::Random {
            if free.is_empty() {
                return Err(Mismatch::Ports {
                    wanted,
                    free: available,
                });
            }
            let at = usize::try_from(seed % free.len() as u64).unwrap_or(0);
            *slot = free[at].0;
            used.push(free.remove(at));
        }
    }
    let resources = offer
        .usable("ports", roles)
        .filter_map(|resource| {
            let mut numbers: Vec<u16> = used
                .iter()
                .filter(|(_, i)| *i == resource.index)
                .map(|(p, _)| *p)
                .collect();
            numbers.sort_unstable();
            let value = Value::Ranges(ranges(&numbers));
            (!numbers.is_empty()).then(|| Resource {
                value,
                ..resource.clone()
            })
        })
        .collect();
    Ok((chosen, resources))
}

/// The shortage of a fixed port that no agent has, used or free: waiting does not help. `agents` are all ports of each
/// agent; `None` while no agent is known.
pub fn outside<'a>(app: &App, agents: impl Iterator<Item = &'a [(u16, u16)]>) -> Option<Shortage> {
    let agents: BTreeSet<&[(u16, u16)]> = agents.collect();
    let has = |ranges: &[(u16, u16)], port| ranges.iter().any(|(begin, end)| (*begin..=*end).contains(&port));
    let port = of(app).into_iter().find_map(|port| match port.host {
        HostPort::Fixed(port) => (!agents.iter().any(|ranges| has(ranges, port))).then_some(port),
        HostPort::Random | HostPort::Unmapped => None,
    });
    let port = port.filter(|_| !agents.is_empty())?;
    let ranges: BTreeSet<&(u16, u16)> = agents.into_iter().flatten().collect();
    let there = if ranges.is_empty() {
        "they have none".to_owned()
    } else {
        let shown: Vec<String> = ranges
            .iter()
            .take(5)
            .map(|(begin, end)| format!("{begin}-{end}"))
            .collect();
        let more = if ranges.len() > shown.len() {
            " and others"
        } else {
            ""
        };
        format!("theirs are {}{more}", shown.join(", "))
    };
    Some(Shortage {
        kind: Kind::NoSuchPort,
        sentence: format!(
            "no agent has port {port}: {there}. Ask for one of these, or for any with 0, or give agents that port in their \
             resources"
        ),
    })
}

/// Sorted numbers as ranges.
fn ranges(numbers: &[u16]) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(*number) => *end = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    ranges
}
