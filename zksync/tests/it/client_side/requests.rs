//! What is sent is answered, truly, while servers and sessions come and go.

use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::record::Op;
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zksync::side::{Capture, SideEvent};

use super::support::*;

/// Requests, their answers, and the sessions that they are made in the name of.
async fn answers_requests(setup: Setup, capture: Capture, version: (u32, u32, u32)) {
    let ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    let old = version < (3, 5, 0);
    let client = connect(&ensemble.connect_string(), old).await;
    let mut side = Side::start(&ensemble, capture, version).await;
    let opened = side.answer(OWN, Request::OpenSession { timeout: 30_000 }).await;
    assert_eq!(opened.op, Op::CreateSession { timeout: 30_000 });

    // All or nothing, with the tree as the server has it.
    let writes = vec![
        create("/s", CreateMode::Persistent),
        create("/s/a", CreateMode::Persistent),
        set("/s", "1", 0),
    ];
    let done = side.answer(OWN, Request::Multi(writes)).await;
    assert!(!done.op.is_failed_multi(), "{done:?}");
    assert_eq!(side.tree().get("/s").unwrap().stored().version, 1);
    // 3.4 takes it in several steps, and the client's server may have seen only some.
    client.sync("/").await.unwrap();
    let (_, stat) = client.get_data("/s").await.unwrap();
    assert_eq!(done.header.zxid.0, stat.mzxid);

    // Somebody else was there before; the tree shows it with the refusal.
    client.sync("/").await.unwrap();
    client.set_data("/s", b"theirs", None).await.unwrap();
    let writes = vec![set("/s/a", "2", 0), set("/s", "2", 1), set("/s/a", "3", 1)];
    let failed = side.answer(OWN, Request::Multi(writes)).await;
    assert_eq!(codes(&failed), [0, -103, -2]);
    assert_eq!(side.tree().get("/s").unwrap().data(), Some(&b"theirs"[..]));
    let failed = side
        .answer(OWN, Request::Single(set("/nowhere", "", ANY_VERSION)))
        .await;
    assert_eq!(failed.op, Op::Error { code: -101 });
    let failed = side
        .answer(OWN, Request::Single(create("/s/a", CreateMode::Persistent)))
        .await;
    assert_eq!(failed.op, Op::Error { code: -110 });
    client.create("/s/a/below", b"", &open_list()).await.unwrap();
    let delete = Write::Delete {
        path: "/s/a".into(),
        version: ANY_VERSION,
    };
    let failed = side.answer(OWN, Request::Single(delete)).await;
    assert_eq!(failed.op, Op::Error { code: -111 });
    assert!(side.tree().get("/s/a/below").is_some());

    // Several at once are answered in order, and one that is refused takes those after it along.
    let first = side.send(OWN, Request::Multi(vec![set("/s", "x", 2), set("/s/a", "x", 0)]));
    let second = side.send(OWN, Request::Multi(vec![set("/s", "y", 7), set("/s/a", "y", 1)]));
    let third = side.send(OWN, Request::Multi(vec![set("/s", "z", 8), set("/s/a", "z", 2)]));
    assert!(!side.answer_to(OWN, first).await.op.is_failed_multi());
    assert_eq!(codes(&side.answer_to(OWN, second).await), [-103, -2]);
    assert_eq!(codes(&side.answer_to(OWN, third).await), [-103, -2]);

    // A session of the other side, and its nodes.
    const SESSION: i64 = 0x1_0000_0000_0007;
    let refused = side
        .answer(
            SESSION,
            Request::Single(create("/s/early", CreateMode::Ephemeral)),
        )
        .await;
    assert_eq!(refused.op, Op::Error { code: -112 });
    side.answer(SESSION, Request::OpenSession { timeout: 10_000 })
        .await;
    assert!(side.tree().sessions().contains_key(&SESSION));
    let writes = vec![create("/s/e", CreateMode::Ephemeral), set("/s", "e", 3)];
    let done = side.answer(SESSION, Request::Multi(writes)).await;
    assert!(!done.op.is_failed_multi(), "{done:?}");
    assert_eq!(side.tree().get("/s/e").unwrap().owner(), Some(SESSION));
    client.sync("/").await.unwrap();
    let (_, stat) = client.get_data("/s/e").await.unwrap();
    assert!(![0, SESSION].contains(&stat.ephemeral_owner));
    let done = side
        .answer(SESSION, Request::Single(create("/s/e2", CreateMode::Ephemeral)))
        .await;
    assert!(matches!(done.op, Op::Create(_)), "{done:?}");
    side.barrier().await;
    assert_eq!(side.tree().ephemerals(SESSION).count(), 2);
    let closed = side.answer(SESSION, Request::CloseSession).await;
    assert!(matches!(closed.op, Op::CloseSession { .. }), "{closed:?}");
    assert!(side.tree().get("/s/e").is_none() && !side.tree().sessions().contains_key(&SESSION));
    client.sync("/").await.unwrap();
    assert!(client.check_stat("/s/e").await.unwrap().is_none());

    // What a multi does not take, and what is left of it all.
    let acl = Write::SetAcl {
        path: "/s/a".into(),
        acl: Some(vec![mesolith_zk::record::Acl::open(); 1]),
        version: 0,
    };
    let done = side.answer(OWN, Request::Single(acl)).await;
    assert!(matches!(done.op, Op::SetAcl { version: 1, .. }), "{done:?}");
    side.barrier().await;
    let dirty = side.dirty_of_own();
    assert!(
        dirty
            .iter()
            .all(|path| ["/s", "/s/a", "/s/a/below"].contains(&&**path)),
        "{dirty:?}"
    );
    if capture != Capture::None {
        // What the link has made itself is watched as well.
        side.answer(OWN, Request::Single(create("/s/own", CreateMode::Persistent)))
            .await;
        side.barrier().await;
        client.sync("/").await.unwrap();
        client.set_data("/s/own", b"foreign", None).await.unwrap();
        side.until(|_, tree| tree.get("/s/own").unwrap().data() == Some(b"foreign"))
            .await;
    }
    side.until_equal(&client).await;
}

