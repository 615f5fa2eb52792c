//! The verbs, as a person types them, against a scripted engine behind the real socket.

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use mesolith_telemetry::Shutdown;
use mesolith_zksync::cli::{self, Captured, Command, Console, Context, Launch};
use mesolith_zksync::run::{Serving, run};
use mesolith_zksync::status::State;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::scripted::Scripted;

#[derive(Parser)]
struct Sync {
    #[command(subcommand)]
    command: Command,
}

/// What a verb did.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) notes: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub(crate) fn parse(line: &[&str]) -> Command {
    Sync::parse_from(std::iter::once(&"sync").chain(line)).command
}

pub(crate) fn context(shutdown: &Shutdown, launch: Launch) -> (Context, Captured) {
    let (console, captured) = Console::captured();
    let context = Context {
        console,
        shutdown: shutdown.clone(),
        launch,
    };
    (context, captured)
}

pub(crate) fn nothing_to_launch() -> Launch {
    Launch {
        program: "/nowhere/mesolith".into(),
        arguments: Vec::new(),
    }
}

/// Runs a verb for the engine of a directory.
pub(crate) async fn verb(dir: &Path, line: &[&str]) -> Said {
    verb_until(dir, line, &Shutdown::default(), nothing_to_launch()).await
}

pub(crate) async fn verb_until(dir: &Path, line: &[&str], shutdown: &Shutdown, launch: Launch) -> Said {
    let dir = format!("--state-dir={}", dir.display());
    let line: Vec<&str> = line.iter().copied().chain([dir.as_str()]).collect();
    let (context, captured) = context(shutdown, launch);
    let engine = Scripted {
        different: 1,
        ..Scripted::default()
    };
    let limit = Duration::from_secs(60);
    let code = tokio::time::timeout(limit, cli::run(parse(&line), context, engine)).await;
    Said {
        code: code.unwrap_or_else(|_| panic!("{line:?} took more than {limit:?}")),
        out: captured.out.text(),
        notes: captured.notes.text(),
    }
}

/// An engine in this process.
pub(crate) struct Running {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) shutdown: Shutdown,
    pub(crate) ended: JoinHandle<Result<(), mesolith_zksync::run::Error>>,
}

