//! Launching, exit statuses, stopping.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use mesolith_process::{Adopted, Error, Limit, Spec, Status, adopt, launch};
use tempfile::tempdir;

use crate::{eventually, in_group, pid_in, runs, shell, text};

#[tokio::test]
async fn exit_code_output_and_environment() {
    let dir = tempdir().unwrap();
    let mut spec = shell(
        dir.path(),
        "echo out $WHO; echo err >&2; pwd; env | wc -l; ulimit -n; exit 7",
    );
    spec.env.insert("WHO".into(), "mesos".into());
    spec.limits = vec![Limit {
        resource: "RLMT_NOFILE".into(),
        soft: Some(77),
        hard: Some(77),
    }];
    let exit = launch(&spec).await.unwrap().wait().await.unwrap();
    assert_eq!(exit.status, Status::Code(7));
    assert!(!exit.oom_killed);
    let here = dir.path().display().to_string();
    let lines = text(&dir.path().join("stdout"));
    let lines: Vec<_> = lines.lines().collect();
    // PATH, WHO and the shell's own PWD, and nothing from the starter.
    assert_eq!(lines, ["out mesos", here.as_str(), "3", "77"]);
    assert_eq!(text(&dir.path().join("stderr")), "err\n");
}

#[tokio::test]
async fn a_signal_is_told_apart_from_a_code() {
    let dir = tempdir().unwrap();
    let exit = launch(&shell(dir.path(), "kill -KILL $$"))
        .await
        .unwrap()
        .wait()
        .await
        .unwrap();
    assert_eq!(exit.status, Status::Signal(9));
    assert_eq!(exit.shell_code(), 137);
    assert_eq!(exit.to_string(), "signal 9 (SIGKILL)");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let dir = tempdir().unwrap();
    let plain = shell(dir.path(), "");
    let run = |change: fn(&mut Spec)| {
        let mut spec = plain.clone();
        change(&mut spec);
        async move { launch(&spec).await.unwrap_err() }
    };
    let missing = run(|s| s.argv = vec!["no-such-program".into()]).await;
    assert!(
        matches!(&missing, Error::ProgramNotFound { program } if program == "no-such-program"),
        "{missing}"
    );
    let cwd = run(|s| s.cwd = "/no/such/dir".into()).await;
    assert!(
        cwd.to_string()
            .contains("enter the working directory /no/such/dir"),
        "{cwd}"
    );
    let user = run(|s| s.user = Some("nobody-here".into())).await;
    assert_eq!(
        user.to_string(),
        "failed to become user nobody-here: no such user"
    );
    std::fs::write(dir.path().join("no-program"), "").unwrap();
    let denied = run(|s| s.argv = vec!["./no-program".into()]).await;
    assert!(
        denied
            .to_string()
            .starts_with("failed to execute ./no-program: Permission denied"),
        "{denied}"
    );
    // None of these failed launches left anything to adopt.
    assert!(matches!(adopt(&plain.dir).await.unwrap(), Adopted::Unknown));
}

#[tokio::test]
async fn runs_as_another_user() {
    let dir = tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let spec = Spec {
        user: Some("nobody".into()),
        ..shell(dir.path(), "touch mine; id -un; id -G")
    };
    assert!(launch(&spec).await.unwrap().wait().await.unwrap().success());
    assert_eq!(text(&dir.path().join("stdout")), "nobody\n65534\n");
    assert_eq!(std::fs::metadata(dir.path().join("mine")).unwrap().uid(), 65534);
}

#[tokio::test]
async fn stop_asks_first_and_then_forces() {
    let dir = tempdir().unwrap();
    let polite = launch(&shell(
        dir.path(),
        "trap 'exit 3' TERM; touch up; while :; do sleep 0.05; done",
    ))
    .await;
    let polite = polite.unwrap();
    eventually("the trap is set", || dir.path().join("up").exists()).await;
    assert_eq!(
        polite.stop(Duration::from_secs(20)).await.unwrap().status,
        Status::Code(3)
    );

    let dir = tempdir().unwrap();
    let stubborn = launch(&shell(
        dir.path(),
        "trap '' TERM; touch up; while :; do sleep 0.05; done",
    ))
    .await;
    let stubborn = stubborn.unwrap();
    eventually("the trap is set", || dir.path().join("up").exists()).await;
    let exit = stubborn.stop(Duration::from_millis(100)).await.unwrap();
    assert_eq!(exit.status, Status::Signal(9));
    assert!(!stubborn.is_alive());
    // Stopping a process that has ended is fine and returns the same exit.
    assert_eq!(stubborn.stop(Duration::ZERO).await.unwrap(), exit);
}

