//! Event streams in protobuf, and a reader that does not read.

use mesolith_proto::mesos::v1;
use mesolith_proto::recordio::RecordIo;
use prost::Message;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;
use v1::scheduler::{Call, Event, call, event};

use crate::master::{Master, eventually};
use crate::scheduler::info;

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_in_protobuf_out() {
    let master = Master::leading(&[]).await;
    let info = v1::FrameworkInfo {
        user: "root".into(),
        name: "binary".into(),
        ..Default::default()
    };
    let mut call = Call::default();
    call.set_type(call::Type::Subscribe);
    call.subscribe = Some(call::Subscribe {
        framework_info: info,
        ..Default::default()
    });
    let request = reqwest::Client::new()
        .post(master.url("/api/v1/scheduler"))
        .body(call.encode_to_vec());
    let request = request
        .header("Content-Type", "application/x-protobuf")
        .header("Accept", "application/x-protobuf");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["Content-Type"], "application/x-protobuf");
    let bytes = response
        .bytes_stream()
        .map(|chunk| chunk.map_err(std::io::Error::other));
    let mut records = FramedRead::new(StreamReader::new(bytes), RecordIo::default());
    let first = Event::decode(records.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(first.r#type(), event::Type::Subscribed);
    let second = Event::decode(records.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(second.r#type(), event::Type::Heartbeat);
}

/// Header names are written as Mesos does: some clients compare them letter by letter.
#[tokio::test(flavor = "multi_thread")]
async fn header_names_are_spelled_as_mesos_spells_them() {
    let master = Master::leading(&[]).await;
    let mut stream = subscribe_raw(&master).await;
    let mut head = vec![0; 4096];
    let n = stream.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..n]).into_owned();
    for name in [
        "Mesos-Stream-Id: ",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    ] {
        assert!(head.contains(name), "{head}");
    }
}

async fn subscribe_raw(master: &Master) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", master.port)).await.unwrap();
    let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info(None)}}).to_string();
    let request = format!(
        "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// RECONCILE of unknown tasks makes the master talk; a scheduler that does not listen is cut off, others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_does_not_read_is_cut_off() {
    let master = Master::leading(&[]).await;
    let mut stream = subscribe_raw(&master).await;
    let mut head = vec![0; 4096];
    let n = stream.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..n]).into_owned();
    let id = head
        .lines()
        .find_map(|l| l.strip_prefix("Mesos-Stream-Id: "))
        .unwrap()
        .to_owned();
    let frameworks = master.get("/frameworks").await;
    let framework = frameworks["frameworks"][0]["id"].as_str().unwrap().to_owned();
    let tasks: Vec<_> = (0..5000)
        .map(|i| json!({"task_id": {"value": format!("unknown-{i}")}}))
        .collect();
    let body =
        json!({"type": "RECONCILE", "framework_id": {"value": framework}, "reconcile": {"tasks": tasks}});
    eventually("the cut", || async {
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", id.as_str()),
        ];
        let response = crate::scheduler::post(&master.url("/api/v1/scheduler"), &body, &headers).await;
        (response.status() == 403).then_some(())
    })
    .await;
    let state = master.get("/frameworks").await;
    assert_eq!(state["frameworks"][0]["connected"], false);
}
