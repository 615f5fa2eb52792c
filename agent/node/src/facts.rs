//! What this machine is and has.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mesolith_pki::CertificateFacts;
use mesolith_proto::node::v1::{Facts, Port, Program, UnusablePort};
use procfs::Current;
use tokio::sync::Mutex;

use crate::backup;
use crate::held;
use crate::node::Node;
use crate::precondition;
use crate::precondition::port::{self, Unusable};
use crate::problem::Problem;
use crate::reach;

/// The version of each `java` that was asked: asking a JVM takes a noticeable part of a second.
static JAVA: Mutex<Option<(PathBuf, String)>> = Mutex::const_new(None);

/// `ports` are those that somebody means to listen on, `reach` those that components here will connect to: address and
/// port.
pub(crate) async fn gather(node: &Node, ports: &[(String, u16)], reach: &[(String, u16)]) -> Facts {
    let root = node.layout.root();
    let reached = reach::all(reach).await;
    let (free, total) = precondition::space(root).unwrap_or_default();
    let uname = nix::sys::utsname::uname().ok();
    let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
    Facts {
        node_name: node.name.clone(),
        hostname: uname.as_ref().map(|u| text(u.nodename())).unwrap_or_default(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        memory_bytes: procfs::Meminfo::current().map_or(0, |memory| memory.mem_total),
        disk_free_bytes: free,
        disk_total_bytes: total,
        kernel: uname.as_ref().map(|u| text(u.release())).unwrap_or_default(),
        cgroup_version: mesolith_process::hierarchy_version().to_owned(),
        java: Some(java(node.tools.path.as_deref()).await),
        docker: Some(program(precondition::docker(&node.tools.docker_host).await)),
        zookeeper: Some(zookeeper(&node.tools.zookeeper_classpath)),
        certificate_not_after: node.machine.pki_dir.as_deref().map_or(0, certificate_not_after),
        boot_id: mesolith_process::boot_id(),
        unusable_ports: unusable(ports).await,
        held: held::all(node),
        backups: backup::all(&node.layout),
        reached,
        // Last, so that the asker can tell what of the difference is the way here.
        clock_unix_ms: jiff::Timestamp::now().as_millisecond(),
    }
}

/// The ports that cannot be listened on. Looks names up and reads `/proc`, so not on a thread that serves.
async fn unusable(ports: &[(String, u16)]) -> Vec<UnusablePort> {
    let ports = ports.to_vec();
    let look = move || {
        let look = |(address, port): (String, u16)| {
            let error = port::usable(&address, port).err()?;
            Some(UnusablePort {
                reason: error.reason().to_owned(),
                message: error.to_string(),
                holder: match error {
                    Unusable::InUse { holder, .. } => holder.unwrap_or_default(),
                    Unusable::AddressNotFound(_) | Unusable::AddressNotLocal(_) | Unusable::Other(..) => {
                        String::new()
                    }
                },
                port: Some(Port {
                    address,
                    port: port.into(),
                }),
            })
        };
        ports.into_iter().filter_map(look).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn program(found: Result<String, Problem>) -> Program {
    match found {
        Ok(version) => Program {
            present: true,
            version,
            problem: String::new(),
        },
        Err(problem) => Program {
            problem: problem.message,
            ..Program::default()
        },
    }
}

async fn java(path: Option<&str>) -> Program {
    let java = match precondition::java(path) {
        Ok(java) => java,
        Err(problem) => return program(Err(problem)),
    };
    let mut known = JAVA.lock().await;
    if let Some((_, version)) = known.as_ref().filter(|(known, _)| *known == java) {
        return program(Ok(version.clone()));
    }
    let run = tokio::process::Command::new(&java)
        .arg("-version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let found = match tokio::time::timeout(Duration::from_secs(20), run).await {
        // `openjdk version "17.0.15" 2025-04-15`
        Ok(Ok(output)) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            Ok(text.split('"').nth(1).unwrap_or("unknown").to_owned())
        }
        Ok(Ok(output)) => Err(format!("{} -version: {}", java.display(), output.status)),
        Ok(Err(error)) => Err(format!("{} -version: {error}", java.display())),
        Err(_) => Err(format!("{} -version: no answer within 20 s", java.display())),
    };
    if let Ok(version) = &found {
        *known = Some((java, version.clone()));
    }
    program(found.map_err(|message| Problem::new("JavaNotFound", message)))
}

/// The version is in the name of the file next to (or behind) the link `zookeeper.jar`.
fn zookeeper(classpath: &str) -> Program {
    let version = |jar: PathBuf| {
        let names = jar
            .parent()
            .and_then(|dir| std::fs::read_dir(dir).ok())
            .into_iter()
            .flatten()
            .flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut versions = names.filter_map(|name| {
            let version = name.strip_prefix("zookeeper-")?.strip_suffix(".jar")?;
            version
                .starts_with(|c: char| c.is_ascii_digit())
                .then(|| version.to_owned())
        });
        versions.next().unwrap_or_else(|| "unknown".into())
    };
    program(precondition::zookeeper(classpath).map(version))
}

fn certificate_not_after(pki_dir: &Path) -> i64 {
    let material = mesolith_pki::PkiDir::new(pki_dir).read().ok();
    let facts = material.and_then(|m| CertificateFacts::from_pem(&m.cert).ok());
    let since = facts.and_then(|f| f.not_after.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|s| i64::try_from(s.as_secs()).ok()).unwrap_or(0)
}
