//! CEL rules of the parts of an app.

use schemars::Schema;

use crate::schema::{self, OldField, OldKind, Rules};

macro_rules! rules_of {
    ($($name:ident = $rules:ident),+ $(,)?) => {
        $(pub(in crate::v1alpha1::marathon_app) fn $name(s: &mut Schema) {
            schema::rules(s, $rules);
        })+
    };
}

rules_of! {
    container = CONTAINER,
    volume = VOLUME,
    persistent_volume = PERSISTENT_VOLUME,
    network = NETWORK,
    ipc = IPC,
    health_check = HEALTH_CHECK,
    check = CHECK,
    check_command = CHECK_COMMAND,
    readiness_check = READINESS_CHECK,
    unreachable_strategy = UNREACHABLE_STRATEGY,
}

/// What definitions for Marathon up to 1.4 have here.
pub(in crate::v1alpha1::marathon_app) fn docker(s: &mut Schema) {
    schema::old_fields(s, "container.docker", OLD_DOCKER);
}

const OLD_DOCKER: &[OldField] = &[
    OldField {
        name: "network",
        kind: OldKind::Text,
        instead: "spec.networks: [{mode: container/bridge}] for BRIDGE, [{mode: host}] for HOST, [{mode: container, name: ...}] for USER",
    },
    OldField {
        name: "portMappings",
        kind: OldKind::Objects,
        instead: "spec.container.portMappings, one level up",
    },
];

const CONTAINER: Rules = &[
    (
        "self.type != 'DOCKER' || has(self.docker)",
        "container.docker is required with type DOCKER: set docker.image",
    ),
    (
        "self.type == 'MESOS' || !has(self.linuxInfo)",
        "container.linuxInfo works only with type MESOS: remove it or change the type",
    ),
    (
        "self.type == 'DOCKER' || !has(self.docker) || !has(self.docker.parameters)",
        "container.docker.parameters work only with type DOCKER: remove them or change the type",
    ),
    (
        "self.type == 'MESOS' || !has(self.docker) || !has(self.docker.pullConfig)",
        "container.docker.pullConfig is not supported with type DOCKER: log the engine in, or use type MESOS",
    ),
    (
        "!has(self.docker) || !has(self.docker.credential)",
        "container.docker.credential is no longer supported: use pullConfig",
    ),
    (
        "!has(self.portMappings) || self.portMappings.all(p, !has(p.name) || \
         self.portMappings.exists_one(q, has(q.name) && q.name == p.name))",
        "container.portMappings: port names must be unique",
    ),
];

const VOLUME: Rules = &[
    (
        "(has(self.hostPath) ? 1 : 0) + (has(self.persistent) ? 1 : 0) + (has(self.external) ? 1 : 0) + \
         (has(self.secret) ? 1 : 0) == 1",
        "container.volumes[] needs exactly one of hostPath, persistent, external and secret",
    ),
    (
        "has(self.mode) || has(self.secret)",
        "container.volumes[].mode is required: RO or RW",
    ),
    (
        "!has(self.persistent) || (has(self.mode) && self.mode == 'RW')",
        "container.volumes[].mode must be RW for a persistent volume",
    ),
    (
        "!has(self.persistent) || (!self.containerPath.contains('/') && self.containerPath != '.' && \
         self.containerPath != '..')",
        "container.volumes[].containerPath of a persistent volume is a plain name in the sandbox, without slashes",
    ),
];

const PERSISTENT_VOLUME: Rules = &[
    (
        "!has(self.maxSize) || type(self.maxSize) != int || type(self.size) != int || ((has(self.type) ? self.type == 'mount' : has(self.profileName)) && \
         self.maxSize > self.size)",
        "persistent.maxSize must be more than size, and needs type mount",
    ),
    (
        "!has(self.constraints) || (has(self.type) ? self.type != 'root' : has(self.profileName))",
        "persistent.constraints choose among disks: set type to path or mount",
    ),
    (
        "!has(self.constraints) || self.constraints.all(c, c[0] == 'path' && c[1] in ['LIKE', 'UNLIKE'])",
        "persistent.constraints must read [path, LIKE, regular expression] or [path, UNLIKE, regular expression]",
    ),
];

