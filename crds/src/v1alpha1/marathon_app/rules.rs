//! CEL rules of MarathonApp: what Marathon refuses, refused at the API server. Each message names the field and what
//! to do. Rules of the parts (container, checks, strategies) stand in `rules/parts.rs`.

mod parts;

use schemars::Schema;

use crate::schema::{self, OldField, OldKind, Rules};

pub(super) use parts::{
    check, check_command, container, docker, health_check, ipc, network, persistent_volume, readiness_check,
    unreachable_strategy, volume,
};

pub(super) fn spec(s: &mut Schema) {
    schema::spec(s);
    schema::rules(s, SPEC);
    schema::old_fields(s, "spec", OLD);
}

/// What definitions for Marathon up to 1.4 have at the top.
const OLD: &[OldField] = &[
    OldField {
        name: "ports",
        kind: OldKind::Scalars,
        instead: "spec.portDefinitions: [{port: 8080}], or spec.container.portMappings: [{containerPort: 8080}] on another network than the host's",
    },
    OldField {
        name: "uris",
        kind: OldKind::Scalars,
        instead: "spec.fetch: [{uri: ...}]",
    },
    OldField {
        name: "storeUrls",
        kind: OldKind::Scalars,
        instead: "spec.fetch: [{uri: ...}]",
    },
    OldField {
        name: "ipAddress",
        kind: OldKind::Object,
        instead: "spec.networks: [{mode: container, name: ...}], and spec.container.portMappings for its discovery.ports",
    },
];