/// A shell that ends at once on SIGTERM, and a child of it that ends later or never.
fn shell_with_child(dir: &std::path::Path, child: &str) -> Spec {
    std::fs::write(dir.join("child"), child).unwrap();
    // Without the second command the shell would become the child.
    shell(dir, "sh ./child & echo $! > pid; wait; true")
}

const TAKES_A_WHILE: &str = "trap 'sleep 1; touch done; exit' TERM; touch up; while :; do sleep 0.05; done";
const FOREVER: &str = "trap 'echo asked >> asked' TERM; touch up; while :; do sleep 0.05; done";

#[tokio::test]
async fn the_grace_is_for_the_whole_group() {
    let dir = tempdir().unwrap();
    for spec in [
        shell_with_child(dir.path(), TAKES_A_WHILE),
        in_group(dir.path(), shell_with_child(dir.path(), TAKES_A_WHILE)),
    ] {
        let process = launch(&spec).await.unwrap();
        eventually("the trap is set", || dir.path().join("up").exists()).await;
        let exit = process.stop(Duration::from_secs(60)).await.unwrap();
        assert_eq!(exit.status, Status::Signal(15));
        assert!(dir.path().join("done").exists(), "the child was killed");
        assert!(!runs(pid_in(&dir.path().join("pid")).await));
        for name in ["up", "done", "pid"] {
            std::fs::remove_file(dir.path().join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_left_of_the_group_is_killed_at_the_end_of_the_grace_although_nobody_waits() {
    let dir = tempdir().unwrap();
    let spec = shell_with_child(dir.path(), FOREVER);
    let process = launch(&spec).await.unwrap();
    eventually("the trap is set", || dir.path().join("up").exists()).await;
    let child = pid_in(&dir.path().join("pid")).await;
    let stop = tokio::spawn({
        let process = process.clone();
        async move { process.stop(Duration::from_secs(2)).await }
    });
    eventually("the first process is gone", || !process.is_alive()).await;
    stop.abort();
    assert!(runs(child));
    // A later agent finds the stop under way.
    let Adopted::Running(found) = adopt(&spec.dir).await.unwrap() else {
        panic!("an end before the end")
    };
    assert_eq!(found.wait().await.unwrap().status, Status::Signal(15));
    assert!(!runs(child));
}

#[tokio::test]
async fn a_later_stop_shortens_and_never_lengthens() {
    let dir = tempdir().unwrap();
    let process = launch(&shell_with_child(dir.path(), FOREVER)).await.unwrap();
    eventually("the trap is set", || dir.path().join("up").exists()).await;
    let stop = |grace| {
        let process = process.clone();
        tokio::spawn(async move { process.stop(grace).await })
    };
    let _long = stop(Duration::from_secs(6000));
    eventually("it was asked", || dir.path().join("asked").exists()).await;
    let short = stop(Duration::from_millis(500));
    let again = stop(Duration::from_secs(6000));
    for stopped in [short, again] {
        let ended = tokio::time::timeout(Duration::from_secs(60), stopped).await;
        ended.expect("it is stopped in a minute").unwrap().unwrap();
    }
    assert!(!runs(pid_in(&dir.path().join("pid")).await));
    assert_eq!(text(&dir.path().join("asked")), "asked\n", "asked more than once");
}

#[tokio::test]
async fn one_process_at_a_time_in_a_runtime_directory() {
    let dir = tempdir().unwrap();
    let spec = shell(dir.path(), "exec sleep 1000");
    let first = launch(&spec).await.unwrap();
    assert!(matches!(launch(&spec).await, Err(Error::AlreadyRunning { .. })));
    first.kill().await.unwrap();
    let second = launch(&spec).await.unwrap();
    assert_ne!(first.identity(), second.identity());
    second.kill().await.unwrap();
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it_without_a_control_group_too() {
    let dir = tempdir().unwrap();
    let script =
        "sleep 1000 & echo $! > a; setsid sh -c 'sleep 1000 & echo $! > b; wait' & sleep 0.2; exit 0";
    let process = launch(&shell(dir.path(), script)).await.unwrap();
    let (a, b) = (
        pid_in(&dir.path().join("a")).await,
        pid_in(&dir.path().join("b")).await,
    );
    assert!(process.wait().await.unwrap().success());
    eventually("leftovers are gone", || !runs(a) && !runs(b)).await;
}
