//! The starter is killed with SIGKILL; the next one adopts what it launched.

use std::process::{Command, Stdio};
use std::time::Duration;

use mesolith_process::{Adopted, Identity, Spec, Status, adopt, launch};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::tempdir;

use crate::{eventually, grouped, runs, shell};

/// Launches from another process (this test program, started again) and kills that process with SIGKILL.
async fn launch_and_lose_the_starter(spec: &Spec) {
    let file = spec.cwd.join("to-launch.json");
    std::fs::write(&file, serde_json::to_string(spec).unwrap()).unwrap();
    let mut starter = Command::new(std::env::current_exe().unwrap())
        .args(["recovery::starter", "--exact", "--nocapture", "--ignored"])
        .env("LAUNCH", &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it is launched", || spec.cwd.join("launched").exists()).await;
    starter.kill().unwrap();
    starter.wait().unwrap();
}

#[tokio::test]
#[ignore = "started by the other tests of this module"]
async fn starter() {
    let Ok(file) = std::env::var("LAUNCH") else { return };
    let spec: Spec = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    shell(&spec.cwd, "");
    launch(&spec).await.unwrap();
    std::fs::write(spec.cwd.join("launched"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_running_process_is_adopted_and_its_exit_status_is_not_lost() {
    let dir = tempdir().unwrap();
    let spec = grouped(
        dir.path(),
        "while [ ! -e end ]; do sleep 0.05; done; exit 5",
        None,
    );
    launch_and_lose_the_starter(&spec).await;
    let Adopted::Running(process) = adopt(&spec.dir).await.unwrap() else {
        unreachable!("it runs")
    };
    assert!(process.is_alive() && process.stats().processes >= 1);
    assert_eq!(process.wait_for(Duration::from_millis(1)).await.unwrap(), None);
    std::fs::write(dir.path().join("end"), "").unwrap();
    assert_eq!(process.wait().await.unwrap().status, Status::Code(5));
    let Adopted::Exited(exit) = adopt(&spec.dir).await.unwrap() else {
        unreachable!("it ended")
    };
    assert_eq!(exit.status, Status::Code(5));
}

#[tokio::test]
async fn an_adopted_process_can_be_stopped() {
    let dir = tempdir().unwrap();
    let spec = shell(dir.path(), "sleep 1000 & sleep 1000");
    launch_and_lose_the_starter(&spec).await;
    let Adopted::Running(process) = adopt(&spec.dir).await.unwrap() else {
        unreachable!("it runs")
    };
    assert_eq!(
        process.stop(Duration::from_secs(10)).await.unwrap().status,
        Status::Signal(15)
    );
    process.forget().unwrap();
    assert!(matches!(adopt(&spec.dir).await.unwrap(), Adopted::Unknown));
}

#[tokio::test]
async fn a_reused_pid_is_not_taken_for_ours() {
    let dir = tempdir().unwrap();
    let spec = shell(dir.path(), "exit 0");
    launch(&spec).await.unwrap().wait().await.unwrap();
    // As after a reboot: no exit status, and the pid belongs to somebody else now.
    std::fs::remove_file(spec.dir.join("exit.json")).unwrap();
    let file = spec.dir.join("running.json");
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    record["process"]["pid"] = std::process::id().into();
    std::fs::write(&file, record.to_string()).unwrap();
    let Adopted::Exited(exit) = adopt(&spec.dir).await.unwrap() else {
        unreachable!("it is not ours")
    };
    assert_eq!(exit.status, Status::Lost);

    let me = Identity::of(std::process::id()).unwrap();
    record["process"] = serde_json::to_value(Identity {
        boot_id: "another boot".into(),
        ..me
    })
    .unwrap();
    std::fs::write(&file, record.to_string()).unwrap();
    assert!(matches!(adopt(&spec.dir).await.unwrap(), Adopted::Exited(_)));
}

#[tokio::test]
async fn without_its_shim_a_process_is_still_ours_but_its_end_is_unseen() {
    let dir = tempdir().unwrap();
    let spec = grouped(dir.path(), "exec sleep 1000", None);
    let process = launch(&spec).await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    let parent: i32 = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert_ne!(parent, 1);
    kill(Pid::from_raw(parent), Signal::SIGKILL).unwrap();
    eventually("the shim is gone", || !runs(parent.unsigned_abs())).await;
    let Adopted::Running(process) = adopt(&spec.dir).await.unwrap() else {
        unreachable!("it runs")
    };
    assert!(launch(&spec).await.is_err(), "never a second one");
    assert_eq!(
        process.stop(Duration::from_secs(5)).await.unwrap().status,
        Status::Lost
    );
}

/// A node agent launches a Mesos agent, which launches a task; then the Mesos agent dies.
#[tokio::test]
async fn what_a_launched_program_launched_itself_outlives_it() {
    let (outer_dir, inner_dir) = (tempdir().unwrap(), tempdir().unwrap());
    let inner = grouped(inner_dir.path(), "exec sleep 100", None);
    let file = inner_dir.path().join("to-launch.json");
    std::fs::write(&file, serde_json::to_string(&inner).unwrap()).unwrap();
    let mut outer = grouped(outer_dir.path(), "", None);
    let program = std::env::current_exe().unwrap().display().to_string();
    outer.argv = [
        &*program,
        "recovery::starter",
        "--exact",
        "--nocapture",
        "--ignored",
    ]
    .map(String::from)
    .to_vec();
    outer.env.insert("LAUNCH".to_owned(), file.display().to_string());
    let outer = launch(&outer).await.unwrap();
    eventually("the inner one is launched", || {
        inner_dir.path().join("launched").exists()
    })
    .await;

    outer.signal(Signal::SIGKILL).unwrap();
    assert_eq!(outer.wait().await.unwrap().status, Status::Signal(9));
    let Adopted::Running(inner) = adopt(&inner.dir).await.unwrap() else {
        unreachable!("it lives on")
    };
    inner.signal(Signal::SIGTERM).unwrap();
    assert_eq!(inner.wait().await.unwrap().status, Status::Signal(15));
}
