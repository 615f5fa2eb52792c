//! `docker run` options that a framework gives in `DockerInfo.parameters`. Those that the engine's API knows are passed
//! on; the rest is refused by name, since silently ignoring an option changes what the task means.

mod mount;
mod values;

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, NetworkingConfig,
};
use mesolith_proto::mesos::v1::Parameter;

use super::OWN_LABELS;
use values::{bytes, cpus, device, flag, gpus, nanoseconds, number, pair, small, throttle, ulimit, weight};

/// What an operator lets frameworks do on this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Containers may have all rights on the machine.
    pub(super) privileged: bool,
}

/// Options that only mean something to the command line, or that would take something out of the agent's hands.
const REFUSED: [(&[&str], &str); 9] = [
    (
        &["name", "rm", "cidfile"],
        "the agent names its containers and removes them",
    ),
    (&["restart"], "a task that ends is started again by its scheduler"),
    (
        &["publish", "p", "publish-all", "P"],
        "host ports are resources: publish them with container.portMappings",
    ),
    (
        &["stop-timeout"],
        "the time to end is the task's kill policy: use taskKillGracePeriodSeconds",
    ),
    (&["pull"], "use forcePullImage of container.docker"),
    (
        &["platform", "disable-content-trust"],
        "images are pulled for the machine that runs them, by its engine's settings",
    ),
    (
        &["env-file", "label-file"],
        "it names a file of the machine where the command line runs: use env or labels",
    ),
    (
        &["detach", "d", "detach-keys", "attach", "a", "sig-proxy"],
        "nobody is attached to a task's container",
    ),
    (
        &[
            "cpu-count",
            "cpu-percent",
            "io-maxbandwidth",
            "io-maxiops",
            "isolation",
        ],
        "it is for engines on Windows",
    ),
];

/// Applies the parameters in order, after all other fields of the task: as on a command line, the last one wins.
pub(super) fn apply(
    parameters: &[Parameter],
    policy: Policy,
    body: &mut ContainerCreateBody,
    host: &mut HostConfig,
) -> Result<(), String> {
    let mut endpoint = EndpointSettings::default();
    for Parameter { key, value } in parameters {
        let name = key.trim_start_matches('-');
        let done = of_process(name, value, body)?
            || of_machine(name, value, host)?
            || of_storage(name, value, host)?
            || of_network(name, value, body, host, &mut endpoint)?
            || of_check(name, value, body)?;
        if !done {
            return Err(refusal(name));
        }
    }
    if host.privileged == Some(true) && !policy.privileged {
        return Err(
            "Privileged containers are not allowed on this agent: it was started with --docker_privileged=false".into(),
        );
    }
    if endpoint != EndpointSettings::default()
        && let Some(network) = &host.network_mode
    {
        body.networking_config = Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])),
        });
    }
    Ok(())
}

fn refusal(name: &str) -> String {
    let known = REFUSED.iter().find(|(names, _)| names.contains(&name));
    let reason = known.map_or("the engine's API has no such option", |(_, reason)| reason);
    format!(
        "Docker parameter '{name}' is not supported: {reason}. Remove it from container.docker.parameters"
    )
}

