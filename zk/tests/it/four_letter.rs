//! Four-letter words against real servers.

use std::time::Duration;

use mesolith_zk::four_letter::{Mode, mntr, ruok, srvr};

use mesolith_testkit_zookeeper::Ensemble;

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
