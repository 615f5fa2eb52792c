//! Ensembles through their client port: what others write is seen, and nothing is lost with a server.

mod requests;
mod support;

use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::Credentials;
use mesolith_zk::members::Server;
use mesolith_zk::record::Op;
use mesolith_zk::security::Security;
use mesolith_zksync::client_side::Error;
use mesolith_zksync::side::{self, Capture, Error as LinkError, SideEvent};
use zookeeper_client::{Acl, Acls, AuthId, Client, Permission};

use support::*;

/// Everything that others do comes into the tree: nodes, data, children, sessions of ephemerals.
async fn sees_what_others_write(servers: usize, setup: Setup, capture: Capture, version: (u32, u32, u32)) {
    let ensemble = Ensemble::start_with(servers, setup, |_| ()).await;
    let old = version < (3, 5, 0);
    let client = connect(&ensemble.connect_string(), old).await;
    fill(&client, "/before", 40).await;
    let mut side = Side::start(&ensemble, capture, version).await;
    let first = side.tree().len();
    assert!(first > 80, "{first}");

    // Others write while the link looks.
    fill(&client, "/after", 60).await;
    let open = open_list();
    client.delete("/before/n1/child", None).await.unwrap();
    client.delete("/before/n1", None).await.unwrap();
    client.create("/before/n1", b"anew", &open).await.unwrap();
    side.until_equal(&client).await;

    // An ephemeral node brings its session, and takes it along.
    let other = connect(&ensemble.connect_string(), old).await;
    let owner = other.session_id().0;
    let ephemeral = zookeeper_client::CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    other.create("/after/mine", b"", &ephemeral).await.unwrap();
    side.until(|event, tree| {
        tree.sessions().contains_key(&owner)
            && matches!(event, SideEvent::Committed { txn, .. } if txn.header.session == owner
                && matches!(txn.op, Op::CreateSession { .. }))
    })
    .await;
    side.until(|_, tree| {
        tree.get("/after/mine")
            .is_some_and(|node| node.owner() == Some(owner))
    })
    .await;
    drop(other);
    side.until(|event, tree| {
        !tree.sessions().contains_key(&owner)
            && matches!(event, SideEvent::Committed { txn, .. } if txn.header.session == owner
                && matches!(txn.op, Op::CloseSession { .. }))
    })
    .await;
    assert!(side.tree().get("/after/mine").is_none());
    side.until_equal(&client).await;
}

#[tokio::test]
async fn sees_what_others_write_by_one_watch() {
    sees_what_others_write(3, Setup::default(), Capture::Recursive, (3, 8, 0)).await;
}

#[tokio::test]
async fn sees_what_others_write_on_a_standalone_server() {
    sees_what_others_write(1, Setup::default(), Capture::Recursive, (3, 8, 0)).await;
}

#[tokio::test]
async fn sees_what_others_write_by_one_shot_watches() {
    let setup = Setup::version("3.4.14");
    sees_what_others_write(3, setup, Capture::OneShot, (3, 4, 14)).await;
}

/// Watches say nothing of an ACL; the next look at everything does, of other things as well.
#[tokio::test]
async fn sees_an_acl_with_the_next_look() {
    let ensemble = Ensemble::start(1).await;
    let client = connect(&ensemble.connect_string(), false).await;
    fill(&client, "/a", 20).await;
    for capture in [Capture::Recursive, Capture::None] {
        let mut config = config(&ensemble, capture, (3, 8, 0));
        config.resync = Some(Duration::from_millis(300));
        let mut side = Side::start_with(config).await;
        let list = [
            Acl::new(Permission::ALL, AuthId::anyone()),
            Acl::new(Permission::READ, AuthId::new("ip", "192.0.2.3")),
        ];
        client.set_acl("/a/n3", &list, None).await.unwrap();
        let event = side
            .until(|event, _| matches!(event, SideEvent::Dirty { paths } if paths.iter().any(|p| &**p == "/a/n3")))
            .await;
        drop(event);
        assert_eq!(side.tree().get("/a/n3").unwrap().acl().unwrap().len(), 2);
        // Without a watch the look finds everything else too.
        client.create("/a/new", b"x", &open_list()).await.unwrap();
        client.delete("/a/n4/child", None).await.unwrap();
        side.until_equal(&client).await;
        client.delete("/a/new", None).await.unwrap();
        client.create("/a/n4/child", b"x", &open_list()).await.unwrap();
        client.set_acl("/a/n3", &list[..1], None).await.unwrap();
    }
}

