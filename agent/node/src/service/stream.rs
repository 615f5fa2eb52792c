//! The two streams: state, and logs.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use mesolith_proto::node::v1::{LogChunk, NodeState};
use tonic::Status;

use super::Streaming;
use crate::board::Changes;
use crate::logs;
use crate::node::Node;

/// Pause between two looks at the end of a log that is followed.
const FOLLOW: Duration = Duration::from_millis(200);
/// Many changes within a moment are one message.
const GATHER: Duration = Duration::from_millis(20);

/// The state at once, then whenever it differs from what was sent last.
pub(super) fn watch(node: &Arc<Node>, uid: String) -> Streaming<NodeState> {
    let node = node.clone();
    let changes = node.board.subscribe();
    let first = (node, uid, changes, None::<NodeState>);
    Box::pin(stream::unfold(
        first,
        |(node, uid, mut changes, sent)| async move {
            loop {
                let state = node.board.state(&uid);
                if sent.as_ref() != Some(&state) {
                    return Some((Ok(state.clone()), (node, uid, changes, Some(state))));
                }
                let alive = tokio::select! {
                    alive = changes.next() => alive,
                    () = node.shutdown.wait() => false,
                };
                if !alive {
                    return None;
                }
                tokio::time::sleep(GATHER).await;
            }
        },
    ))
}

pub(super) fn logs(
    node: &Arc<Node>,
    log: PathBuf,
    tail: u64,
    follow: bool,
) -> Result<Streaming<LogChunk>, Status> {
    let failed = |e: std::io::Error| Status::internal(format!("failed to read {}: {e}", log.display()));
    let offset = match File::open(&log) {
        Ok(mut file) => logs::tail_offset(&mut file, tail).map_err(failed)?,
        // Not started yet.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(failed(e)),
    };
    let node = node.clone();
    Ok(Box::pin(stream::unfold(
        (node, log, offset),
        move |(node, log, mut offset)| async move {
            loop {
                let data = logs::read_from(&log, &mut offset).unwrap_or_default();
                if !data.is_empty() {
                    return Some((
                        Ok(LogChunk {
                            data: Bytes::from(data),
                        }),
                        (node, log, offset),
                    ));
                }
                if !follow || node.shutdown.is_triggered() {
                    return None;
                }
                tokio::time::sleep(FOLLOW).await;
            }
        },
    )))
}
