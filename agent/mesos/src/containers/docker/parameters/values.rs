//! Values of options, as `docker run` writes them.

use bollard::models::{
    DeviceMapping, DeviceRequest, ResourcesBlkioWeightDevice, ResourcesUlimits, ThrottleDevice,
};

/// The error for a value that is not what its option takes.
pub(super) fn bad(key: &str, value: &str, form: &str) -> String {
    format!("Docker parameter '{key}' has the value '{value}', which is not {form}")
}

/// An option that stands alone on a command line.
pub(super) fn flag(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad(key, value, "true or false")),
    }
}

pub(super) fn number(key: &str, value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| bad(key, value, "a whole number"))
}

pub(super) fn small(key: &str, value: &str) -> Result<u16, String> {
    value.parse().map_err(|_| bad(key, value, "a small whole number"))
}

/// `1.5`, in billionths of a cpu.
pub(super) fn cpus(key: &str, value: &str) -> Result<i64, String> {
    let cpus: Option<f64> = value.parse().ok();
    let cpus = cpus.filter(|cpus| cpus.is_finite() && *cpus > 0.0 && *cpus < 1e6);
    cpus.map(|cpus| (cpus * 1e9) as i64)
        .ok_or_else(|| bad(key, value, "a number of cpus such as 1.5"))
}

/// `64m`, `1g`, `-1`, in bytes.
pub(super) fn bytes(key: &str, value: &str) -> Result<i64, String> {
    let error = || bad(key, value, "a size such as 64m");
    let lower = value.to_ascii_lowercase();
    let lower = lower.strip_suffix('b').unwrap_or(&lower);
    let units = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1_i64 << 40)];
    let unit = units
        .iter()
        .find_map(|(name, unit)| Some((lower.strip_suffix(name)?, *unit)));
    let (digits, unit) = unit.unwrap_or((lower, 1));
    let amount: i64 = digits.parse().map_err(|_| error())?;
    amount.checked_mul(unit).ok_or_else(error)
}

/// `1m30s`, `500ms`.
pub(super) fn nanoseconds(key: &str, value: &str) -> Result<i64, String> {
    let error = || bad(key, value, "a duration such as 30s");
    let units: [(&str, f64); 6] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 6e10),
        ("h", 3.6e12),
    ];
    let (mut rest, mut total) = (value, 0.0);
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(error)?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (name, after) = after.split_at(letters);
        let (_, unit) = units.iter().find(|(unit, _)| *unit == name).ok_or_else(error)?;
        total += number.parse::<f64>().map_err(|_| error())? * unit;
        rest = after;
    }
    if value.is_empty() {
        Err(error())
    } else {
        Ok(total as i64)
    }
}

/// `name=value`.
pub(super) fn pair(key: &str, value: &str) -> Result<(String, String), String> {
    let (name, content) = value
        .split_once('=')
        .ok_or_else(|| bad(key, value, "name=value"))?;
    Ok((name.to_owned(), content.to_owned()))
}

/// `nofile=1024:2048`.
pub(super) fn ulimit(key: &str, value: &str) -> Result<ResourcesUlimits, String> {
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

/// `/dev/fuse`, `/dev/sda:/dev/xvda`, `/dev/sda:/dev/xvda:rw`, `/dev/sda:r`.
pub(super) fn device(key: &str, value: &str) -> Result<DeviceMapping, String> {
    let is_rights = |text: &str| !text.is_empty() && text.chars().all(|c| "rwm".contains(c));
    let parts: Vec<&str> = value.split(':').collect();
    let (host, inside, rights) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, rights] if is_rights(rights) => (host, host, rights),
        [host, inside] => (host, inside, "rwm"),
        [host, inside, rights] if is_rights(rights) => (host, inside, rights),
        _ => ("", "", ""),
    };
    if !host.starts_with('/') || !inside.starts_with('/') {
        return Err(bad(key, value, "/host/path[:/container/path][:rwm]"));
    }
    Ok(DeviceMapping {
        path_on_host: Some(host.into()),
        path_in_container: Some(inside.into()),
        cgroup_permissions: Some(rights.into()),
    })
}

/// `all`, a number, or `device=0,2`.
pub(super) fn gpus(key: &str, value: &str) -> Result<DeviceRequest, String> {
    let mut request = DeviceRequest {
        capabilities: Some(vec![vec!["gpu".into()]]),
        ..DeviceRequest::default()
    };
    let plain = value.trim_matches('"');
    match (plain.strip_prefix("device="), plain) {
        (Some(ids), _) => request.device_ids = Some(ids.split(',').map(str::to_owned).collect()),
        (None, "all") => request.count = Some(-1),
        (None, count) => {
            let count = count
                .parse()
                .map_err(|_| bad(key, value, "all, a number or device=ids"))?;
            request.count = Some(count);
        }
    }
    Ok(request)
}

/// `/dev/sda:500`.
pub(super) fn weight(key: &str, value: &str) -> Result<ResourcesBlkioWeightDevice, String> {
    let error = || bad(key, value, "/device:weight");
    let (path, weight) = value.rsplit_once(':').ok_or_else(error)?;
    Ok(ResourcesBlkioWeightDevice {
        path: Some(path.into()),
        weight: Some(weight.parse().map_err(|_| error())?),
    })
}

/// `/dev/sda:1mb`; the rate is read by `rate`.
pub(super) fn throttle(
    key: &str,
    value: &str,
    rate: fn(&str, &str) -> Result<i64, String>,
) -> Result<ThrottleDevice, String> {
    let (path, limit) = value
        .rsplit_once(':')
        .ok_or_else(|| bad(key, value, "/device:rate"))?;
    Ok(ThrottleDevice {
        path: Some(path.into()),
        rate: Some(rate(key, limit)?),
    })
}
