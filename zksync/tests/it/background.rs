//! `start` in the background: a real process in a session of its own, found and stopped by the other verbs.
//!
//! The process is this test program again, running the ignored test [`engine_process`].

use std::path::Path;
use std::time::Duration;

use mesolith_telemetry::Shutdown;
use mesolith_zksync::cli::{self, Launch};
use mesolith_zksync::status::State;

use crate::scripted::Scripted;
use crate::verbs::{Said, context, nothing_to_launch, parse, until, verb, verb_until};

const DIR: &str = "MESOLITH_TEST_ENGINE_DIR";
const SCRIPT: &str = "MESOLITH_TEST_ENGINE_SCRIPT";
const ENDS: [&str; 2] = ["--source=a1:2181,a2:2181", "--target=b1:2181"];

fn script(name: &str) -> Scripted {
    let before = match name {
        "failed" => vec![State::Connecting, State::Failed],
        _ => vec![State::Connecting, State::Seeding],
    };
    Scripted {
        before,
        fails: match name {
            "refused" => Some("at once"),
            "broken" => Some("the tree needs 9 GB of memory and 4 GB are free"),
            _ => None,
        },
        stuck: matches!(name, "stuck" | "failed"),
        different: 0,
    }
}

/// Not a test: what the others start.
#[test]
#[ignore = "the other tests of this file run it as a process"]
fn engine_process() {
    let (Ok(dir), Ok(name)) = (std::env::var(DIR), std::env::var(SCRIPT)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let code = runtime.block_on(async {
        let shutdown = Shutdown::on_signals().unwrap();
        let dir = format!("--state-dir={dir}");
        let line = [&["start", "--foreground", "--detached", &dir][..], &ENDS].concat();
        let (context, captured) = context(&shutdown, nothing_to_launch());
        // A failed test must not leave it behind.
        let limit = Duration::from_secs(120);
        let ended = tokio::time::timeout(limit, cli::run(parse(&line), context, script(&name))).await;
        eprintln!("{}", captured.notes.text());
        ended.unwrap_or(1)
    });
    std::process::exit(code.into());
}

/// This program as an engine with a script.
fn launch(dir: &Path, script: &str) -> Launch {
    let program = std::env::current_exe().unwrap();
    let arguments = [
        format!("{DIR}={}", dir.display()),
        format!("{SCRIPT}={script}"),
        program.display().to_string(),
        "--ignored".into(),
        "--exact".into(),
        "--nocapture".into(),
        "background::engine_process".into(),
        // What start adds is for the real program.
        "--".into(),
    ];
    Launch {
        program: "/usr/bin/env".into(),
        arguments: arguments.map(Into::into).to_vec(),
    }
}

async fn start(dir: &Path, script: &str, more: &[&str]) -> Said {
    let line = [&["start"][..], &ENDS, more].concat();
    verb_until(dir, &line, &Shutdown::default(), launch(dir, script)).await
}

async fn pid(dir: &Path) -> u32 {
    let json = verb(dir, &["status", "-ojson"]).await.json();
    u32::try_from(json["pid"].as_u64().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn start_returns_in_sync_and_stop_when_the_process_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let said = start(dir.path(), "good", &[]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(
        lines[0],
        "source  a1:2181,a2:2181  2 servers, 3.9.3, leader zk1:2181, 200 znodes   capture: observer (exact)"
    );
    assert!(
        lines[1].starts_with("target  b1:2181  1 server, 3.9.3"),
        "{said:?}"
    );
    let pid = pid(dir.path()).await;
    assert_ne!(pid, std::process::id());
    let wanted =
        format!("in sync at zxid 0x2b; the engine runs as pid {pid}; mesos-migrate sync status --watch");
    assert_eq!(lines.last(), Some(&wanted.as_str()));
    // A session of its own: the sixth field of its stat is itself.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(3)
        .unwrap()
        .to_owned();
    assert_eq!(session, pid.to_string());

    let again = start(dir.path(), "good", &[]).await;
    assert_eq!(again.code, 1);
    assert!(
        again
            .notes
            .contains(&format!("an engine named 'default' runs already as pid {pid}")),
        "{again:?}"
    );
    let stopped = verb(dir.path(), &["stop"]).await;
    assert_eq!(stopped.out, format!("stopped; pid {pid} has ended\n"));
    assert!(!dir.path().join("default.sock").exists());
    assert_eq!(verb(dir.path(), &["status"]).await.code, 3);
    assert_eq!(
        start(dir.path(), "good", &["--no-wait", "-ojson"]).await.json()["name"],
        "default"
    );
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_is_an_error_in_its_own_words() {
    for (script, wanted) in [
        (
            "refused",
            "mesos-migrate: the engine has ended: A and B are the same ensemble; nothing was written\n",
        ),
        (
            "broken",
            "mesos-migrate: the engine has ended: the tree needs 9 GB of memory and 4 GB are free\n",
        ),
        (
            "failed",
            "mesos-migrate: the engine has ended: B holds 7 znodes of its own; empty it or choose other --paths\n",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let said = start(dir.path(), script, &[]).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.notes.ends_with(wanted), "{script}: {said:?}");
        assert_eq!(
            verb(dir.path(), &["status"]).await.code,
            3,
            "nothing is left running"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_goes_on_when_the_wait_ends() {
    let dir = tempfile::tempdir().unwrap();
    let said = start(dir.path(), "stuck", &["--timeout=500ms"]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.notes.contains("not in sync after 500ms (state seeding   ["),
        "{said:?}"
    );
    assert!(
        said.out
            .contains("] 25 %  50 / 200 znodes   1 B   100/s   2 s left"),
        "{said:?}"
    );
    until(dir.path(), State::Seeding).await;
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0);

    let shutdown = Shutdown::default();
    let line = [&["start"][..], &ENDS].concat();
    let interrupt = async {
        until(dir.path(), State::Seeding).await;
        shutdown.trigger();
    };
    let started = verb_until(dir.path(), &line, &shutdown, launch(dir.path(), "stuck"));
    let (said, ()) = tokio::join!(started, interrupt);
    assert_eq!(said.code, 130, "{said:?}");
    let pid = pid(dir.path()).await;
    assert!(
        said.notes
            .contains(&format!("no longer waiting; the engine goes on as pid {pid}")),
        "{said:?}"
    );
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_leaves_behind_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "good", &["--no-wait"]).await.code, 0);
    let pid = i32::try_from(pid(dir.path()).await).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    for _ in 0..600 {
        if verb(dir.path(), &["status"]).await.code == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        dir.path().join("default.sock").exists(),
        "it had no time to remove it"
    );
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0, "none runs");
    let said = start(dir.path(), "good", &[]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_started_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let line = [&["start"][..], &ENDS].concat();
    let said = verb(dir.path(), &line).await;
    assert_eq!(said.code, 1);
    assert!(
        said.notes
            .contains("cannot start /nowhere/mesolith in the background: No such file"),
        "{said:?}"
    );
}