const NETWORK: Rules = &[
    (
        "(has(self.mode) && self.mode != 'container') || has(self.name)",
        "networks[].name is required with mode container, the default; for ports on the agent use mode container/bridge",
    ),
    (
        "!has(self.mode) || self.mode != 'host' || (!has(self.name) && !has(self.labels))",
        "networks[]: host networks may not have names or labels: remove them",
    ),
    (
        "!has(self.mode) || self.mode != 'container/bridge' || !has(self.name)",
        "networks[]: bridge networks may not have names: remove it, or use mode container",
    ),
];

const IPC: Rules = &[(
    "!has(self.shmSize) || self.mode == 'PRIVATE'",
    "linuxInfo.ipcInfo.shmSize needs mode PRIVATE",
)];

const HEALTH_CHECK: Rules = &[
    (
        "(has(self.protocol) && self.protocol == 'COMMAND') == has(self.command)",
        "healthChecks[].command and protocol COMMAND belong together: set both or neither",
    ),
    (
        "!has(self.path) || self.path == '' || !has(self.protocol) || \
         self.protocol in ['HTTP', 'HTTPS', 'MESOS_HTTP', 'MESOS_HTTPS']",
        "healthChecks[].path works only with HTTP protocols: remove it or change protocol",
    ),
    (
        "!has(self.port) || !has(self.portIndex)",
        "healthChecks[].port and portIndex exclude each other: portIndex follows the port the app was given",
    ),
    (
        "!has(self.ipProtocol) || self.ipProtocol == 'IPv4' || (has(self.protocol) && \
         self.protocol in ['MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'])",
        "healthChecks[].ipProtocol IPv6 works only with MESOS_HTTP, MESOS_HTTPS and MESOS_TCP: change protocol",
    ),
];

const CHECK: Rules = &[
    (
        "(has(self.http) ? 1 : 0) + (has(self.tcp) ? 1 : 0) + (has(self.exec) ? 1 : 0) == 1",
        "check needs exactly one of http, tcp and exec",
    ),
    (
        "!has(self.http) || !has(self.http.port) || !has(self.http.portIndex)",
        "check.http.port and portIndex exclude each other: portIndex follows the port the app was given",
    ),
    (
        "!has(self.tcp) || !has(self.tcp.port) || !has(self.tcp.portIndex)",
        "check.tcp.port and portIndex exclude each other: portIndex follows the port the app was given",
    ),
];

const CHECK_COMMAND: Rules = &[(
    "has(self.shell) != (has(self.argv) && size(self.argv) > 0)",
    "check.exec.command needs exactly one of shell and argv",
)];

const READINESS_CHECK: Rules = &[(
    "has(self.timeoutSeconds) && type(self.timeoutSeconds) != int || \
     has(self.intervalSeconds) && type(self.intervalSeconds) != int || \
     (has(self.timeoutSeconds) ? self.timeoutSeconds : 10) < (has(self.intervalSeconds) ? self.intervalSeconds : 30)",
    "readinessChecks[].timeoutSeconds (default 10) must be less than intervalSeconds (default 30)",
)];

const UNREACHABLE_STRATEGY: Rules = &[
    (
        "has(self.inactiveAfterSeconds) && type(self.inactiveAfterSeconds) != int || \
         has(self.expungeAfterSeconds) && type(self.expungeAfterSeconds) != int || \
         (has(self.inactiveAfterSeconds) ? self.inactiveAfterSeconds : 0) <= \
         (has(self.expungeAfterSeconds) ? self.expungeAfterSeconds : 0)",
        "unreachableStrategy.inactiveAfterSeconds must be less or equal to expungeAfterSeconds (default 0): raise \
         expungeAfterSeconds",
    ),
    (
        "self.mode != 'Disabled' || (!has(self.inactiveAfterSeconds) && !has(self.expungeAfterSeconds))",
        "unreachableStrategy with mode Disabled has no times: remove inactiveAfterSeconds and expungeAfterSeconds",
    ),
];
