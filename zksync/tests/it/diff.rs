//! Two live ensembles compared by observers that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zksync::Routes;
use mesolith_zksync::diff::{Fresh, fresh};
use mesolith_zksync::handle::DiffReport;
use mesolith_zksync::seed;
use mesolith_zksync::settings::Settings;
use zookeeper_client::{Acls, CreateMode};

use crate::observer::{Observer, config};
use crate::seed::{connect, fill, setup};

async fn compared(source: &Ensemble, target: &Ensemble) -> DiffReport {
    let routes = Routes::new(&Settings {
        exclude: vec!["/private".into()],
        ..Settings::default()
    })
    .unwrap();
    let spool = tempfile::tempdir().unwrap();
    let (a, b) = (config(source, 9101, &spool), config(target, 9102, &spool));
    let report = fresh(a, b, &routes, &Fresh::default()).await.unwrap();
    println!("{report:#?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn live_ensembles_are_compared_without_an_engine() {
    let source = Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()).await;
    let on_a = connect(&source, false, Duration::from_secs(60)).await;
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    fill(&on_a, "/a", 40, false).await;
    on_a.create("/hot", b"", &open).await.unwrap();
    let mut target = Ensemble::prepare(2, setup(Setup::default(), 101));
    let dirs = [1, 2].map(|id| target.data_dir(id));
    let tree = Observer::join(&source, 9001).await;
    seed::write(tree.tree(), &dirs, seed::Options::default()).unwrap();
    (1..=2).for_each(|id| target.spawn(id));
    target.wait_all().await;
    // Its observer keeps the sessions alive, as an engine would.
    let b = Observer::join(&target, 9002).await;
    let sessions = tree.tree().sessions().clone();
    b.learner.touch_list().keep(sessions);
    let on_b = connect(&target, false, Duration::from_secs(60)).await;

    let report = compared(&source, &target).await;
    assert_eq!((report.different, report.compared > 90), (0, true));

    // Written on A, and on B a moment later, all the time.
    let stop = Arc::new(AtomicBool::new(false));
    let writing = {
        let (a, b, stop) = (on_a.clone(), on_b.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let data = format!("{n}");
                a.set_data("/hot", data.as_bytes(), None).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
                b.set_data("/hot", data.as_bytes(), None).await.unwrap();
            }
            n
        })
    };
    let report = compared(&source, &target).await;
    assert_eq!(report.different, 0);
    // And a change of B that is not on its way from anywhere.
    on_b.set_data("/a/n3", b"mine", None).await.unwrap();
    on_b.create("/private", b"", &open).await.unwrap();
    let own = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    on_b.create("/a/n4/registered", b"", &own).await.unwrap();
    let report = compared(&source, &target).await;
    let found: Vec<_> = report
        .differences
        .iter()
        .map(|d| format!("{} {} {} {}", d.path, d.field, d.a, d.b))
        .collect();
    assert_eq!((report.different, found.len()), (1, 2), "{found:?}");
    assert!(
        found[0].starts_with("/a/n3 data ") && found[1].starts_with("/a/n3 version "),
        "{found:?}"
    );
    stop.store(true, Ordering::Relaxed);
    println!("{} writes to the hot node", writing.await.unwrap());

    // Nothing is known of an ensemble that cannot be reached.
    target.kill(1);
    target.kill(2);
    let routes = Routes::new(&Settings::default()).unwrap();
    let spool = tempfile::tempdir().unwrap();
    let options = Fresh {
        join_limit: Duration::from_secs(3),
        ..Fresh::default()
    };
    let (a, b) = (config(&source, 9101, &spool), config(&target, 9102, &spool));
    let error = fresh(a, b, &routes, &options).await.unwrap_err();
    println!("{error}");
    assert_eq!(error.reason(), "TreeNotRead");
    assert!(error.to_string().contains("no tree of B within 3 s"), "{error}");
}
