//! Follows one node: connects, watches its state, renews its certificate, and starts again when the connection
//! breaks.

use super::dial::{Dial, request, sentence, stream_request};
use super::link::{CALL_TIMEOUT, Link};
use super::order::Owner;
use super::refusal::Refusal;
use super::view::{NodeView, ledger};
use crate::key::ObjectKey;
use crate::problem::Problem;
use mesolith_crds::Reason;
use mesolith_proto::node::v1::{
    CreateSigningRequestRequest, Facts, GetFactsRequest, InstallCertificateRequest, WatchRequest,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, interval_at, sleep};

/// Pauses between attempts to reach a node, in seconds.
const RETRY: [u64; 6] = [0, 1, 1, 2, 4, 8];
/// A node agent that is being restarted is back within these attempts. Until then nothing is reported.
const QUIET_ATTEMPTS: usize = 3;
/// How often facts are read again and the certificate's age is looked at, unless certificates live shorter.
const FACTS_EVERY: Duration = Duration::from_secs(600);

/// Runs until dropped.
pub(super) async fn run(
    node: Arc<Link>,
    owner: Owner,
    dial: Arc<Dial>,
    triggers: UnboundedSender<ObjectKey>,
) {
    let tell = |view: NodeView| {
        if node.note(view) {
            // Without a receiver the term is over, and this task ends too.
            let _ = triggers.send(owner.object.clone());
        }
    };
    let mut failures = 0_usize;
    loop {
        let mut answered = false;
        let problem = watch(&node, &owner, &dial, &tell, &mut answered).await;
        failures = if answered { 1 } else { failures + 1 };
        if failures > QUIET_ATTEMPTS
            || matches!(node.view(), NodeView::Unknown)
            || problem.reason == Reason::NodeUntrusted
        {
            tell(NodeView::Unreachable(problem));
        }
        sleep(Duration::from_secs(RETRY[failures.min(RETRY.len()) - 1])).await;
    }
}

/// Follows the node over one connection, and returns why it ended.
async fn watch(
    node: &Link,
    owner: &Owner,
    dial: &Dial,
    tell: &impl Fn(NodeView),
    answered: &mut bool,
) -> Problem {
    let mut client = match &node.client {
        Ok(client) => client.clone(),
        Err(message) => {
            sleep(Duration::from_secs(30)).await;
            return problem(node, Refusal::undialled(message.clone()));
        }
    };
    let mut facts = match client
        .get_facts(request(GetFactsRequest::default(), CALL_TIMEOUT))
        .await
    {
        Ok(facts) => facts.into_inner(),
        Err(status) => return refused(node, &status),
    };
    renew(node, dial, &facts).await;
    let watch = client.watch(stream_request(WatchRequest {
        cluster_uid: owner.uid.clone(),
    }));
    let mut stream = match tokio::time::timeout(CALL_TIMEOUT, watch).await {
        Ok(Ok(stream)) => stream.into_inner(),
        Ok(Err(status)) => return refused(node, &status),
        Err(_) => return refused(node, &tonic::Status::deadline_exceeded("no answer in 15 s")),
    };
    node.reconnected();
    // The certificate is looked at twice in the last third of its life, so one failure does not cut the node off.
    let every = dial
        .renew_below()
        .map_or(FACTS_EVERY, |below| FACTS_EVERY.min(below / 2));
    let mut look = interval_at(Instant::now() + every, every);
    loop {
        tokio::select! {
            message = stream.message() => match message {
                Ok(Some(state)) => {
                    *answered = true;
                    tell(NodeView::Seen(ledger(&state, &owner.uid, &owner.ids, &facts)));
                }
                Ok(None) => return refused(node, &tonic::Status::unavailable("the node agent closed the connection")),
                Err(status) => return refused(node, &status),
            },
            _ = look.tick() => match client.get_facts(request(GetFactsRequest::default(), CALL_TIMEOUT)).await {
                Ok(fresh) => {
                    facts = fresh.into_inner();
                    renew(node, dial, &facts).await;
                }
                Err(status) => return refused(node, &status),
            },
        }
    }
}

/// Renews the node's certificate when a third of its lifetime or less is left. A failure is tried again later, since
/// the old certificate is still valid.
async fn renew(node: &Link, dial: &Dial, facts: &Facts) {
    let (Some(below), Ok(client)) = (dial.renew_below(), &node.client) else {
        return;
    };
    let left = facts.certificate_not_after - jiff::Timestamp::now().as_second();
    if facts.certificate_not_after == 0 || left > i64::try_from(below.as_secs()).unwrap_or(i64::MAX) {
        return;
    }
    let mut client = client.clone();
    let exchange = async {
        let ask = request(CreateSigningRequestRequest {}, CALL_TIMEOUT);
        let pending = client
            .create_signing_request(ask)
            .await
            .map_err(|s| sentence(&s))?
            .into_inner();
        let Some(signed) = dial.sign(&node.name, &node.address, &pending.pem) else {
            return Ok(());
        };
        let (certificate_pem, ca_pem) = signed?;
        let install = InstallCertificateRequest {
            certificate_pem,
            ca_pem,
        };
        client
            .install_certificate(request(install, CALL_TIMEOUT))
            .await
            .map_err(|s| sentence(&s))?;
        Ok::<(), String>(())
    };
    match exchange.await {
        Ok(()) => tracing::info!(node = node.name, "certificate renewed"),
        Err(error) => tracing::warn!(node = node.name, error, "failed to renew the certificate"),
    }
}

fn refused(node: &Link, status: &tonic::Status) -> Problem {
    problem(node, Refusal::new(&node.address, status))
}

fn problem(node: &Link, refusal: Refusal) -> Problem {
    let message = format!("{}: {}", node.place(), refusal.sentence());
    Problem::new(refusal.reason, message).on(&node.name)
}
