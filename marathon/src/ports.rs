//! Which host ports an instance needs, and choosing them from an offer.

use std::collections::BTreeMap;

use crate::{
    app::{App, NetworkMode},
    offer::{Offer, Resource, Value},
    shortage::Mismatch,
};

/// The way out of one port.
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
    /// The way out.
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
    let wanted = ports
        .iter()
        .filter(|port| port.host != HostPort::Unmapped)
        .count();
    let mut used: Vec<(u16, usize)> = Vec::new();
    let mut chosen = vec![0; ports.len()];
    for (slot, port) in chosen.iter_mut().zip(ports) {
        if let HostPort::Fixed(number) = port.host {
            let at = free
                .iter()
                .position(|(have, _)| *have == number)
                .ok_or(Mismatch::Port(number))?;
            *slot = number;
            used.push(free.remove(at));
        }
    }
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
