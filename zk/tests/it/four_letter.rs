//! Four-letter words against real servers.

use std::time::Duration;

use mesolith_zk::four_letter::{Mode, Words, mntr, ruok, srvr};
use mesolith_zk::max_buffer;

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
