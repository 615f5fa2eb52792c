//! Two replicas, one writes.

use super::operator::{Operator, Turn};

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_has_one_holder_and_moves_at_once_on_shutdown() {
    let turn = Turn::take().await;
    let first = Operator::start(&turn, "first");
    first.wait_leads().await;
    let second = Operator::start(&turn, "second");
    let end = std::time::Instant::now() + super::operator::LIMIT;
    // A standby is ready, and not leader.
    while second
        .get("/readyz")
        .await
        .is_none_or(|(status, _)| status != 200)
    {
        assert!(std::time::Instant::now() < end, "waited for the standby");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(first.leads().await, "the first still leads");
    assert!(!second.leads().await, "the second stands by");
    assert_eq!(second.writes().await, 0.0);
    first.stop().await;
    second.wait_leads().await;

    // Killed, the lease runs out first, and another takes over all the same.
    second.kill();
    let third = Operator::start(&turn, "third");
    third.wait_leads().await;
    third.stop().await;
}