/// Options about what the process in the container finds; false for any other option.
fn of_process(name: &str, value: &str, body: &mut ContainerCreateBody) -> Result<bool, String> {
    let text = || value.to_owned();
    match name {
        "label" | "l" => {
            let (label, content) = value.split_once('=').unwrap_or((value, ""));
            if label.starts_with(OWN_LABELS) {
                return Err(format!(
                    "Docker parameter '{name}' cannot set '{label}': the agent finds its containers by labels that begin \
                     with {OWN_LABELS}. Use another label"
                ));
            }
            body.labels
                .get_or_insert_default()
                .insert(label.into(), content.into());
        }
        "env" | "e" => body.env.get_or_insert_default().push(text()),
        "hostname" | "h" => body.hostname = Some(text()),
        "domainname" => body.domainname = Some(text()),
        "user" | "u" => body.user = Some(text()),
        "workdir" | "w" => body.working_dir = Some(text()),
        "entrypoint" => body.entrypoint = Some(vec![text()]),
        "stop-signal" => body.stop_signal = Some(text()),
        "tty" | "t" => body.tty = Some(flag(name, value)?),
        "interactive" | "i" => body.open_stdin = Some(flag(name, value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Options about what it may use of the machine and do to it.
fn of_machine(name: &str, value: &str, host: &mut HostConfig) -> Result<bool, String> {
    let text = || value.to_owned();
    match name {
        "cap-add" => host.cap_add.get_or_insert_default().push(text()),
        "cap-drop" => host.cap_drop.get_or_insert_default().push(text()),
        "group-add" => host.group_add.get_or_insert_default().push(text()),
        "security-opt" => host.security_opt.get_or_insert_default().push(text()),
        "privileged" => host.privileged = Some(flag(name, value)?),
        "device" => host.devices.get_or_insert_default().push(device(name, value)?),
        "device-cgroup-rule" => host.device_cgroup_rules.get_or_insert_default().push(text()),
        "gpus" => host
            .device_requests
            .get_or_insert_default()
            .push(gpus(name, value)?),
        "ipc" => host.ipc_mode = Some(text()),
        "pid" => host.pid_mode = Some(text()),
        "uts" => host.uts_mode = Some(text()),
        "userns" => host.userns_mode = Some(text()),
        "cgroupns" => host.cgroupns_mode = Some(cgroupns(name, value)?),
        "cgroup-parent" => host.cgroup_parent = Some(text()),
        "runtime" => host.runtime = Some(text()),
        "init" => host.init = Some(flag(name, value)?),
        "cpus" => host.nano_cpus = Some(cpus(name, value)?),
        "cpu-shares" | "c" => host.cpu_shares = Some(number(name, value)?),
        "cpu-period" => host.cpu_period = Some(number(name, value)?),
        "cpu-quota" => host.cpu_quota = Some(number(name, value)?),
        "cpu-rt-period" => host.cpu_realtime_period = Some(number(name, value)?),
        "cpu-rt-runtime" => host.cpu_realtime_runtime = Some(number(name, value)?),
        "cpuset-cpus" => host.cpuset_cpus = Some(text()),
        "cpuset-mems" => host.cpuset_mems = Some(text()),
        "memory" | "m" => host.memory = Some(bytes(name, value)?),
        "memory-swap" => host.memory_swap = Some(bytes(name, value)?),
        "memory-reservation" => host.memory_reservation = Some(bytes(name, value)?),
        "memory-swappiness" => host.memory_swappiness = Some(number(name, value)?),
        "oom-kill-disable" => host.oom_kill_disable = Some(flag(name, value)?),
        "oom-score-adj" => host.oom_score_adj = Some(number(name, value)?),
        "pids-limit" => host.pids_limit = Some(number(name, value)?),
        "ulimit" => host.ulimits.get_or_insert_default().push(ulimit(name, value)?),
        "blkio-weight" => host.blkio_weight = Some(small(name, value)?),
        "blkio-weight-device" => host
            .blkio_weight_device
            .get_or_insert_default()
            .push(weight(name, value)?),
        "device-read-bps" => host
            .blkio_device_read_bps
            .get_or_insert_default()
            .push(throttle(name, value, bytes)?),
        "device-write-bps" => host
            .blkio_device_write_bps
            .get_or_insert_default()
            .push(throttle(name, value, bytes)?),
        "device-read-iops" => host
            .blkio_device_read_iops
            .get_or_insert_default()
            .push(throttle(name, value, number)?),
        "device-write-iops" => host
            .blkio_device_write_iops
            .get_or_insert_default()
            .push(throttle(name, value, number)?),
        "sysctl" => insert(&mut host.sysctls, pair(name, value)?),
        "annotation" => insert(&mut host.annotations, pair(name, value)?),
        "log-driver" => host.log_config.get_or_insert_default().typ = Some(text()),
        "log-opt" => insert(
            &mut host.log_config.get_or_insert_default().config,
            pair(name, value)?,
        ),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Options about its files.
fn of_storage(name: &str, value: &str, host: &mut HostConfig) -> Result<bool, String> {
    let text = || value.to_owned();
    match name {
        "volume" | "v" => host.binds.get_or_insert_default().push(text()),
        "volumes-from" => host.volumes_from.get_or_insert_default().push(text()),
        "volume-driver" => host.volume_driver = Some(text()),
        "mount" => host
            .mounts
            .get_or_insert_default()
            .push(mount::parse(name, value)?),
        "tmpfs" => {
            let (path, options) = value.split_once(':').unwrap_or((value, ""));
            insert(&mut host.tmpfs, (path.to_owned(), options.to_owned()));
        }
        "read-only" => host.readonly_rootfs = Some(flag(name, value)?),
        "shm-size" => host.shm_size = Some(bytes(name, value)?),
        "storage-opt" => insert(&mut host.storage_opt, pair(name, value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Options about its networks and names.
fn of_network(
    name: &str,
    value: &str,
    body: &mut ContainerCreateBody,
    host: &mut HostConfig,
    endpoint: &mut EndpointSettings,
) -> Result<bool, String> {
    let text = || value.to_owned();
    let ipam = |endpoint: &mut EndpointSettings, set: fn(&mut EndpointIpamConfig, String)| {
        set(endpoint.ipam_config.get_or_insert_default(), value.to_owned());
    };
    match name {
        "network" | "net" => host.network_mode = Some(text()),
        "network-alias" | "net-alias" => endpoint.aliases.get_or_insert_default().push(text()),
        "ip" => ipam(endpoint, |ipam, value| ipam.ipv4_address = Some(value)),
        "ip6" => ipam(endpoint, |ipam, value| ipam.ipv6_address = Some(value)),
        "link-local-ip" => ipam(endpoint, |ipam, value| {
            ipam.link_local_ips.get_or_insert_default().push(value);
        }),
        "mac-address" => endpoint.mac_address = Some(text()),
        "link" => host.links.get_or_insert_default().push(text()),
        "expose" => {
            let port = if value.contains('/') {
                text()
            } else {
                format!("{value}/tcp")
            };
            body.exposed_ports.get_or_insert_default().push(port);
        }
        "dns" => host.dns.get_or_insert_default().push(text()),
        "dns-search" => host.dns_search.get_or_insert_default().push(text()),
        "dns-opt" | "dns-option" => host.dns_options.get_or_insert_default().push(text()),
        "add-host" => host.extra_hosts.get_or_insert_default().push(text()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Options of the engine's own check of the container, which is not the task's health check.
fn of_check(name: &str, value: &str, body: &mut ContainerCreateBody) -> Result<bool, String> {
    let check: &mut HealthConfig = match name {
        "no-healthcheck" => {
            if flag(name, value)? {
                body.healthcheck.get_or_insert_default().test = Some(vec!["NONE".into()]);
            }
            return Ok(true);
        }
        _ if name.starts_with("health-") => body.healthcheck.get_or_insert_default(),
        _ => return Ok(false),
    };
    match name {
        "health-cmd" => check.test = Some(vec!["CMD-SHELL".into(), value.to_owned()]),
        "health-interval" => check.interval = Some(nanoseconds(name, value)?),
        "health-timeout" => check.timeout = Some(nanoseconds(name, value)?),
        "health-start-period" => check.start_period = Some(nanoseconds(name, value)?),
        "health-start-interval" => check.start_interval = Some(nanoseconds(name, value)?),
        "health-retries" => check.retries = Some(number(name, value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn cgroupns(name: &str, value: &str) -> Result<HostConfigCgroupnsModeEnum, String> {
    match value {
        "private" => Ok(HostConfigCgroupnsModeEnum::PRIVATE),
        "host" => Ok(HostConfigCgroupnsModeEnum::HOST),
        _ => Err(values::bad(name, value, "private or host")),
    }
}

fn insert(map: &mut Option<HashMap<String, String>>, (name, value): (String, String)) {
    map.get_or_insert_default().insert(name, value);
}

#[cfg(test)]
mod tests;
