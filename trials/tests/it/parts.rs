//! Each fault does what it should, on real servers. This is tested before the engine is blamed for anything.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_trials::client::{OPEN, connect};
use mesolith_trials::faults::{Disk, skewed};
use mesolith_trials::version::PACKAGED;
use mesolith_trials::world::{Network, Side};

/// Whether a server answers a client in the engines' namespace.
fn answers(network: &Network, server: &str) -> bool {
    let (host, port) = server.split_once(':').unwrap();
    let ask = format!("exec 3<>/dev/tcp/{host}/{port} && echo srvr >&3 && cat <&3");
    let output = Command::new("ip")
        .args([
            "netns",
            "exec",
            network.engines(),
            "timeout",
            "3",
            "bash",
            "-c",
            &ask,
        ])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains("Mode")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_is_cut_for_the_engines_only() {
    let network = Network::make().unwrap();
    let setup = Setup {
        namespace: Some(network.namespace(Side::A).to_owned()),
        host: network.host(Side::A).to_owned(),
        ..Setup::default()
    };
    let ensemble = Ensemble::start_with(1, setup, |_| ()).await;
    let client = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(answers(&network, &ensemble.server(1)));
    network.cut(Side::A).unwrap();
    assert!(!answers(&network, &ensemble.server(1)));
    client.create("/from-elsewhere", b"", &OPEN).await.unwrap();
    network.mend(Side::A).unwrap();
    assert!(answers(&network, &ensemble.server(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_wrong() {
    let setup = Setup {
        environment: skewed("-2h").unwrap(),
        ..Setup::default()
    };
    let ensemble = Ensemble::start_with(1, setup, |_| ()).await;
    let client = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    let (stat, _) = client.create("/early", b"", &OPEN).await.unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let early = now - u128::try_from(stat.ctime).unwrap();
    assert!((7_190_000..7_260_000).contains(&early), "{early} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_a_server_and_an_emptied_one_lets_it_start_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::mount(&dir.path().join("disk"), 40).unwrap();
    let setup = Setup {
        dir: Some(disk.path()),
        jvm: vec!["-Dzookeeper.preAllocSize=1024".into()],
        ..Setup::default()
    };
    let mut ensemble = Ensemble::start_with(1, setup, |_| ()).await;
    let client = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    client.create("/before", b"", &OPEN).await.unwrap();
    disk.fill().unwrap();
    let large = vec![b'x'; 100_000];
    let mut refused = false;
    for round in 0..40 {
        let create = client.set_data("/before", &large, Some(round));
        refused |= !matches!(
            tokio::time::timeout(Duration::from_secs(3), create).await,
            Ok(Ok(_))
        );
        if refused {
            break;
        }
    }
    assert!(refused, "a full disk took four megabytes");
    disk.empty();
    ensemble.kill(1);
    ensemble.spawn(1);
    ensemble.wait_serving(1).await;
    let client = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(client.check_stat("/before").await.unwrap().is_some());
}
