//! An engine whose target is not there: it answers, says why it waits, and ends at once when it is told to.

use std::time::Duration;

use mesolith_telemetry::Shutdown;
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zksync::control::{Client, Endpoint};
use mesolith_zksync::options::{EndpointOptions, parse_servers};
use mesolith_zksync::run::{Error, Real, Serving, run};
use mesolith_zksync::settings::{Mode, Settings, Side};
use mesolith_zksync::status::{State, Status};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::options::options;
use crate::verbs::verb;

/// Far less than an engine waits for servers that may be starting.
const AT_ONCE: Duration = Duration::from_secs(8);

struct Waiting {
    dir: tempfile::TempDir,
    shutdown: Shutdown,
    ended: JoinHandle<Result<(), Error>>,
    client: Client,
}

/// A port that is taken, and where nobody listens.
fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

/// Until it says that its target cannot be reached.
async fn waiting(source: &str, target: &str) -> Waiting {
    let dir = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::default();
    let endpoint = |servers: &str| EndpointOptions {
        servers: parse_servers("--target", servers).unwrap(),
        security: Default::default(),
    };
    let options = options("default", endpoint(source), endpoint(target), dir.path());
    let ended = tokio::spawn(run(options, Serving::default(), shutdown.clone(), Real));
    let endpoint = Endpoint::Unix(dir.path().join("default.sock"));
    let client = async {
        loop {
            match Client::connect(&endpoint, None).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let client = tokio::time::timeout(AT_ONCE, client).await.unwrap();
    let this = Waiting {
        dir,
        shutdown,
        ended,
        client,
    };
    let status = this.until(|status| reason(status) != "Opening").await;
    assert_eq!(
        (status.state, reason(&status)),
        (State::Connecting, "Unreachable")
    );
    let waiting = status.waiting_for.unwrap();
    assert!(
        waiting.message.contains("--target: no server can be reached") && waiting.message.contains(target),
        "{}",
        waiting.message
    );
    assert_eq!(status.sides[&Side::B].servers, target);
    this
}

fn reason(status: &Status) -> &str {
    status
        .waiting_for
        .as_ref()
        .map_or("", |waiting| waiting.reason.as_str())
}

impl Waiting {
    async fn until(&self, is: impl Fn(&Status) -> bool) -> Status {
        let mut statuses = self.client.watch().await.unwrap();
        let found = async {
            loop {
                let status = statuses.next().await.unwrap().unwrap();
                if is(&status) {
                    return status;
                }
            }
        };
        tokio::time::timeout(AT_ONCE, found).await.unwrap()
    }

    async fn has_ended(self) {
        let ended = tokio::time::timeout(AT_ONCE, self.ended).await;
        ended.expect("it ends at once").unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_while_its_target_is_away() {
    let source = Ensemble::start(1).await;
    let (_held, target) = nobody();
    let this = waiting(&source.connect_string(), &target).await;
    let dir = this.dir.path();

    let said = verb(dir, &["status"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .starts_with("state connecting   Unreachable: --target: no server can be reached"),
        "{said:?}"
    );
    for line in [
        &["pause"][..],
        &["switch", "/", "--to=b-to-a"],
        &["diff"],
        &["resolve", "/x", "--keep=a"],
        &["conflicts"],
        &["barrier"],
    ] {
        let said = verb(dir, line).await;
        assert_eq!(said.code, if line[0] == "diff" { 2 } else { 1 }, "{said:?}");
        assert!(
            said.notes.contains("not connected yet: Unreachable: --target: "),
            "{line:?}: {said:?}"
        );
    }
    let (pid, warning) = this.client.stop().await.unwrap();
    assert_eq!(pid, std::process::id());
    assert!(warning.unwrap().contains("it was not active yet"));
    this.has_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_settings_end_it_too() {
    let source = Ensemble::start(1).await;
    let (_held, target) = nobody();
    let this = waiting(&source.connect_string(), &target).await;
    // What SIGTERM does.
    this.shutdown.trigger();
    this.has_ended().await;

    let this = waiting(&source.connect_string(), &target).await;
    let stop = Settings {
        mode: Mode::Stop,
        ..Settings::default().next()
    };
    assert_eq!(this.client.apply(&stop).await.unwrap(), stop.generation);
    this.has_ended().await;
}