/// The server that the link is with is killed while others write.
async fn loses_nothing_with_a_server(setup: Setup, capture: Capture, version: (u32, u32, u32)) {
    let mut ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    let old = version < (3, 5, 0);
    let client = connect(&ensemble.connect_string(), old).await;
    let mut side = Side::start(&ensemble, capture, version).await;
    let writer = tokio::spawn(async move {
        for round in 0..6 {
            fill(&client, &format!("/w{round}"), 25).await;
        }
        client
    });
    let mut lost = 0;
    for id in 1..=3 {
        ensemble.kill(id);
        // Whoever was with it goes to another one meanwhile.
        lost += side.events_for(Duration::from_secs(2)).await;
        ensemble.spawn(id);
        ensemble.wait_serving(id).await;
        lost += side.events_for(Duration::from_millis(500)).await;
    }
    assert!(lost > 0, "no kill was felt");
    let client = side.while_running(writer).await;
    fill(&client, "/last", 25).await;
    side.until_equal(&client).await;
}

#[tokio::test]
async fn loses_nothing_with_a_server_by_one_watch() {
    loses_nothing_with_a_server(Setup::default(), Capture::Recursive, (3, 8, 0)).await;
}

#[tokio::test]
async fn loses_nothing_with_a_server_by_one_shot_watches() {
    loses_nothing_with_a_server(Setup::version("3.4.14"), Capture::OneShot, (3, 4, 14)).await;
}

/// What may not be read is named, with who could; with their credentials it is read.
#[tokio::test]
async fn names_what_it_may_not_read() {
    let ensemble = Ensemble::start(1).await;
    let owner = Client::connector()
        .with_auth("digest", b"bob:secret")
        .connect(&ensemble.connect_string())
        .await
        .unwrap();
    let closed = zookeeper_client::CreateMode::Persistent.with_acls(Acls::creator_all());
    owner.create("/locked", b"x", &closed).await.unwrap();
    let mut config = config(&ensemble, Capture::Recursive, (3, 8, 0));
    let mut side = Side::unstarted(config.clone());
    let error = side.error().await;
    let LinkError::Client(Error::Unreadable { count: 1, paths, .. }) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(paths, "/locked");
    assert!(error.to_string().contains("no credentials"), "{error}");
    config.security = Security::with_credentials(["somebody", "bob"].map(|user| Credentials {
        user: user.to_owned(),
        password: "secret".to_owned(),
    }));
    let side = Side::start_with(config).await;
    assert_eq!(side.tree().get("/locked").unwrap().data(), Some(&b"x"[..]));
}

/// What the servers say decides the way.
#[tokio::test]
async fn finds_out_which_way_to_go() {
    let security = Security::default();
    let nowhere = Server {
        client: "127.0.0.1:1".to_owned(),
        quorum: None,
    };
    side::probe(&[nowhere], &security).await.unwrap_err();
    let three = Ensemble::start(3).await;
    let servers = |quorum: bool| {
        let server = |id| Server {
            client: three.server(id),
            quorum: Some(if quorum {
                three.quorum(id)
            } else {
                "127.0.0.1:1".to_owned()
            }),
        };
        (1..=3).map(server).collect::<Vec<_>>()
    };
    let facts = side::probe(&servers(true), &security).await.unwrap();
    assert_eq!(side::choose(&facts, 60).capture, Capture::Observer);
    let facts = side::probe(&servers(false), &security).await.unwrap();
    let choice = side::choose(&facts, 60);
    assert_eq!(choice.capture, Capture::Recursive);
    assert!(
        choice.reason.contains("127.0.0.1:1: Connection refused"),
        "{}",
        choice.reason
    );
    let one = Ensemble::start_with(1, Setup::version("3.4.14"), |_| ()).await;
    let server = Server {
        client: one.server(1),
        quorum: None,
    };
    let facts = side::probe(&[server], &security).await.unwrap();
    let choice = side::choose(&facts, 60);
    assert_eq!(
        (choice.capture, facts.numbers()),
        (Capture::OneShot, Some((3, 4, 14)))
    );
    assert!(choice.reason.contains("standalone"), "{}", choice.reason);
}
