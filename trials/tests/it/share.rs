//! A short run of the trials.

use std::time::Duration;

use mesolith_trials::chaos::{self, Request};
use mesolith_trials::version::Version;

/// An arbitrary seed.
const SEED: u64 = 1;

fn request(trials: usize, seed: u64) -> Request {
    Request {
        trials,
        seed,
        away: Duration::from_secs(10),
        both: false,
        itself: false,
        only: None,
        versions: None,
    }
}

/// Without an engine: whatever happens to an ensemble, the trials must find that it equals itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_equals_itself() {
    let request = Request {
        itself: true,
        ..request(2, 3)
    };
    let report = chaos::run(&request).await.unwrap();
    assert!(report.is_good(), "{}", report.table());
}

/// Three trials with the program itself. When one fails, `chaos-zksync --seed` shows more.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_two_ensembles_equal() {
    let request = Request {
        // These show the most in the shortest time: an engine is killed, stopped, or away.
        only: Some("engine".into()),
        versions: Some([
            Version::named("3.4.14").unwrap(),
            Version::named("3.9.3").unwrap(),
        ]),
        ..request(3, SEED)
    };
    let report = chaos::run(&request).await.unwrap();
    assert!(report.is_good(), "seed {SEED}\n{}", report.table());
}
