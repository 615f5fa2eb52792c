//! The option `--mount type=bind,source=/a,target=/b,readonly`.

use bollard::models::{
    Mount, MountBindOptions, MountBindOptionsPropagationEnum as Propagation, MountTmpfsOptions, MountType,
};

use super::values::{bad, bytes, flag, pair};

pub(super) fn parse(key: &str, value: &str) -> Result<Mount, String> {
    let mut mount = Mount {
        typ: Some(MountType::VOLUME),
        ..Mount::default()
    };
    for field in value.split(',') {
        let (name, content) = field.split_once('=').unwrap_or((field, ""));
        let unknown = || bad(key, value, &format!("understood: {field}"));
        match name {
            "type" => mount.typ = Some(kind(content).ok_or_else(unknown)?),
            "source" | "src" => mount.source = Some(content.to_owned()),
            "target" | "destination" | "dst" => mount.target = Some(content.to_owned()),
            "readonly" | "ro" => mount.read_only = Some(flag(key, content)?),
            "consistency" => mount.consistency = Some(content.to_owned()),
            "bind-propagation" => {
                let propagation = Some(propagation(content).ok_or_else(unknown)?);
                mount.bind_options = Some(MountBindOptions {
                    propagation,
                    ..mount.bind_options.take().unwrap_or_default()
                });
            }
            "bind-nonrecursive" => {
                mount.bind_options.get_or_insert_default().non_recursive = Some(flag(key, content)?)
            }
            "volume-nocopy" => {
                mount.volume_options.get_or_insert_default().no_copy = Some(flag(key, content)?)
            }
            "volume-subpath" => {
                mount.volume_options.get_or_insert_default().subpath = Some(content.to_owned())
            }
            "volume-driver" => {
                let driver = mount
                    .volume_options
                    .get_or_insert_default()
                    .driver_config
                    .get_or_insert_default();
                driver.name = Some(content.to_owned());
            }
            "volume-opt" => {
                let (option, content) = pair(key, content)?;
                let driver = mount
                    .volume_options
                    .get_or_insert_default()
                    .driver_config
                    .get_or_insert_default();
                driver.options.get_or_insert_default().insert(option, content);
            }
            "volume-label" => {
                let (label, content) = content.split_once('=').unwrap_or((content, ""));
                let labels = &mut mount.volume_options.get_or_insert_default().labels;
                labels
                    .get_or_insert_default()
                    .insert(label.into(), content.into());
            }
            "tmpfs-size" => tmpfs(&mut mount).size_bytes = Some(bytes(key, content)?),
            "tmpfs-mode" => {
                let mode = i64::from_str_radix(content, 8).map_err(|_| unknown())?;
                tmpfs(&mut mount).mode = Some(mode);
            }
            _ => return Err(unknown()),
        }
    }
    if mount.target.is_none() {
        return Err(bad(key, value, "complete: it has no target"));
    }
    Ok(mount)
}

fn tmpfs(mount: &mut Mount) -> &mut MountTmpfsOptions {
    mount.tmpfs_options.get_or_insert_default()
}

fn kind(name: &str) -> Option<MountType> {
    Some(match name {
        "bind" => MountType::BIND,
        "volume" => MountType::VOLUME,
        "tmpfs" => MountType::TMPFS,
        _ => return None,
    })
}

fn propagation(name: &str) -> Option<Propagation> {
    Some(match name {
        "private" => Propagation::PRIVATE,
        "rprivate" => Propagation::RPRIVATE,
        "shared" => Propagation::SHARED,
        "rshared" => Propagation::RSHARED,
        "slave" => Propagation::SLAVE,
        "rslave" => Propagation::RSLAVE,
        _ => return None,
    })
}