const SPEC: Rules = &[
    // identity
    (
        "!has(self.id) || self.id.matches('^/?(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])[.])*([a-z0-9]|\
         [a-z0-9][a-z0-9-]*[a-z0-9])(/(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])[.])*([a-z0-9]|\
         [a-z0-9][a-z0-9-]*[a-z0-9]))*$')",
        "spec.id must be a path of lower-case letters, digits, dots and inner dashes, such as /production/web-app",
    ),
    (
        "!has(self.id) || !self.id.matches('(^|/)(restart|tasks|versions)$')",
        "spec.id must not end with restart, tasks or versions, which the Marathon API uses: choose another last segment",
    ),
    (
        "!has(oldSelf.clusterRef) || (has(self.clusterRef) && self.clusterRef == oldSelf.clusterRef)",
        "spec.clusterRef is immutable: instances cannot change their cluster; delete this app and make a new one",
    ),
    // what runs
    (
        "!has(self.cmd) || !has(self.args) || size(self.args) == 0",
        "spec.cmd and spec.args exclude each other: keep cmd for a shell, args for none",
    ),
    (
        "has(self.cmd) || (has(self.args) && size(self.args) > 0) || (has(self.container) && has(self.container.docker))",
        "spec needs something to run: set cmd, args, or container.docker.image with a command of its own",
    ),
    (
        "!has(self.cmd) || self.cmd.matches('[^ \\t\\r\\n]')",
        "spec.cmd must not be blank: the shell would end at once",
    ),
    (
        "!has(self.args) || size(self.args) == 0 || self.args[0].matches('[^ \\t\\r\\n]') || \
         (has(self.container) && has(self.container.docker))",
        "spec.args must begin with the program to run",
    ),
    (
        "self.gpus == 0 || !has(self.container) || self.container.type == 'MESOS'",
        "spec.gpus work only without the Docker engine: set container.type to MESOS",
    ),
    (
        "!has(self.resourceLimits) || !has(self.container) || self.container.type == 'MESOS'",
        "spec.resourceLimits work only without the Docker engine: set container.type to MESOS",
    ),
    (
        "!has(self.labels) || !('MARATHON_SINGLE_INSTANCE_APP' in self.labels) || \
         self.labels['MARATHON_SINGLE_INSTANCE_APP'] != 'true' || type(self.instances) != int || self.instances <= 1",
        "spec.instances must be 0 or 1 with the label MARATHON_SINGLE_INSTANCE_APP: true",
    ),
    // placement
    (
        "!has(self.constraints) || self.constraints.all(c, c[1] in ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', \
         'UNLIKE', 'MAX_PER', 'IS'])",
        "spec.constraints: the second entry must be UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER or IS",
    ),
    (
        "!has(self.constraints) || self.constraints.all(c, c[1] != 'UNIQUE' || size(c) == 2)",
        "spec.constraints: UNIQUE does not accept a value; write [hostname, UNIQUE]",
    ),
    (
        "!has(self.constraints) || self.constraints.all(c, !(c[1] in ['GROUP_BY', 'MAX_PER']) || \
         (size(c) == 2 ? c[1] == 'GROUP_BY' : c[2].matches('^[0-9]{1,9}$')))",
        "spec.constraints: MAX_PER needs a whole number as its third entry, GROUP_BY a whole number or none, in quotes",
    ),
    (
        "!has(self.constraints) || self.constraints.all(c, !(c[1] in ['LIKE', 'UNLIKE', 'IS']) || \
         (size(c) == 3 && size(c[2]) > 0))",
        "spec.constraints: LIKE, UNLIKE and IS need a third entry, the value to compare with",
    ),
    (
        "!has(self.acceptedResourceRoles) || self.acceptedResourceRoles.all(r, r == '*' || \
         (has(self.role) && r == self.role))",
        "spec.acceptedResourceRoles may only contain * and the app's own role: set spec.role or remove the others",
    ),
    // networks and ports
    (
        "!has(self.networks) || size(self.networks) <= 1 || self.networks.all(n, !has(n.mode) || n.mode == 'container')",
        "spec.networks must be one of mode host, or one of mode container/bridge, or several of mode container",
    ),
    (
        "!has(self.container) || !has(self.container.portMappings) || size(self.container.portMappings) == 0 || \
         (has(self.networks) && size(self.networks) > 0 && \
         self.networks.all(n, !has(n.mode) || n.mode != 'host'))",
        "spec.container.portMappings are not allowed with host networking, the default: use spec.portDefinitions, or \
         set spec.networks to [{mode: container/bridge}]",
    ),
    (
        "!has(self.portDefinitions) || size(self.portDefinitions) == 0 || !has(self.networks) || \
         self.networks.all(n, has(n.mode) && n.mode == 'host')",
        "spec.portDefinitions are only allowed with host networking: use spec.container.portMappings",
    ),
    (
        "!has(self.portDefinitions) || self.portDefinitions.all(p, !has(p.port) || p.port == 0 || \
         self.portDefinitions.exists_one(q, has(q.port) && q.port == p.port))",
        "spec.portDefinitions: ports must be unique; use 0 for any port",
    ),
    (
        "!has(self.portDefinitions) || self.portDefinitions.all(p, !has(p.name) || \
         self.portDefinitions.exists_one(q, has(q.name) && q.name == p.name))",
        "spec.portDefinitions: port names must be unique",
    ),
    (
        "!has(self.container) || !has(self.container.portMappings) || \
         self.container.portMappings.all(p, !has(p.networkNames) || \
         p.networkNames.all(w, has(self.networks) && self.networks.exists(n, has(n.name) && n.name == w)))",
        "spec.container.portMappings[].networkNames must name entries of spec.networks",
    ),
    (
        "!has(self.container) || self.container.type != 'DOCKER' || !has(self.networks) || size(self.networks) <= 1",
        "spec.networks: the Docker engine supports one network; set container.type to MESOS for more",
    ),
    (
        "!has(self.container) || !has(self.container.portMappings) || ['tcp', 'udp'].all(t, \
         self.container.portMappings.all(p, !has(p.hostPort) || p.hostPort == 0 || \
         !(has(p.protocol) ? p.protocol : 'tcp').contains(t) || \
         self.container.portMappings.exists_one(q, has(q.hostPort) && q.hostPort == p.hostPort && \
         (has(q.protocol) ? q.protocol : 'tcp').contains(t))))",
        "spec.container.portMappings: one hostPort serves tcp and udp, but each of them once; change one, or use 0 for any",
    ),
    // checks
    (
        "!has(self.healthChecks) || self.healthChecks.filter(h, has(h.protocol) && \
         h.protocol in ['MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP']).size() <= 1",
        "spec.healthChecks may contain at most one MESOS_HTTP, MESOS_HTTPS or MESOS_TCP check: use HTTP or TCP for others",
    ),
    (
        "!has(self.healthChecks) || self.healthChecks.all(h, !has(h.portIndex) || \
         type(h.portIndex) != int || h.portIndex < \
         ((has(self.networks) && size(self.networks) > 0 && self.networks.all(n, !has(n.mode) || n.mode != 'host')) ? \
         (has(self.container) && has(self.container.portMappings) ? size(self.container.portMappings) : 1) : \
         (has(self.portDefinitions) ? size(self.portDefinitions) : 1)))",
        "spec.healthChecks[].portIndex must be the place of one of the app's ports, counted from 0: see portDefinitions \
         or container.portMappings",
    ),
    (
        "!has(self.check) || !has(self.container) || self.container.type == 'MESOS'",
        "spec.check works only without the Docker engine: use spec.healthChecks, or set container.type to MESOS",
    ),
    (
        "!has(self.readinessChecks) || self.readinessChecks.all(r, \
         (has(self.portDefinitions) && self.portDefinitions.exists(p, has(p.name) && \
         p.name == (has(r.portName) ? r.portName : 'http-api'))) || \
         (has(self.container) && has(self.container.portMappings) && \
         self.container.portMappings.exists(p, has(p.name) && \
         p.name == (has(r.portName) ? r.portName : 'http-api'))))",
        "spec.readinessChecks[].portName (default http-api) must be the name of one of the app's ports: name that port",
    ),
    // persistent volumes
    (
        "!has(self.unreachableStrategy) || self.unreachableStrategy.mode == 'Disabled' || !has(self.container) || \
         !has(self.container.volumes) || !self.container.volumes.exists(v, has(v.persistent))",
        "spec.unreachableStrategy.mode must be Disabled with persistent volumes: the data stays on its agent",
    ),
    (
        "!has(oldSelf.container) || !has(oldSelf.container.volumes) || \
         !oldSelf.container.volumes.exists(v, has(v.persistent)) || \
         self.gpus == oldSelf.gpus",
        "spec.gpus cannot change with persistent volumes: they are reserved on the agent; make a new app",
    ),
    (
        "!has(oldSelf.container) || !has(oldSelf.container.volumes) || \
         oldSelf.container.volumes.all(v, !has(v.persistent) || (has(self.container) && \
         has(self.container.volumes) && self.container.volumes.exists(w, w == v)))",
        "spec.container.volumes: persistent volumes cannot be changed or removed; make a new app",
    ),
    // secrets
    (
        "!has(self.container) || !has(self.container.volumes) || self.container.volumes.all(v, !has(v.secret) || \
         (has(self.secrets) && v.secret in self.secrets))",
        "spec.container.volumes[].secret must be the name of an entry of spec.secrets",
    ),
    (
        "!has(self.container) || !has(self.container.docker) || !has(self.container.docker.pullConfig) || \
         (has(self.secrets) && self.container.docker.pullConfig.secret in self.secrets)",
        "spec.container.docker.pullConfig.secret must be the name of an entry of spec.secrets",
    ),
];

