//! `docker run` options that a framework passes through `DockerInfo.parameters`. What maps onto the engine's API is
//! set; the rest is refused by name, since silently ignoring an option changes what the task means.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, ResourcesUlimits};
use mesolith_proto::mesos::v1::Parameter;

/// Applies the parameters in order.
pub(super) fn apply(
    parameters: &[Parameter],
    body: &mut ContainerCreateBody,
    host: &mut HostConfig,
) -> Result<(), String> {
    for Parameter { key, value } in parameters {
        let value = value.clone();
        let text = |value: &str| value.to_owned();
        match key.trim_start_matches('-') {
            "label" | "l" => {
                let (name, content) = value.split_once('=').unwrap_or((&value, ""));
                body.labels
                    .get_or_insert_default()
                    .insert(name.into(), content.into());
            }
            "env" | "e" => body.env.get_or_insert_default().push(value),
            "hostname" | "h" => body.hostname = Some(value),
            "domainname" => body.domainname = Some(value),
            "user" | "u" => body.user = Some(value),
            "workdir" | "w" => body.working_dir = Some(value),
            "entrypoint" => body.entrypoint = Some(vec![value]),
            "stop-signal" => body.stop_signal = Some(value),
            "cap-add" => host.cap_add.get_or_insert_default().push(value),
            "cap-drop" => host.cap_drop.get_or_insert_default().push(value),
            "dns" => host.dns.get_or_insert_default().push(value),
            "dns-search" => host.dns_search.get_or_insert_default().push(value),
            "dns-opt" | "dns-option" => host.dns_options.get_or_insert_default().push(value),
            "add-host" => host.extra_hosts.get_or_insert_default().push(value),
            "group-add" => host.group_add.get_or_insert_default().push(value),
            "security-opt" => host.security_opt.get_or_insert_default().push(value),
            "volume" | "v" => host.binds.get_or_insert_default().push(value),
            "volumes-from" => host.volumes_from.get_or_insert_default().push(value),
            "ipc" => host.ipc_mode = Some(value),
            "pid" => host.pid_mode = Some(value),
            "uts" => host.uts_mode = Some(value),
            "userns" => host.userns_mode = Some(value),
            "runtime" => host.runtime = Some(value),
            "cpuset-cpus" => host.cpuset_cpus = Some(value),
            "cpuset-mems" => host.cpuset_mems = Some(value),
            "read-only" => host.readonly_rootfs = Some(flag(key, &value)?),
            "init" => host.init = Some(flag(key, &value)?),
            "oom-kill-disable" => host.oom_kill_disable = Some(flag(key, &value)?),
            "pids-limit" => host.pids_limit = Some(number(key, &value)?),
            "oom-score-adj" => host.oom_score_adj = Some(number(key, &value)?),
            "memory-swappiness" => host.memory_swappiness = Some(number(key, &value)?),
            "memory-swap" => host.memory_swap = Some(bytes(key, &value)?),
            "memory-reservation" => host.memory_reservation = Some(bytes(key, &value)?),
            "shm-size" => host.shm_size = Some(bytes(key, &value)?),
            "tmpfs" => {
                let (path, options) = value.split_once(':').unwrap_or((&value, ""));
                host.tmpfs
                    .get_or_insert_with(HashMap::new)
                    .insert(text(path), text(options));
            }
            "sysctl" => {
                let (name, content) = value
                    .split_once('=')
                    .ok_or_else(|| bad(key, &value, "name=value"))?;
                host.sysctls
                    .get_or_insert_with(HashMap::new)
                    .insert(text(name), text(content));
            }
            "ulimit" => host.ulimits.get_or_insert_default().push(ulimit(key, &value)?),
            other => {
                return Err(format!(
                    "Docker parameter '{other}' is not supported by this agent: remove it from container.docker.parameters"
                ));
            }
        }
    }
    Ok(())
}

fn bad(key: &str, value: &str, form: &str) -> String {
    format!("Docker parameter '{key}' has the value '{value}', which is not {form}")
}

fn flag(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad(key, value, "true or false")),
    }
}

fn number(key: &str, value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| bad(key, value, "a whole number"))
}

/// `64m`, `1g`, `-1`.
fn bytes(key: &str, value: &str) -> Result<i64, String> {
    let lower = value.to_ascii_lowercase();
    let lower = lower.strip_suffix('b').unwrap_or(&lower);
    let (digits, unit) = match lower.chars().last() {
        Some('k') => (&lower[..lower.len() - 1], 1 << 10),
        Some('m') => (&lower[..lower.len() - 1], 1 << 20),
        Some('g') => (&lower[..lower.len() - 1], 1 << 30),
        _ => (lower, 1),
    };
    let amount: i64 = digits
        .parse()
        .map_err(|_| bad(key, value, "a size such as 64m"))?;
    amount
        .checked_mul(unit)
        .ok_or_else(|| bad(key, value, "a size such as 64m"))
}

/// `nofile=1024:2048`.
fn ulimit(key: &str, value: &str) -> Result<ResourcesUlimits, String> {
    let error = || bad(key, value, "name=soft[:hard]");
    let (name, limits) = value.split_once('=').ok_or_else(error)?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let parse = |text: &str| text.parse::<i64>().map_err(|_| error());
    Ok(ResourcesUlimits {
        name: Some(name.into()),
        soft: Some(parse(soft)?),
        hard: Some(parse(hard)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_one(key: &str, value: &str) -> Result<(ContainerCreateBody, HostConfig), String> {
        let (mut body, mut host) = (ContainerCreateBody::default(), HostConfig::default());
        apply(
            &[Parameter {
                key: key.into(),
                value: value.into(),
            }],
            &mut body,
            &mut host,
        )?;
        Ok((body, host))
    }

    #[test]
    fn known_options_are_set() {
        let (body, _) = apply_one("label", "team=core").unwrap();
        assert_eq!(body.labels.unwrap()["team"], "core");
        assert_eq!(apply_one("shm-size", "64m").unwrap().1.shm_size, Some(64 << 20));
        let limit = apply_one("ulimit", "nofile=10:20")
            .unwrap()
            .1
            .ulimits
            .unwrap()
            .remove(0);
        assert_eq!((limit.soft, limit.hard), (Some(10), Some(20)));
    }

    #[test]
    fn others_are_refused_by_name() {
        let error = apply_one("restart", "always").unwrap_err();
        assert!(error.contains("'restart'"), "{error}");
        assert!(apply_one("pids-limit", "many").is_err());
    }
}
