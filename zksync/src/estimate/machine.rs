//! Finds out how much memory this process may still take, from the machine and from its cgroups (v1 and v2).

use std::fs;
use std::path::{Path, PathBuf};

/// Memory that the process can still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// Bytes.
    pub bytes: u64,
    /// The limit that counts, in words.
    pub limit: &'static str,
}

/// Memory for this process. `None` where the system does not tell.
pub fn available() -> Option<Available> {
    available_below(Path::new("/"))
}

/// The same with another folder in place of `/`, for tests.
fn available_below(root: &Path) -> Option<Available> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let free = read(&root.join("proc/meminfo")).and_then(|text| meminfo(&text));
    let machine = free.map(|bytes| Available {
        bytes,
        limit: "free memory of the machine",
    });
    let groups = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = folders(&groups)
        .into_iter()
        .filter_map(|(version, folder)| left(version, &root.join(folder)));
    let cgroup = limits.min().map(|bytes| Available {
        bytes,
        limit: "memory limit of the cgroup",
    });
    machine.into_iter().chain(cgroup).min_by_key(|found| found.bytes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// Every cgroup folder whose limit counts: that of the process and those above it. In a container the path may be the
/// host's and not exist; the root of the mount always exists.
fn folders(groups: &str) -> Vec<(Version, PathBuf)> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (version, mount) = if controllers.is_empty() {
            (Version::V2, Path::new("sys/fs/cgroup"))
        } else if controllers.split(',').any(|name| name == "memory") {
            (Version::V1, Path::new("sys/fs/cgroup/memory"))
        } else {
            continue;
        };
        let below = Path::new(path.trim_start_matches('/'));
        found.extend(below.ancestors().map(|part| (version, mount.join(part))));
    }
    found
}

/// What a cgroup leaves. Cached pages that nobody uses count as free, since the kernel gives them back before the
/// limit.
fn left(version: Version, folder: &Path) -> Option<u64> {
    let (limit, usage, cache) = match version {
        Version::V1 => (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
        Version::V2 => ("memory.max", "memory.current", "inactive_file"),
    };
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        // "max" means no limit, and does not parse as a number.
        text.trim().parse().ok()
    };
    let limit = number(limit)?;
    let usage = number(usage).unwrap_or(0);
    let cache = fs::read_to_string(folder.join("memory.stat"))
        .ok()
        .and_then(|text| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(cache)?.strip_prefix(' '))?;
            line.trim().parse().ok()
        });
    Some(limit.saturating_sub(usage.saturating_sub(cache.unwrap_or(0))))
}

fn meminfo(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Option<Available> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        available_below(root.path())
    }

    const FREE: (&str, &str) = ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4096 kB\n");

    #[test]
    fn the_least_of_machine_and_cgroups_counts() {
        let group = |text| ("proc/self/cgroup", text);
        for (files, bytes, limit) in [
            (vec![FREE], 4 << 20, "machine"),
            (
                vec![
                    FREE,
                    group("0::/a/b\n"),
                    ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("sys/fs/cgroup/a/memory.max", "3000000\n"),
                    ("sys/fs/cgroup/a/memory.current", "2000000\n"),
                    ("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 500000\n"),
                ],
                1_500_000,
                "cgroup",
            ),
            (
                vec![
                    FREE,
                    group("8:pids:/x\n4:cpu,memory:/x\n0::/\n"),
                    ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2000000"),
                    ("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1500000"),
                    (
                        "sys/fs/cgroup/memory/memory.limit_in_bytes",
                        "9223372036854771712",
                    ),
                ],
                500_000,
                "cgroup",
            ),
            // In a container the path is the host's.
            (
                vec![
                    FREE,
                    group("0::/kubepods/pod1\n"),
                    ("sys/fs/cgroup/memory.max", "1000\n"),
                ],
                1000,
                "cgroup",
            ),
        ] {
            let found = machine(&files).unwrap();
            assert_eq!(found.bytes, bytes, "{files:?}");
            assert!(found.limit.contains(limit), "{found:?}");
        }
        assert_eq!(machine(&[]), None);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(available().is_some_and(|found| found.bytes > 1 << 20));
    }
}
