//! With a control group: limits, statistics, nothing escapes.

use std::path::Path;
use std::time::Duration;

use mesolith_process::{Status, launch};
use tempfile::tempdir;

use crate::{eventually, grouped, pid_in, runs, text};

fn group_file(spec: &mesolith_process::Spec, controller: &str, file: &str) -> std::path::PathBuf {
    let path = &spec.cgroup.as_ref().unwrap().path;
    Path::new("/sys/fs/cgroup")
        .join(controller)
        .join(path.trim_start_matches('/'))
        .join(file)
}

#[tokio::test]
async fn the_process_is_inside_with_its_limits_and_the_group_goes_with_it() {
    let dir = tempdir().unwrap();
    let spec = grouped(
        dir.path(),
        "cat /proc/self/cgroup; touch up; exec sleep 1000",
        Some(64 << 20),
    );
    let process = launch(&spec).await.unwrap();
    eventually("it is up", || dir.path().join("up").exists()).await;
    let path = &spec.cgroup.as_ref().unwrap().path;
    let inside = text(&dir.path().join("stdout"));
    for controller in ["cpu", "memory", "freezer"] {
        assert!(
            inside.contains(&format!(":{controller}:{path}\n")),
            "{controller} missing in {inside}"
        );
    }
    assert!(
        !inside.contains(&format!(":devices:{path}")),
        "only what we use: {inside}"
    );
    let file = |controller, name| text(&group_file(&spec, controller, name)).trim().to_owned();
    assert_eq!(file("cpu", "cpu.shares"), "512");
    assert_eq!(file("cpu", "cpu.cfs_quota_us"), "50000");
    assert_eq!(file("memory", "memory.limit_in_bytes"), (64 << 20).to_string());
    let stats = process.stats();
    assert_eq!(stats.memory_limit_bytes, Some(64 << 20));
    assert!(stats.memory_bytes > 0 && stats.cpu_seconds > 0.0, "{stats:?}");
    assert_eq!(stats.processes, 1);
    process.stop(Duration::from_secs(5)).await.unwrap();
    eventually("the group is removed", || {
        !group_file(&spec, "memory", "").exists()
    })
    .await;
    assert_eq!(process.stats(), mesolith_process::Stats::default());
}

#[tokio::test]
async fn grandchildren_that_left_the_session_are_killed() {
    let dir = tempdir().unwrap();
    let script = "trap '' TERM; setsid sh -c 'setsid sleep 1000 & echo $! > deep; wait' & sleep 1000";
    let process = launch(&grouped(dir.path(), script, None)).await.unwrap();
    let deep = pid_in(&dir.path().join("deep")).await;
    process.stop(Duration::from_millis(200)).await.unwrap();
    eventually("the grandchild is gone", || !runs(deep)).await;
}

#[tokio::test]
async fn memory_over_the_limit_is_seen_as_such() {
    let dir = tempdir().unwrap();
    let script = "x=0123456789; while :; do x=$x$x; done";
    let process = launch(&grouped(dir.path(), script, Some(16 << 20)))
        .await
        .unwrap();
    let exit = process.wait().await.unwrap();
    assert_eq!(exit.status, Status::Signal(9));
    assert!(exit.oom_killed && process.oom_killed());
    // The next launch in the same group does not inherit the OOM kill.
    let again = launch(&grouped(dir.path(), "exit 0", Some(16 << 20)))
        .await
        .unwrap();
    assert!(!again.wait().await.unwrap().oom_killed);
}

#[tokio::test]
async fn a_program_beside_it_runs_inside_its_group_and_ends_with_its_caller() {
    let dir = tempdir().unwrap();
    let spec = grouped(dir.path(), "touch up; exec sleep 1000", None);
    let process = launch(&spec).await.unwrap();
    eventually("it is up", || dir.path().join("up").exists()).await;
    let beside = |script: &str| mesolith_process::Spec {
        argv: ["sh", "-c", script].map(String::from).to_vec(),
        ..spec.clone()
    };
    let look = mesolith_process::run_inside(&beside("cat /proc/self/cgroup > group; exit 3")).await;
    assert_eq!(look.unwrap().code(), Some(3));
    let group = text(&dir.path().join("group"));
    let path = &spec.cgroup.as_ref().unwrap().path;
    assert!(group.contains(&format!(":memory:{path}\n")), "{group}");

    let hanging = beside("sleep 1000 & echo $! > deep; wait");
    let written = dir.path().join("deep");
    let late = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::select! {
            ended = mesolith_process::run_inside(&hanging) => panic!("{ended:?}"),
            deep = pid_in(&written) => deep,
        }
    });
    let deep = late.await.unwrap();
    eventually("its child is killed with it", || !runs(deep)).await;
    assert!(process.is_alive());

    let missing = mesolith_process::Spec {
        argv: vec!["no-such-program".into()],
        ..spec.clone()
    };
    let error = mesolith_process::run_inside(&missing).await.unwrap_err();
    assert_eq!(error.reason(), "ProgramNotFound");
    process.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn an_orphaned_group_is_found_and_destroyed_although_its_records_are_gone() {
    let dir = tempdir().unwrap();
    let spec = grouped(dir.path(), "setsid sleep 1000 & echo $! > deep; wait", None);
    let process = launch(&spec).await.unwrap();
    let deep = pid_in(&dir.path().join("deep")).await;
    std::fs::remove_dir_all(&spec.dir).unwrap();
    let path = spec.cgroup.clone().unwrap().path;
    let (above, name) = path.rsplit_once('/').unwrap();
    assert!(mesolith_process::groups_below(above).contains(name));

    mesolith_process::destroy_group(&path).await.unwrap();

    assert!(!runs(process.pid()) && !runs(deep));
    assert!(!mesolith_process::groups_below(above).contains(name));
    mesolith_process::destroy_group(&path).await.unwrap();
}
