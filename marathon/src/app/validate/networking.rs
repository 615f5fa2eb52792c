//! Networks and ports: what can never be connected is refused, so that it does not wait for an agent.

use std::collections::BTreeSet;

use super::{AppDefinition, Findings};
use crate::{
    app::{HealthCheck, NetworkMode},
    ports,
};

/// Everything about networks and ports.
pub(super) fn check(app: &AppDefinition, found: &mut Findings) {
    networks(app, found);
    names(app, found);
    protocols(app, found);
    fixed_ports(app, found);
}

fn networks(app: &AppDefinition, found: &mut Findings) {
    let host = is_host(app);
    let one_kind = app.networks.len() == 1
        || app
            .networks
            .iter()
            .all(|n| n.mode == NetworkMode::Container && n.name.is_some());
    found.require(
        one_kind,
        "/networks",
        "must be one host network, one bridge network, or container networks",
    );
    found.require(
        app.networks.len() <= 1,
        "/networks",
        "more than one network is not supported by this version: keep one",
    );
    for (index, network) in app.networks.iter().enumerate() {
        let path = format!("/networks({index})");
        let bare = network.name.is_none() && network.labels.is_empty();
        match network.mode {
            NetworkMode::Host => found.require(bare, path, "Host networks may not have names or labels"),
            NetworkMode::Bridge => {
                found.require(network.name.is_none(), path, "Bridge networks may not have names");
            }
            NetworkMode::Container => found.require(
                network.name.is_some(),
                path,
                "Network name must be specified when container network is selected.",
            ),
        }
    }
    let mappings = app.container.as_ref().map_or(0, |c| c.port_mappings.len());
    found.require(
        !(host && mappings > 0),
        "/container/portMappings",
        "portMappings are not allowed with host-networking",
    );
    found.require(
        host || app.port_definitions.is_empty(),
        "/portDefinitions",
        "portDefinitions are only allowed with host-networking",
    );
}

fn is_host(app: &AppDefinition) -> bool {
    app.networks.iter().any(|n| n.mode == NetworkMode::Host)
}

fn names(app: &AppDefinition, found: &mut Findings) {
    let mappings = app.container.iter().flat_map(|c| &c.port_mappings);
    for (path, names) in [
        (
            "/container/portMappings",
            mappings.filter_map(|m| m.name.as_deref()).collect::<Vec<_>>(),
        ),
        (
            "/portDefinitions",
            app.port_definitions
                .iter()
                .filter_map(|d| d.name.as_deref())
                .collect(),
        ),
    ] {
        let different: BTreeSet<&str> = names.iter().copied().collect();
        found.require(different.len() == names.len(), path, "Port names must be unique.");
    }
}

fn protocols(app: &AppDefinition, found: &mut Findings) {
    let definitions = app
        .port_definitions
        .iter()
        .map(|d| ("/portDefinitions", &d.protocol));
    let mappings = app.container.iter().flat_map(|c| &c.port_mappings);
    let mappings = mappings.map(|m| ("/container/portMappings", &m.protocol));
    for (path, protocol) in definitions.chain(mappings) {
        let parts: Vec<&str> = ports::protocols(protocol).collect();
        let known = parts.iter().all(|part| ["tcp", "udp"].contains(part));
        let once = parts.iter().collect::<BTreeSet<_>>().len() == parts.len();
        found.require(
            known && once,
            path,
            format!("protocol {protocol:?} must be tcp, udp or \"udp,tcp\""),
        );
    }
}

/// Port definitions have different ports. Mappings may share a host port, but each for another protocol.
fn fixed_ports(app: &AppDefinition, found: &mut Findings) {
    let mut fixed: Vec<u16> = app
        .port_definitions
        .iter()
        .map(|d| d.port)
        .filter(|port| *port != 0)
        .collect();
    fixed.sort_unstable();
    found.require(
        fixed.windows(2).all(|pair| pair[0] != pair[1]),
        "/portDefinitions",
        "Ports must be unique.",
    );
    let mut taken = BTreeSet::new();
    for mapping in app.container.iter().flat_map(|c| &c.port_mappings) {
        let Some(port) = mapping.host_port.filter(|port| *port != 0) else {
            continue;
        };
        for protocol in ports::protocols(&mapping.protocol) {
            found.require(
                taken.insert((port, protocol)),
                "/container/portMappings",
                format!("two mappings ask for {protocol} port {port} of the host: change one hostPort, or use 0 for any"),
            );
        }
    }
}

/// Refuses a check whose port does not exist, or that the scheduler has to make and cannot reach.
pub(super) fn check_port(app: &AppDefinition, check: &HealthCheck, path: String, found: &mut Findings) {
    let mappings = app.container.as_ref().map_or(&[][..], |c| &c.port_mappings);
    let ports = if is_host(app) || app.networks.is_empty() {
        app.port_definitions.len()
    } else {
        mappings.len()
    };
    let index = check.port_index.and_then(|index| usize::try_from(index).ok());
    let Some(index) = index.filter(|index| *index < ports) else {
        found.require(
            false,
            path,
            "Health check port indices must address an element of the ports array or container port mappings.",
        );
        return;
    };
    let inside = !is_host(app)
        && mappings
            .get(index)
            .is_some_and(|mapping| mapping.host_port.is_none());
    found.require(
        check.protocol.is_by_agent() || !inside,
        path,
        "the port has no hostPort, so only the agent can reach it: set hostPort: 0, or use MESOS_HTTP, MESOS_TCP or COMMAND",
    );
}