pub(crate) async fn engine(script: Scripted, serving: Serving) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::default();
    let options = mesolith_zksync::options::Options {
        overwrite: false,
        name: "default".into(),
        source: endpoint("a1:2181,a2:2181"),
        target: endpoint("b1:2181"),
        state_dir: dir.path().to_owned(),
        seed_dirs: Vec::new(),
        session_grace: Duration::from_secs(900),
        lease_timeout: Duration::from_secs(6),
        settings: mesolith_zksync::settings::Settings::default(),
    };
    let ended = tokio::spawn(run(options, serving, shutdown.clone(), script));
    let running = Running { dir, shutdown, ended };
    for _ in 0..600 {
        if running.dir.path().join("default.sock").exists() || running.ended.is_finished() {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no socket after 6 s");
}

fn endpoint(servers: &str) -> mesolith_zksync::options::EndpointOptions {
    mesolith_zksync::options::EndpointOptions {
        servers: mesolith_zksync::options::parse_servers("--source", servers).unwrap(),
        security: Default::default(),
    }
}

/// Waits until `status` shows a state.
pub(crate) async fn until(dir: &Path, state: State) {
    for _ in 0..600 {
        let said = verb(dir, &["status", "-ojson"]).await;
        if said.code == 0 && said.json()["state"] == state.as_str() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {} after 6 s", state.as_str());
}

async fn in_sync(script: Scripted) -> Running {
    let running = engine(script, Serving::default()).await;
    until(running.dir.path(), State::InSync).await;
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_metrics_are_shown() {
    let running = in_sync(Scripted::default()).await;
    let dir = running.dir.path();
    let said = verb(dir, &["status"]).await;
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("state in-sync   lag p50 0.0 ms"), "{said:?}");
    assert!(
        said.out
            .contains("\nfrozen    /frozen; decide with: mesos-migrate sync resolve"),
        "{said:?}"
    );
    let json = verb(dir, &["status", "--output=json"]).await.json();
    assert_eq!(json["lag_ms"]["p95"], 0.0);
    assert_eq!(json["pid"], std::process::id());
    let said = verb(dir, &["metrics"]).await;
    assert!(said.out.lines().any(|line| line.contains("lag_ms")), "{said:?}");
    assert!(said.out.contains("\nzk_sync_znodes_synced_total 0\n"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_changed_under_the_next_generation() {
    let running = in_sync(Scripted::default()).await;
    let dir = running.dir.path();
    assert_eq!(verb(dir, &["pause"]).await.out, "paused (generation 2)\n");
    until(dir, State::Paused).await;
    assert_eq!(
        verb(dir, &["pause"]).await.out,
        "paused (generation 2)\n",
        "again changes nothing"
    );
    assert_eq!(verb(dir, &["resume"]).await.out, "running (generation 3)\n");
    assert_eq!(
        verb(dir, &["scale", "--workers=4"]).await.out,
        "4 workers (generation 4)\n"
    );
    let changed = verb(dir, &["config", "--batch-size=500", "-ojson"]).await.json();
    assert_eq!(
        (&changed["batch_size"], &changed["generation"]),
        (&500.into(), &5.into())
    );
    assert_eq!(
        verb(dir, &["switch", "/", "--to=b-to-a"]).await.out,
        "/ is b-to-a (generation 6)\n"
    );
    let shown = verb(dir, &["config"]).await.out;
    for line in [
        "generation           6",
        "paths                /=b-to-a",
        "workers              4",
    ] {
        assert!(shown.lines().any(|found| found == line), "{shown}");
    }
    let said = verb(dir, &["config", "--workers=0", "-ojson"]).await;
    assert_eq!(said.code, 2);
    assert_eq!(
        said.notes,
        "mesos-migrate: --workers: 0 is out of range: 1 to 64\n"
    );
    assert_eq!(said.json()["error"]["reason"], "InvalidSettings");
    let said = verb(dir, &["switch", "/mesos", "--to=both"]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.notes
            .contains("/mesos is none of the roots that are kept equal: /"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_comparison_says_what_it_found() {
    let equal = in_sync(Scripted::default()).await;
    let said = verb(equal.dir.path(), &["diff"]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "equal: 200 znodes compared at zxid 0x2b\n")
    );
    let different = in_sync(Scripted {
        different: 3,
        ..Scripted::default()
    })
    .await;
    let said = verb(different.dir.path(), &["diff", "--limit=2", "-ojson"]).await;
    assert_eq!(said.code, 1);
    assert_eq!(said.json()["differences"].as_array().map(Vec::len), Some(2));

    let empty = tempfile::tempdir().unwrap();
    let said = verb(empty.path(), &["diff"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.notes
            .starts_with("mesos-migrate: no engine named 'default' runs here"),
        "{said:?}"
    );
    let said = verb(empty.path(), &["diff", "--source=a:1", "--target=b:1"]).await;
    assert_eq!(said.code, 1, "compared without an engine: {said:?}");
    let said = verb(empty.path(), &["diff", "--source=gone:1", "--target=b:1"]).await;
    assert_eq!(
        (said.code, said.notes.as_str()),
        (2, "mesos-migrate: no server of A answers\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_shown_and_decided() {
    let running = in_sync(Scripted::default()).await;
    let dir = running.dir.path();
    let said = verb(dir, &["conflicts"]).await;
    assert_eq!(
        said.out,
        "2026-01-02T03:04:05Z  /x  A won  written on both sides\n\
         2026-01-02T03:04:05Z  /x  frozen  written on both sides\n"
    );
    assert_eq!(
        verb(dir, &["conflicts", "--limit=1", "-ojson"]).await.json()["winner"],
        "A"
    );
    let said = verb(dir, &["resolve", "/frozen", "--keep=b"]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "/frozen is as on B now, on both sides\n")
    );
    let said = verb(dir, &["resolve", "/frozen", "--keep=a", "-ojson"]).await;
    assert_eq!(said.code, 1);
    assert_eq!(said.json()["error"]["reason"], "NotFrozen");
    assert_eq!(verb(dir, &["barrier"]).await.out, "0x2b\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_verbs_say_so() {
    let dir = tempfile::tempdir().unwrap();
    for line in [
        &["status"][..],
        &["pause"],
        &["metrics"],
        &["scale", "--workers=1"],
    ] {
        let said = verb(dir.path(), line).await;
        assert_eq!(said.code, 3, "{line:?}");
        assert!(
            said.notes.contains("start one with: mesos-migrate sync start"),
            "{said:?}"
        );
    }
    assert_eq!(verb(dir.path(), &["stop"]).await.code, 0, "it is stopped already");
    let said = verb(dir.path(), &["status", "--endpoint=http://127.0.0.1:1"]).await;
    assert_eq!(said.code, 3);
    assert!(
        said.notes.contains("no engine answers at http://127.0.0.1:1: "),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_one_object_a_line_and_ends_with_the_engine() {
    let running = in_sync(Scripted::default()).await;
    let dir = running.dir.path().to_owned();
    let watching = tokio::spawn(async move { verb(&dir, &["status", "--watch", "-ojson"]).await });
    // The first line comes at once; ending the engine ends the watch.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    running.shutdown.trigger();
    running.ended.await.unwrap().unwrap();
    let said = watching.await.unwrap();
    assert_eq!(said.code, 0);
    assert_eq!(said.notes, "the engine has ended\n");
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert!((1..=3).contains(&lines.len()), "{said:?}");
    assert_eq!(lines[0]["state"], "in-sync");
}