#[tokio::test]
async fn answers_requests_on_3_8() {
    answers_requests(Setup::default(), Capture::Recursive, (3, 8, 0)).await;
}

#[tokio::test]
async fn answers_requests_without_watches() {
    answers_requests(Setup::default(), Capture::None, (3, 8, 0)).await;
}

#[tokio::test]
async fn answers_requests_on_3_4() {
    answers_requests(Setup::version("3.4.14"), Capture::OneShot, (3, 4, 14)).await;
}

/// A mirrored session whose client was away too long has ended, with its nodes, and the engine is told.
#[tokio::test]
async fn says_that_a_mirrored_session_has_ended() {
    let ensemble = Ensemble::start(1).await;
    let mut side = Side::start(&ensemble, Capture::Recursive, (3, 8, 0)).await;
    const SESSION: i64 = 77;
    side.answer(SESSION, Request::OpenSession { timeout: 4_000 })
        .await;
    side.answer(SESSION, Request::Single(create("/e", CreateMode::Ephemeral)))
        .await;
    let client = connect(&ensemble.connect_string(), false).await;
    end_session(&ensemble.server(1), &client, "/e").await;
    side.until(|event, tree| {
        matches!(event, SideEvent::Committed { txn, .. } if txn.header.session == SESSION
            && matches!(txn.op, Op::CloseSession { .. }))
            && tree.get("/e").is_none()
    })
    .await;
    assert!(!side.tree().sessions().contains_key(&SESSION));
}

/// The server is away for longer than the session's timeout: another session, and a snapshot of what is then.
#[tokio::test]
async fn begins_again_when_its_session_is_over() {
    let mut ensemble = Ensemble::start(1).await;
    let client = connect(&ensemble.connect_string(), false).await;
    fill(&client, "/a", 10).await;
    let mut config = config(&ensemble, Capture::Recursive, (3, 8, 0));
    config.session_timeout = Duration::from_secs(4);
    let mut side = Side::start_with(config).await;
    side.answer(OWN, Request::OpenSession { timeout: 30_000 }).await;
    drop(client);
    ensemble.kill(1);
    side.until(|event, _| matches!(event, SideEvent::LostLeader { .. }))
        .await;
    side.refuses(OWN, Request::Single(set("/a", "", ANY_VERSION)));
    side.until(
        |event, _| matches!(event, SideEvent::LostLeader { cause } if cause.starts_with("no ZooKeeper session")),
    )
    .await;
    ensemble.spawn(1);
    ensemble.wait_serving(1).await;
    let client = connect(&ensemble.connect_string(), false).await;
    fill(&client, "/b", 10).await;
    side.until(|event, _| matches!(event, SideEvent::UpToDate)).await;
    // What it owned is gone, so is its name.
    assert!(!side.tree().sessions().contains_key(&OWN));
    let refused = side
        .answer(OWN, Request::Single(set("/a", "x", ANY_VERSION)))
        .await;
    assert_eq!(refused.op, Op::Error { code: -112 });
    side.answer(OWN, Request::OpenSession { timeout: 30_000 }).await;
    let done = side
        .answer(OWN, Request::Single(set("/a", "again", ANY_VERSION)))
        .await;
    assert!(matches!(done.op, Op::SetData(_)), "{done:?}");
    client.create("/seen", b"", &open_list()).await.unwrap();
    side.until_equal(&client).await;
}

