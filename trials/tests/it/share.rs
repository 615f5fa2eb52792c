//! A short share of the trials.

use std::time::Duration;

use mesolith_trials::chaos::{self, Request};

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

/// Without an engine: what the trials say of one ensemble must be that it equals itself, whatever happens to it.
#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_equals_itself() {
    let request = Request {
        itself: true,
        ..request(2, 3)
    };
    let report = chaos::run(&request).await.unwrap();
    assert!(report.is_good(), "{}", report.table());
}