/// Rules of the admission policy: about numbers and booleans, which CEL does not see in the definition. Each holds for a
/// value of the wrong kind, which has a sentence of its own there.
pub(crate) const POLICY: Rules = &[
    // The bound of the schema is compared as a whole number when the value is one: it lets 0 pass.
    (
        "type(object.spec.cpus) == string || double(object.spec.cpus) >= 0.001",
        "spec.cpus must be at least 0.001",
    ),
    (
        "!has(object.spec.resourceLimits) || !has(object.spec.resourceLimits.cpus) || \
         object.spec.resourceLimits.cpus == 'unlimited' || type(object.spec.cpus) == string || \
         double(object.spec.resourceLimits.cpus) >= double(object.spec.cpus)",
        "spec.resourceLimits.cpus must not be below spec.cpus",
    ),
    (
        "!has(object.spec.resourceLimits) || !has(object.spec.resourceLimits.mem) || \
         object.spec.resourceLimits.mem == 'unlimited' || type(object.spec.mem) == string || \
         double(object.spec.resourceLimits.mem) >= double(object.spec.mem)",
        "spec.resourceLimits.mem must not be below spec.mem",
    ),
    (
        "!has(object.spec.container) || object.spec.container.type == 'DOCKER' || \
         !has(object.spec.container.docker) || !has(object.spec.container.docker.privileged) || \
         object.spec.container.docker.privileged != true",
        "spec.container.docker.privileged works only with type DOCKER: remove it or change the type",
    ),
    (
        "!has(object.spec.container) || !has(object.spec.container.linuxInfo) || \
         !has(object.spec.container.linuxInfo.seccomp) || \
         has(object.spec.container.linuxInfo.seccomp.profileName) != \
         (has(object.spec.container.linuxInfo.seccomp.unconfined) && \
         object.spec.container.linuxInfo.seccomp.unconfined != false)",
        "spec.container.linuxInfo.seccomp needs exactly one of profileName and unconfined: true",
    ),
    (
        "!has(object.spec.healthChecks) || object.spec.healthChecks.all(h, !has(h.ignoreHttp1xx) || \
         !has(h.protocol) || h.protocol in ['HTTP', 'HTTPS'])",
        "spec.healthChecks[].ignoreHttp1xx works only with HTTP and HTTPS: remove it or change protocol",
    ),
    (
        "!has(object.spec.upgradeStrategy) || !has(object.spec.container) || !has(object.spec.container.volumes) || \
         !object.spec.container.volumes.exists(v, has(v.persistent)) || \
         type(object.spec.upgradeStrategy.maximumOverCapacity) == string || \
         double(object.spec.upgradeStrategy.maximumOverCapacity) == 0.0",
        "spec.upgradeStrategy.maximumOverCapacity must be 0 with persistent volumes: a volume has one instance",
    ),
    (
        "oldObject == null || !has(oldObject.spec.container) || !has(oldObject.spec.container.volumes) || \
         !oldObject.spec.container.volumes.exists(v, has(v.persistent)) || \
         (object.spec.cpus == oldObject.spec.cpus && object.spec.mem == oldObject.spec.mem && \
         object.spec.disk == oldObject.spec.disk)",
        "spec.cpus, mem and disk cannot change with persistent volumes: they are reserved on the agent; make a new app",
    ),
];
