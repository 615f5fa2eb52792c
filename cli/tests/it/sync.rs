//! `mesos-migrate sync` between two real ensembles: every verb, from start to stop.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use serde_json::Value;
use tempfile::TempDir;
use zookeeper_client::{Acls, Client, CreateMode, Error};

/// Time limit for anything that real servers do.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Program {
    dir: TempDir,
    environment: Vec<(String, String)>,
}

pub(crate) struct Said {
    pub(crate) code: i32,
    out: String,
    pub(crate) notes: String,
}

impl Program {
    /// The program under the name that a person types.
    pub(crate) fn new() -> Self {
        Self::with(Vec::new())
    }

    /// With more in its environment.
    pub(crate) fn with(environment: Vec<(String, String)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("mesos-migrate");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mesolith"), link).unwrap();
        Self { dir, environment }
    }

    fn state_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self, line: &[&str]) -> Said {
        let mut command = Command::new("timeout");
        let program = self.dir.path().join("mesos-migrate");
        command.arg("120").arg(program).arg("sync").args(line);
        let output: Output = command
            .env("MESOLITH_ZKSYNC_STATE_DIR", self.state_dir())
            .envs(self.environment.iter().cloned())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = Said {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            notes: text(&output.stderr),
        };
        println!(
            "$ mesos-migrate sync {}\n{}{}[{}]",
            line.join(" "),
            said.notes,
            said.out,
            said.code
        );
        said
    }

    pub(crate) fn good(&self, line: &[&str]) -> String {
        let said = self.run(line);
        assert_eq!(
            said.code,
            0,
            "{line:?}: {}{}\n{}",
            said.notes,
            said.out,
            self.log()
        );
        said.out
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.good(&["status", "--output=json"])).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.state_dir().join("default.log")).unwrap_or_default()
    }
}

impl Drop for Program {
    /// A failed test leaves no engine behind.
    fn drop(&mut self) {
        let _ = self.run(&["stop"]);
    }
}

pub(crate) fn setup(first_id: usize) -> Setup {
    Setup {
        jvm: vec!["-Xmx96m".into()],
        first_id,
        ..Setup::default()
    }
}

/// `host:port:quorum-port` of each server.
pub(crate) fn servers(ensemble: &Ensemble) -> String {
    let one = |id| {
        let quorum = ensemble.quorum(id);
        format!("{}:{}", ensemble.server(id), quorum.rsplit_once(':').unwrap().1)
    };
    (1..=ensemble.len()).map(one).collect::<Vec<_>>().join(",")
}

pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "not after {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn data(client: &Client, path: &str) -> Option<String> {
    match client.get_data(path).await {
        Ok((data, _)) => Some(String::from_utf8(data).unwrap()),
        Err(Error::NoNode) => None,
        Err(error) => panic!("{path}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_started_watched_changed_and_stopped() {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(1), |_| ()),
        Ensemble::start_with(2, setup(101), |_| ())
    );
    let (on_a, on_b) = (
        Client::connect(&a.connect_string()).await.unwrap(),
        Client::connect(&b.connect_string()).await.unwrap(),
    );
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/app", b"1", &open).await.unwrap();
    for n in 0..200 {
        on_a.create(&format!("/app/{n}"), b"x", &open).await.unwrap();
    }
    let program = Program::new();
    let ends = [
        format!("--source={}", servers(&a)),
        format!("--target={}", servers(&b)),
    ];
    let start = [
        "start",
        &ends[0],
        &ends[1],
        "--paths=/app",
        "--lag-threshold=100ms",
    ];

    let out = program.good(&start);
    let last = out.lines().last().unwrap_or_default();
    assert!(last.starts_with("in sync at zxid 0x"), "{out}");
    assert!(last.ends_with("; mesos-migrate sync status --watch"), "{out}");
    assert!(out.contains("source  127.0.0.1:"), "{out}");
    assert_eq!(data(&on_b, "/app/199").await.as_deref(), Some("x"));
    let pid = program.status()["pid"].as_u64().unwrap();
    let again = program.run(&start);
    assert_eq!(again.code, 1);
    assert!(
        again.notes.contains(&format!("runs already as pid {pid}")),
        "{}",
        again.notes
    );

    // What is written on A arrives, and is measured.
    on_a.set_data("/app", b"2", None).await.unwrap();
    until("/app on B", async || {
        data(&on_b, "/app").await.filter(|data| data == "2")
    })
    .await;
    assert!(program.good(&["status"]).starts_with("state in-sync   lag p50 "));
    let metrics = program.good(&["metrics"]);
    assert!(metrics.lines().any(|line| line.contains("lag_ms")), "{metrics}");
    assert!(
        metrics.contains("\nzk_sync_lag_milliseconds{cluster=\"A\",quantile=\"0.95\"} "),
        "{metrics}"
    );

    // While it is paused, nothing arrives.
    program.good(&["pause"]);
    until("paused", async || {
        (program.status()["state"] == "paused").then_some(())
    })
    .await;
    on_a.set_data("/app", b"3", None).await.unwrap();
    assert_eq!(
        program.run(&["diff", &ends[0], &ends[1], "--paths=/app"]).code,
        1,
        "B is behind"
    );
    assert_eq!(data(&on_b, "/app").await.as_deref(), Some("2"));
    program.good(&["resume"]);
    until("/app on B", async || {
        data(&on_b, "/app").await.filter(|data| data == "3")
    })
    .await;
    assert_eq!(program.run(&["diff", &ends[0], &ends[1], "--paths=/app"]).code, 0);

    program.good(&["config", "--batch-size=500"]);
    program.good(&["scale", "--workers=4"]);
    let settings = program.status()["settings"].clone();
    assert_eq!(
        (&settings["batch_size"], &settings["workers"]),
        (&500.into(), &4.into())
    );
    assert!(program.good(&["barrier"]).starts_with("0x"));
    program.good(&["conflicts"]);

    program.good(&["stop"]);
    // In some containers nobody reaps an orphan: a zombie has ended as well.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(
        stat.is_empty() || stat.contains(") Z "),
        "the process is gone: {stat}"
    );
    assert_eq!(program.run(&["status"]).code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_server_is_the_start_is_refused_and_nothing_runs() {
    let program = Program::new();
    let said = program.run(&["start", "--source=127.0.0.1:1:1", "--target=127.0.0.1:2:2"]);
    assert_eq!(said.code, 1, "{}", said.notes);
    assert!(
        said.notes.contains("--source: ") && said.notes.contains("127.0.0.1:1"),
        "it names the flag and the server: {}",
        said.notes
    );
    assert_eq!(program.run(&["status"]).code, 3);
}

/// A takes what B does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_does_not_take_is_said_by_every_verb() {
    let mut source = setup(1);
    source.jvm.push("-Djute.maxbuffer=4194304".into());
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, source, |_| ()),
        Ensemble::start_with(2, setup(101), |_| ())
    );
    let (on_a, on_b) = (
        Client::connect(&a.connect_string()).await.unwrap(),
        Client::connect(&b.connect_string()).await.unwrap(),
    );
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/g", b"first", &open).await.unwrap();
    let program = Program::new();
    let ends = [
        format!("--source={}", servers(&a)),
        format!("--target={}", servers(&b)),
        "--paths=/".to_owned(),
    ];
    let start = ["start", &ends[0], &ends[1], &ends[2]];
    program.good(&start);
    on_a.set_data("/g", &vec![b'x'; 2_000_000], None).await.unwrap();
    let names = |said: &Said, code: i32| {
        let all = format!("{}{}", said.out, said.notes);
        assert!(
            said.code == code && all.contains("/g") && all.contains("2000022 bytes"),
            "{code}: {all}"
        );
    };
    names(&program.run(&["barrier"]), 1);
    names(&program.run(&["switch", "/", "--to=b-to-a"]), 1);
    let shown = program.good(&["status"]);
    assert!(
        shown.starts_with("state incomplete ") && shown.contains("refused 1"),
        "{shown}"
    );
    assert!(shown.contains("\nalert     NodesRefused"), "{shown}");
    assert!(program.good(&["metrics"]).contains("zk_sync_refused_changes 1"));
    assert_eq!(program.run(&["diff"]).code, 1);
    program.good(&["stop"]);
    names(&program.run(&start), 4);
    let json: Value = program.status();
    assert_eq!(json["refused"][0]["reason"], "TooLarge");
    assert_eq!(json["sides"]["B"]["jute_maxbuffer"], 1_048_575);
    on_a.set_data("/g", b"last", None).await.unwrap();
    program.good(&["barrier"]);
    assert_eq!(data(&on_b, "/g").await.as_deref(), Some("last"));
    program.good(&["switch", "/", "--to=b-to-a"]);
    program.good(&["stop"]);
}
