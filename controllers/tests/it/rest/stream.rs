//! Streams of changes.

use super::world::{World, api, create, status};
use crate::operator::{LIMIT, Turn};
use futures::StreamExt;
use kube::api::DeleteParams;
use reqwest::Method;
use serde_json::{Value, json};

/// The next event of a stream: its name and its data.
async fn event(
    stream: &mut (impl futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
) -> (String, Value) {
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(LIMIT, stream.next())
            .await
            .expect("waited for an event");
        text += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
        if !text.ends_with("\n\n") {
            continue;
        }
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
            return (name, serde_json::from_str(&data).unwrap());
        }
        // A comment keeps the connection alive.
        text.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_every_change_until_the_end() {
    let turn = Turn::take().await;
    let world = World::start(&turn).await;
    create(&turn, "streamed").await;
    create(&turn, "other").await;
    let path = "/api/v1/migrations/streamed/events";
    let (code, _) = world.get("rest-stranger", path).await;
    assert_eq!(code, 403);
    let (code, _) = world.get("rest-viewer", "/api/v1/migrations/nobody/events").await;
    assert_eq!(code, 404);
    let answer = world
        .request("rest-viewer", Method::GET, path)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.bytes_stream();
    let (name, data) = event(&mut stream).await;
    assert_eq!(
        (name.as_str(), &data["state"]),
        ("migration", &json!("waiting_for_approval"))
    );
    status(
        &turn,
        "other",
        json!({"phase": "DeployMasters", "stage": "Acting"}),
    )
    .await;
    status(
        &turn,
        "streamed",
        json!({"phase": "DeployMasters", "stage": "Acting"}),
    )
    .await;
    let (name, data) = event(&mut stream).await;
    assert_eq!(
        (name.as_str(), &data["phase"]),
        ("migration", &json!("DeployMasters"))
    );
    assert_eq!(
        data["migration_id"], "streamed",
        "the other one is another stream's"
    );
    api(&turn)
        .delete("streamed", &DeleteParams::default())
        .await
        .unwrap();
    let (name, _) = event(&mut stream).await;
    assert_eq!(name, "deleted");

    api(&turn)
        .delete("other", &DeleteParams::default())
        .await
        .unwrap();
    // A stream that is open does not hold up the end.
    world.stop(&turn).await;
    assert!(
        tokio::time::timeout(LIMIT, stream.next())
            .await
            .unwrap()
            .is_none_or(|chunk| chunk.is_err())
    );
}
