//! Bad input, tried on real servers: what they say, and what is made of it.

use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::four_letter::Words;
use mesolith_zk::request::Request;
use mesolith_zksync::Routes;
use mesolith_zksync::identity::{self, Identity, Verdict};
use mesolith_zksync::preflight::{Facts, Server, check, probe};
use mesolith_zksync::settings::{Route, Settings, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zookeeper_client::{Acls, CreateMode};

use crate::observer::Observer;
use crate::seed::{connect, setup};

const LIMIT: Duration = Duration::from_secs(2);

/// Answers everybody as a web server does.
async fn web() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    address
}

/// A port where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn ask(addresses: &[String]) -> Vec<Server> {
    let words = Words::plain(LIMIT);
    let asked = addresses.iter().map(|address| probe(&words, address));
    futures::future::join_all(asked).await
}

fn members(ensemble: &Ensemble) -> Vec<String> {
    (1..=ensemble.len()).map(|id| ensemble.server(id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_reason() {
    let alone = Ensemble::start_with(1, setup(Setup::default(), 201), |_| ()).await;
    let source = Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()).await;
    let target = Ensemble::start_with(2, setup(Setup::default(), 101), |_| ()).await;
    let (on_a, on_b) = (
        connect(&source, false, Duration::from_secs(30)).await,
        connect(&target, false, Duration::from_secs(30)).await,
    );
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/mesos", b"a", &open).await.unwrap();
    on_b.create("/other", b"b", &open).await.unwrap();
    let (mut a, b) = (
        Observer::join(&source, 9001).await,
        Observer::join(&target, 9002).await,
    );
    let leader = source.leader().await;
    let all = Routes::new(&Settings::default()).unwrap();
    let good = ask(&members(&source)).await;
    let mut said = Vec::new();
    for (servers, reason) in [
        (good.clone(), None),
        (ask(&[nobody().await]).await, Some("Unreachable")),
        (
            ask(&["no-such-host.invalid:2181".into()]).await,
            Some("Unreachable"),
        ),
        (ask(&[web().await]).await, Some("NotZooKeeper")),
        (ask(&[source.quorum(leader)]).await, None),
        (ask(&[alone.server(1)]).await, Some("Standalone")),
        (ask(&[source.server(3 - leader)]).await, None),
    ] {
        let problems = check(&Facts {
            source: &servers,
            ..Facts::new("main", &all)
        });
        problems
            .iter()
            .for_each(|problem| println!("{}: {problem}", problem.reason));
        said.push((servers[0].address.clone(), problems.clone()));
        if let Some(reason) = reason {
            assert_eq!(problems[0].reason, reason, "{problems:?}");
        }
    }
    assert_eq!(said[0].1, [], "a good source is refused");
    assert_eq!(said[6].1, [], "a follower of 3.8 names the leader");
    // The leader's quorum port takes what it reads for the begin of a packet and waits for more.
    assert!(
        ["Unreachable", "NotZooKeeper"].contains(&&*said[4].1[0].reason),
        "{:?}",
        said[4]
    );

    let typing = Routes::new(&Settings {
        routes: vec![Route {
            root: "/mesoss".into(),
            target_root: "/mesoss".into(),
            ..Settings::default().routes[0].clone()
        }],
        ..Settings::default()
    })
    .unwrap();
    let ready = |routes| Facts {
        source: &good,
        a: Some(a.tree()),
        b: Some(b.tree()),
        ..Facts::new("main", routes)
    };
    for (facts, reason) in [(ready(&typing), "PathNotFound"), (ready(&all), "TargetNotEmpty")] {
        let problems = check(&facts);
        println!("{}: {}", problems[0].reason, problems[0]);
        assert_eq!((problems.len(), &*problems[0].reason), (1, reason));
    }

    // One ensemble under two names: a session opened through one link is seen through the other.
    const OURS: i64 = 0x7b00_0000_0000_0001;
    let mut again = Observer::join(&source, 9003).await;
    a.learner
        .requests()
        .send(OURS, -1, &Request::OpenSession { timeout: 10_000 })
        .unwrap();
    for observer in [&mut a, &mut again] {
        observer
            .until(|_, tree| tree.sessions().contains_key(&OURS))
            .await;
    }
    assert!(identity::same_ensemble(a.tree(), again.tree(), OURS));
    assert!(!identity::same_ensemble(a.tree(), b.tree(), OURS));
    let identity = Identity::of(Side::A, a.tree(), "3.8.0", &all);
    assert_eq!(identity::same(&identity, again.tree()), Verdict::Same);
    println!("{:?}", identity::same(&identity, b.tree()));
    assert!(!matches!(identity::same(&identity, b.tree()), Verdict::Same));
}