/// Writes go on, in the link's own and in a mirrored session, while servers are killed: every answer is true, or the
/// link was lost.
#[tokio::test]
async fn answers_are_true_while_servers_are_killed() {
    let mut ensemble = Ensemble::start(3).await;
    let client = connect(&ensemble.connect_string(), false).await;
    fill(&client, "/w", 20).await;
    let mut side = Side::start(&ensemble, Capture::Recursive, (3, 8, 0)).await;
    const SESSION: i64 = 99;
    side.answer(OWN, Request::OpenSession { timeout: 30_000 }).await;
    side.answer(SESSION, Request::OpenSession { timeout: 20_000 })
        .await;
    for id in 1..=3 {
        ensemble.kill(id);
        side.write_until_answered(SESSION, 50).await;
        ensemble.spawn(id);
        ensemble.wait_serving(id).await;
        side.write_until_answered(SESSION, 20).await;
    }
    let client = connect(&ensemble.connect_string(), false).await;
    side.until_equal(&client).await;
}

/// Figures, for people: `--ignored --nocapture`.
#[tokio::test]
#[ignore = "measures"]
async fn figures() {
    for (setup, capture, version) in [
        (Setup::default(), Capture::Recursive, (3, 8, 0)),
        (Setup::version("3.4.14"), Capture::OneShot, (3, 4, 14)),
    ] {
        let setup = Setup {
            jvm: vec!["-Xmx512m".into()],
            ..setup
        };
        let ensemble = Ensemble::start_with(1, setup, |_| ()).await;
        let mut side = Side::start(&ensemble, capture, version).await;
        side.answer(OWN, Request::OpenSession { timeout: 30_000 }).await;
        let begun = std::time::Instant::now();
        side.answer(OWN, Request::Multi(vec![create("/f", CreateMode::Persistent)]))
            .await;
        for n in 0..100 {
            let path = |m| format!("/f/n{n}-{m}");
            let writes = (0..200)
                .map(|m| create(&path(m), CreateMode::Persistent))
                .collect();
            side.answer(OWN, Request::Multi(writes)).await;
        }
        println!("{version:?}: 20,000 nodes written in {:?}", begun.elapsed());
        let begun = std::time::Instant::now();
        side.barrier().await;
        println!("  barrier after that: {:?}", begun.elapsed());
        let begun = std::time::Instant::now();
        let mut fresh = Side::start(&ensemble, capture, version).await;
        println!("  {} nodes walked in {:?}", fresh.tree().len(), begun.elapsed());
        let client = connect(&ensemble.connect_string(), version < (3, 5, 0)).await;
        let mut lags = Vec::new();
        for n in 0..200 {
            let data = format!("lag {n}");
            let begun = std::time::Instant::now();
            client.set_data("/f/n1-1", data.as_bytes(), None).await.unwrap();
            fresh
                .until(|_, tree| tree.get("/f/n1-1").unwrap().data() == Some(data.as_bytes()))
                .await;
            lags.push(begun.elapsed());
        }
        lags.sort();
        println!("  set to seen: median {:?}, 95 % {:?}", lags[100], lags[190]);
        let begun = std::time::Instant::now();
        for _ in 0..50 {
            let session = 500;
            side.answer(session, Request::OpenSession { timeout: 10_000 })
                .await;
            side.answer(session, Request::Single(create("/f/e", CreateMode::Ephemeral)))
                .await;
            side.answer(session, Request::CloseSession).await;
        }
        println!("  a mirrored session with a node: {:?}", begun.elapsed() / 50);
        side.until_equal(&client).await;
    }
}
