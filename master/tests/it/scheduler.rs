//! A scripted scheduler over HTTP and RecordIO, in JSON.

use mesolith_proto::recordio::RecordIo;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

use crate::agent::LIMIT;
use crate::master::Master;

type Records = std::pin::Pin<Box<dyn futures::Stream<Item = Value> + Send>>;

pub struct Scheduler {
    pub id: String,
    pub stream_id: String,
    url: String,
    records: Records,
}

pub fn info(id: Option<&str>) -> Value {
    let mut info = json!({
        "user": "root", "name": "test", "roles": ["*"], "failover_timeout": 60.0,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}],
    });
    if let Some(id) = id {
        info["id"] = json!({"value": id});
    }
    info
}

pub async fn post(url: &str, body: &Value, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().post(url).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

impl Scheduler {
    pub async fn subscribe(master: &Master, info: Value) -> Self {
        let id = info["id"].clone();
        let mut body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if !id.is_null() {
            body["framework_id"] = id;
        }
        let url = master.url("/api/v1/scheduler");
        let response = post(&url, &body, &[JSON]).await;
        assert_eq!(response.status(), 200);
        let stream_id = response.headers()["Mesos-Stream-Id"].to_str().unwrap().to_owned();
        let bytes = response
            .bytes_stream()
            .map(|chunk| chunk.map_err(std::io::Error::other));
        let records = FramedRead::new(StreamReader::new(bytes), RecordIo::default());
        let records = records.map(|record| serde_json::from_slice(&record.unwrap()).unwrap());
        let mut this = Self {
            id: String::new(),
            stream_id,
            url,
            records: Box::pin(records),
        };
        let first = this.next().await.unwrap();
        if first["type"] == "SUBSCRIBED" {
            this.id = first["subscribed"]["framework_id"]["value"]
                .as_str()
                .unwrap()
                .to_owned();
        } else {
            assert_eq!(first["type"], "ERROR", "{first}");
            this.id = first["error"]["message"].as_str().unwrap().to_owned();
        }
        this
    }

    /// The next event, `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(LIMIT, self.records.next())
            .await
            .expect("no event in time")
    }

    /// The next event of a type; others are skipped.
    pub async fn wait(&mut self, kind: &str) -> Value {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("stream ended before {kind}"));
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The next status of a task in a state.
    pub async fn wait_status(&mut self, task: &str, state: &str) -> Value {
        loop {
            let status = self.wait("UPDATE").await["update"]["status"].clone();
            if status["task_id"]["value"] == task && status["state"] == state {
                return status;
            }
        }
    }

    pub async fn call(&self, kind: &str, mut payload: Value) -> reqwest::Response {
        payload["type"] = json!(kind);
        payload["framework_id"] = json!({"value": self.id});
        let trace = (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        post(
            &self.url,
            &payload,
            &[JSON, ("Mesos-Stream-Id", &self.stream_id), trace],
        )
        .await
    }

    pub async fn offer(&mut self) -> Value {
        self.wait("OFFERS").await["offers"]["offers"][0].clone()
    }

    pub async fn launch(&self, offer: &Value, task: &str, cpus: f64) {
        let task = json!({
            "name": task, "task_id": {"value": task}, "agent_id": offer["agent_id"],
            "command": {"value": "sleep 100"},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}},
            ],
        });
        let accept = json!({"accept": {
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
            "filters": {"refuse_seconds": 0.0},
        }});
        assert_eq!(self.call("ACCEPT", accept).await.status(), 202);
    }

    pub async fn acknowledge(&self, status: &Value) {
        let acknowledge = json!({"acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        }});
        assert_eq!(self.call("ACKNOWLEDGE", acknowledge).await.status(), 202);
    }
}
