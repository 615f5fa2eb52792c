//! A master that is told by its live settings whether it may lead, and a real ZooKeeper.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mesolith_proto::live::{Followed, LeadershipReport};
use mesolith_proto::session::v1::agent_session_client::AgentSessionClient;
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::{LABEL, STANDBY};
use tempfile::TempDir;
use tonic::Code;
use zookeeper_client::Client;

use crate::agent::{Agent, LIMIT};
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info};

struct Settings {
    _dir: TempDir,
    file: PathBuf,
}

impl Settings {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("live.json");
        Self { _dir: dir, file }
    }

    fn flag(&self) -> String {
        format!("--live_settings={}", self.file.display())
    }

    fn write(&self, generation: u64, may_lead: bool) {
        let next = self.file.with_extension("next");
        let told = Followed { generation, may_lead };
        std::fs::write(&next, told.text()).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }
}

async fn report(master: &Master) -> Option<LeadershipReport> {
    reqwest::get(master.url("/leadership"))
        .await
        .ok()?
        .json()
        .await
        .ok()
}

/// What it says once it says it about these settings.
async fn says(master: &Master, generation: u64) -> LeadershipReport {
    eventually("an answer about the settings", || async {
        report(master)
            .await
            .filter(|report| report.generation == Some(generation))
    })
    .await
}

async fn contenders(ensemble: &Ensemble, label: &str) -> Vec<String> {
    let client = Client::connect(&ensemble.connect_string()).await.unwrap();
    // The first candidate makes the path.
    let children = client.list_children("/mesos").await.unwrap_or_default();
    children
        .into_iter()
        .filter(|name| name.starts_with(label))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_is_given_and_taken_away_while_it_runs() {
    let ensemble = Ensemble::start(1).await;
    let (zk, settings) = (ensemble.url("/mesos"), Settings::new());
    settings.write(1, false);
    let (live, flags) = (settings.flag(), |live| ["--zk", zk.as_str(), live]);
    let flags = flags(live.as_str());
    let master = Master::start(&flags).await;

    // It takes part, and nobody takes it for a leader, although there is no other master.
    let told = says(&master, 1).await;
    assert_eq!((told.leading, told.may_lead, told.leader), (false, false, None));
    let node = eventually("its node", || async {
        contenders(&ensemble, STANDBY).await.pop()
    })
    .await;
    let refused = eventually("the reason", || async {
        let answer = reqwest::get(master.url("/state")).await.ok()?;
        (answer.status() == 503).then_some(())?;
        let text = answer.text().await.ok()?;
        text.contains("its live settings say that it may not lead")
            .then_some(text)
    })
    .await;
    assert!(refused.starts_with("No leader elected: "), "{refused}");
    let plain = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let redirect = plain.get(master.url("/redirect")).send().await.unwrap();
    assert_eq!(
        redirect.headers()["Location"],
        format!("//localhost:{}", master.port).as_str()
    );
    assert_eq!(redirect.text().await.unwrap(), refused);
    let agent = Agent::new("cpus:4;mem:4096");
    let client = AgentSessionClient::connect(master.url("")).await.unwrap();
    let status = agent.connect_with(client).await.err().unwrap();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("may not lead"), "{status}");
    let metrics = reqwest::get(master.url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(metrics.contains("\nmesos_master_may_lead 0.0\n"), "{metrics}");
    assert!(contenders(&ensemble, LABEL).await.is_empty());

    let given = Instant::now();
    settings.write(2, true);
    master.wait_ready().await;
    println!("leads {:?} after the permission", given.elapsed());
    let told = says(&master, 2).await;
    assert_eq!((told.leading, told.may_lead, told.reason), (true, true, None));
    assert_eq!(contenders(&ensemble, LABEL).await.len(), 1);
    eventually("the end of its first node", || async {
        (!contenders(&ensemble, STANDBY).await.contains(&node)).then_some(())
    })
    .await;
    let _connection = agent.connect(master.port).await;
    let _scheduler = Scheduler::subscribe(&master, info(None)).await;

    // The process ends. It never says itself that it may not lead: that is for the next one.
    let taken = Instant::now();
    settings.write(3, false);
    let mut confirmed = Vec::new();
    while !master.task.is_finished() {
        assert!(taken.elapsed() < LIMIT, "it does not end");
        confirmed.extend(
            report(&master)
                .await
                .filter(|report| report.generation == Some(3)),
        );
    }
    println!("gone {:?} after the permission", taken.elapsed());
    assert!(confirmed.is_empty(), "{confirmed:?}");
    let ended = master.task.await.unwrap().unwrap_err().to_string();
    assert!(
        ended.starts_with("lost leadership: its live settings say"),
        "{ended}"
    );
    assert!(contenders(&ensemble, LABEL).await.is_empty());
    let next = Master::start(&flags).await;
    let told = says(&next, 3).await;
    assert_eq!((told.leading, told.may_lead), (false, false));
    next.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_may_not_lead_any_more_is_in_nobodys_way() {
    let ensemble = Ensemble::start(1).await;
    let zk = ensemble.url("/mesos");
    let (a, b) = (Settings::new(), Settings::new());
    a.write(1, true);
    b.write(1, true);
    let (live_a, live_b) = (a.flag(), b.flag());
    let first = Master::leading(&["--zk", &zk, &live_a]).await;
    let second = Master::start(&["--zk", &zk, &live_b]).await;
    eventually("two candidates", || async {
        (contenders(&ensemble, LABEL).await.len() == 2).then_some(())
    })
    .await;
    let third = Master::start(&["--zk", &zk]).await;
    b.write(2, false);
    let told = says(&second, 2).await;
    assert!(!told.may_lead && !told.leading);
    // The leader goes. The second one was next, and lets the third one pass.
    first.stop().await.unwrap();
    third.wait_ready().await;
    let own = format!("localhost:{}", third.port);
    let knows = |master| async move { report(master).await.and_then(|report| report.leader) };
    eventually("the standby to know the leader", || async {
        (knows(&second).await.as_ref() == Some(&own)).then_some(())
    })
    .await;
    assert!(!report(&second).await.unwrap().may_lead);
    second.stop().await.unwrap();
    third.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_read_are_no_permission() {
    // Also where there is no election.
    let settings = Settings::new();
    let live = settings.flag();
    let master = Master::start(&[&live]).await;
    let told = eventually("an answer", || report(&master)).await;
    assert_eq!((told.may_lead, told.generation), (false, None));
    assert!(told.reason.unwrap().contains("No such file"));
    settings.write(1, true);
    master.wait_ready().await;
    std::fs::write(&settings.file, r#"{"generation":2,"may"#).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), master.task)
        .await
        .unwrap();
    let ended = ended.unwrap().unwrap_err().to_string();
    assert!(ended.contains("cannot read the live settings in "), "{ended}");
}
