//! Four-letter words against real servers.

use std::time::Duration;

use mesolith_zk::four_letter::{Mode, Words, mntr, ruok, srvr};
use mesolith_zk::{Address, max_buffer, survey};

use mesolith_testkit_zookeeper::{Ensemble, Setup};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_its_mode_and_size() {
    let mut ensemble = Ensemble::start(1).await;
    let server = ensemble.server(1);
    assert!(ruok(&server, LIMIT).await.unwrap());
    let status = srvr(&server, LIMIT).await.unwrap();
    assert_eq!(status.mode, Some(Mode::Standalone));
    assert!(status.znodes >= 4, "{status:?}");
    assert_eq!(
        mntr(&server, LIMIT).await.unwrap()["zk_server_state"],
        "standalone"
    );

    ensemble.kill(1);
    let error = ruok(&server, LIMIT).await.unwrap_err();
    assert_eq!(error.reason(), "ZooKeeperServerSilent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_the_longest_packet_that_it_takes() {
    let words = Words::plain(LIMIT);
    for (flag, most, found) in [
        (None, 8 << 20, max_buffer::DEFAULT),
        (Some("-Djute.maxbuffer=4194304"), 8 << 20, 4 << 20),
        (Some("-Djute.maxbuffer=4194304"), 2_000_000, 2_000_000),
        (Some("-Djute.maxbuffer=100000"), 8 << 20, 100_000),
    ] {
        let setup = Setup {
            jvm: flag.into_iter().map(ToOwned::to_owned).collect(),
            ..Setup::default()
        };
        let mut ensemble = Ensemble::start_with(1, setup, |_| ()).await;
        let before = words.srvr(&ensemble.server(1)).await.unwrap().zxid;
        for likely in [max_buffer::DEFAULT, found, 3_000_000] {
            let taken = words.max_buffer(&ensemble.server(1), most, likely).await.unwrap();
            assert_eq!(taken, found, "{flag:?}, {likely}");
        }
        let after = words.srvr(&ensemble.server(1)).await.unwrap().zxid;
        assert_eq!(before, after, "nothing is written");
        ensemble.kill(1);
        let error = words
            .max_buffer(&ensemble.server(1), most, found)
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "ZooKeeperServerSilent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_names_its_clients_and_a_survey_is_none_of_them_for_long() {
    let ensemble = Ensemble::start(1).await;
    let (server, words) = (ensemble.server(1), Words::plain(LIMIT));
    let client = zookeeper_client::Client::connect(&server).await.unwrap();
    let persistent = zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
    for path in ["/mesos", "/prod", "/prod/marathon"] {
        client.create(path, b"", &persistent).await.unwrap();
    }
    let (_, _, _watcher) = client.get_and_watch_data("/mesos").await.unwrap();

    let asked = ["/", "/prod", "/nothing"].map(ToOwned::to_owned);
    let about = ["/mesos", "/marathon"].map(ToOwned::to_owned);
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let found = survey(&address, &asked, &about).await.unwrap();
    assert_eq!(found.children["/"], ["mesos", "prod", "zookeeper"]);
    assert_eq!(found.children["/prod"], ["marathon"]);
    assert_eq!(
        (found.children.len(), found.existing.as_slice()),
        (2, &about[..1])
    );
    let session = client.session_id().0;
    assert_ne!(found.session, session);

    // The survey's own session may still be seen for a moment; whoever counts clients knows it.
    let mut others = words.cons(&server).await.unwrap();
    others.retain(|connection| connection.session != found.session);
    let sessions: Vec<i64> = others.iter().map(|connection| connection.session).collect();
    assert_eq!(sessions, [session], "{others:?}");
    assert!(others[0].client.starts_with("127.0.0.1:"), "{others:?}");
    let watches = words.wchs(&server).await.unwrap();
    assert_eq!((watches.connections, watches.paths, watches.watches), (1, 1, 1));
}
