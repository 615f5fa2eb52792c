//! Real processes, real control groups (run as root).

#![allow(clippy::unwrap_used, clippy::panic)]

mod cgroups;
mod launching;
mod recovery;

use std::path::Path;
use std::time::{Duration, Instant};

use mesolith_process::{CgroupSpec, Spec};

/// A shell script as a process with its runtime directory below `dir`.
fn shell(dir: &Path, script: &str) -> Spec {
    mesolith_process::use_shim_program(env!("CARGO_BIN_EXE_mesolith-shim"));
    Spec {
        id: "test".into(),
        argv: ["sh", "-c", script].map(String::from).to_vec(),
        env: [("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())].into(),
        cwd: dir.to_owned(),
        stdout: Some(dir.join("stdout")),
        stderr: Some(dir.join("stderr")),
        dir: dir.join("run"),
        ..Spec::default()
    }
}

/// The same in a control group of this test's own.
fn grouped(dir: &Path, script: &str, memory_bytes: Option<u64>) -> Spec {
    let mut spec = in_group(dir, shell(dir, script));
    if let Some(group) = &mut spec.cgroup {
        group.memory_bytes = memory_bytes;
    }
    spec
}

/// The same in a control group named after its directory.
fn in_group(dir: &Path, spec: Spec) -> Spec {
    let name = dir.file_name().unwrap().to_string_lossy().replace('.', "");
    let group = CgroupSpec {
        path: format!("/mesolith-test/{name}"),
        memory_bytes: None,
        cpu_shares: Some(512),
        cpu_quota: Some(0.5),
    };
    Spec {
        cgroup: Some(group),
        ..spec
    }
}

/// Waits for a condition of the outside world; fails after 20 s.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A pid some script wrote into a file.
async fn pid_in(path: &Path) -> u32 {
    eventually("a pid is written", || text(path).trim().parse::<u32>().is_ok()).await;
    text(path).trim().parse().unwrap()
}

fn runs(pid: u32) -> bool {
    mesolith_process::Identity::of(pid).is_some()
}
