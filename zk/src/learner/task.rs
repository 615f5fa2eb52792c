//! Link after link, for as long as the learner lives.

use std::future::pending;
use std::sync::Arc;

use super::queue::{Item, Queue};
use super::stream::{self, End};
use super::{Config, Requests, TouchList, discover};
use crate::record::Zxid;

pub(super) async fn run(
    config: Config,
    mut last: Zxid,
    queue: Arc<Queue>,
    touch: TouchList,
    requests: Requests,
) {
    let mut said = String::new();
    loop {
        let before = last;
        let cause = match discover::leader(&config.servers).await {
            Err(cause) => cause,
            Ok(address) => match stream::run(&address, &config, &mut last, &queue, &touch, &requests).await {
                End::Broken(broken) => broken.to_string(),
                End::Truncated => return pending().await,
                End::Full => "transactions come faster than they are taken, and the spool is full".to_owned(),
            },
        };
        if last != before {
            said.clear();
        }
        // The same trouble again is no news.
        if cause != said {
            tracing::info!(%last, %cause, "no link to a ZooKeeper leader");
            queue.push(Item::Lost(cause.clone()));
            said = cause;
        }
        queue.room().await;
        tokio::time::sleep(config.retry).await;
    }
}
