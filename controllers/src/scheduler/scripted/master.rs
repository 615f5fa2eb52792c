//! A master that does what a test says.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use mesolith_marathon::App;
use mesolith_proto::mesos::v1::{
    self as mesos, TaskState,
    scheduler::{Call, Event, call, event},
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::scheduler::{AppKey, AppView, Desired, Scheduler, Settings};

pub(super) const FRAMEWORK: &str = "f-1";
const DEADLINE: Duration = Duration::from_secs(20);

/// One master; every answer can be scripted.
#[derive(Clone)]
pub(super) struct Master {
    pub(super) address: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    redirect: Option<String>,
    refuse: Option<(call::Type, StatusCode, &'static str)>,
    heartbeat_seconds: f64,
    calls: Vec<(Call, HeaderMap)>,
    stream: Option<mpsc::UnboundedSender<Event>>,
    state: serde_json::Value,
    updates: u8,
}

impl Master {
    pub(super) async fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            redirect: None,
            refuse: None,
            heartbeat_seconds: 15.0,
            calls: Vec::new(),
            stream: None,
            state: serde_json::json!({"frameworks": [], "slaves": []}),
            updates: 0,
        }));
        let router = Router::new()
            .route("/api/v1/scheduler", post(scheduler))
            .route("/state", get(state))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    pub(super) fn redirect_to(&self, leader: &Master) {
        self.lock().redirect = Some(leader.address.clone());
    }

    /// Refuses the next call of a kind.
    pub(super) fn refuse_once(&self, kind: call::Type, status: StatusCode, body: &'static str) {
        self.lock().refuse = Some((kind, status, body));
    }

    pub(super) fn heartbeat_seconds(&self, seconds: f64) {
        self.lock().heartbeat_seconds = seconds;
    }

    pub(super) fn set_state(&self, state: serde_json::Value) {
        self.lock().state = state;
    }

    /// Cuts the event stream.
    pub(super) fn cut(&self) {
        self.lock().stream = None;
    }

    pub(super) fn send(&self, event: Event) {
        if let Some(stream) = &self.lock().stream {
            let _ = stream.send(event);
        }
    }

    pub(super) fn offer(&self, id: &str, agent: &str, cpus: f64) {
        self.send(offers(vec![offer(id, agent, cpus)]));
    }

    /// A status update; with `uuid` it wants to be acknowledged.
    pub(super) fn update(&self, task: &str, state: TaskState) {
        let uuid = {
            let mut shared = self.lock();
            shared.updates += 1;
            vec![shared.updates; 16]
        };
        let status = mesos::TaskStatus {
            task_id: mesos::TaskId {
                value: task.to_owned(),
            },
            state: state.into(),
            agent_id: Some(mesos::AgentId {
                value: "S1".to_owned(),
            }),
            uuid: Some(uuid.into()),
            ..mesos::TaskStatus::default()
        };
        self.send(Event {
            r#type: Some(event::Type::Update.into()),
            update: Some(event::Update { status }),
            ..Event::default()
        });
    }

    pub(super) fn error(&self, message: &str) {
        self.send(Event {
            r#type: Some(event::Type::Error.into()),
            error: Some(event::Error {
                message: message.to_owned(),
            }),
            ..Event::default()
        });
    }

    pub(super) fn calls(&self, kind: call::Type) -> Vec<(Call, HeaderMap)> {
        let wanted = Some(i32::from(kind));
        self.lock()
            .calls
            .iter()
            .filter(|(call, _)| call.r#type == wanted)
            .cloned()
            .collect()
    }

    /// Waits until there are `count` calls of a kind, and returns them.
    pub(super) async fn wait_calls(&self, kind: call::Type, count: usize) -> Vec<Call> {
        eventually(
            || self.calls(kind).len() >= count,
            || format!("{kind:?} {count}: {:?}", self.lock().calls),
        )
        .await;
        self.calls(kind).into_iter().map(|(call, _)| call).collect()
    }

    /// Task ids launched so far.
    pub(super) fn launched(&self) -> Vec<String> {
        let accepts = self
            .calls(call::Type::Accept)
            .into_iter()
            .filter_map(|(call, _)| call.accept);
        let operations = accepts.flat_map(|accept| accept.operations);
        let launches = operations.filter_map(|operation| operation.launch);
        launches
            .flat_map(|launch| launch.task_infos)
            .map(|task| task.task_id.value)
            .collect()
    }

    pub(super) async fn wait_launched(&self, count: usize) -> Vec<String> {
        eventually(
            || self.launched().len() >= count,
            || format!("{count} launches: {:?}", self.launched()),
        )
        .await;
        self.launched()
    }
}

pub(super) async fn eventually(mut holds: impl FnMut() -> bool, describe: impl Fn() -> String) {
    let patience = tokio::time::timeout(DEADLINE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(patience.await.is_ok(), "{}", describe());
}

/// A scheduler that knows `masters`.
pub(super) struct Subject {
    pub(super) scheduler: Scheduler,
    pub(super) key: AppKey,
    _changes: mpsc::UnboundedReceiver<AppKey>,
}

impl Subject {
    pub(super) fn start(masters: &[&Master]) -> Self {
        let (changed, changes) = mpsc::unbounded_channel();
        let settings = Settings {
            framework_id: FRAMEWORK.to_owned(),
            hostname: "test".to_owned(),
        };
        let scheduler = Scheduler::start(settings, changed).unwrap();
        scheduler.masters(masters.iter().map(|master| master.address.clone()).collect());
        let key = AppKey {
            namespace: "ns".to_owned(),
            name: "a".to_owned(),
        };
        Self {
            scheduler,
            key,
            _changes: changes,
        }
    }

    pub(super) fn desire(&self, instances: u32, cpus: f64) {
        self.define(serde_json::json!({"cpus": cpus, "instances": instances}));
    }

    /// Wants an app of one instance, with these fields on top.
    pub(super) fn define(&self, more: serde_json::Value) {
        let desired = Desired {
            app: Arc::new(definition(more)),
            changed: "2026-01-01T00:00:00.000Z".to_owned(),
            remembered: Vec::new(),
            trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        };
        self.scheduler.desire(self.key.clone(), desired);
    }

    pub(super) fn view(&self) -> AppView {
        self.scheduler.view(&self.key)
    }

    pub(super) async fn wait_view(&self, holds: impl Fn(&AppView) -> bool) -> AppView {
        eventually(|| holds(&self.view()), || format!("{:?}", self.view())).await;
        self.view()
    }
}

/// What [`Subject::define`] wants.
pub(in crate::scheduler) fn definition(more: serde_json::Value) -> App {
    let mut json = serde_json::json!({
        "id": "/a", "cmd": "sleep 1", "cpus": 0.5, "mem": 32, "instances": 1, "backoffSeconds": 0
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        json[key] = value.clone();
    }
    App::parse(json).unwrap()
}

pub(super) fn offers(offers: Vec<mesos::Offer>) -> Event {
    Event {
        r#type: Some(event::Type::Offers.into()),
        offers: Some(event::Offers { offers }),
        ..Event::default()
    }
}

pub(in crate::scheduler) fn offer(id: &str, agent: &str, cpus: f64) -> mesos::Offer {
    let allocation = Some(mesos::resource::AllocationInfo {
        role: Some("*".to_owned()),
    });
    let scalar = |name: &str, value: f64| mesos::Resource {
        name: name.to_owned(),
        r#type: mesos::value::Type::Scalar.into(),
        scalar: Some(mesos::value::Scalar { value }),
        allocation_info: allocation.clone(),
        ..mesos::Resource::default()
    };
    let range = vec![mesos::value::Range {
        begin: 31000,
        end: 31099,
    }];
    let ports = mesos::Resource {
        name: "ports".to_owned(),
        r#type: mesos::value::Type::Ranges.into(),
        ranges: Some(mesos::value::Ranges { range }),
        allocation_info: allocation.clone(),
        ..mesos::Resource::default()
    };
    mesos::Offer {
        id: mesos::OfferId { value: id.to_owned() },
        framework_id: mesos::FrameworkId {
            value: FRAMEWORK.to_owned(),
        },
        agent_id: mesos::AgentId {
            value: agent.to_owned(),
        },
        hostname: format!("host-{agent}"),
        resources: vec![scalar("cpus", cpus), scalar("mem", 1024.0), ports],
        allocation_info: allocation,
        ..mesos::Offer::default()
    }
}

async fn state(State(shared): State<Arc<Mutex<Shared>>>) -> axum::Json<serde_json::Value> {
    axum::Json(shared.lock().unwrap().state.clone())
}

async fn scheduler(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut shared = shared.lock().unwrap();
    if let Some(leader) = &shared.redirect {
        let location = format!("//{leader}/api/v1/scheduler");
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
    }
    let call = Call::decode(body).unwrap();
    let kind = call
        .r#type
        .and_then(|kind| call::Type::try_from(kind).ok())
        .unwrap();
    if let Some((refused, status, body)) = shared.refuse
        && refused == kind
    {
        shared.refuse = None;
        return (status, body).into_response();
    }
    shared.calls.push((call, headers));
    if kind != call::Type::Subscribe {
        return StatusCode::ACCEPTED.into_response();
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    let subscribed = event::Subscribed {
        framework_id: mesos::FrameworkId {
            value: FRAMEWORK.to_owned(),
        },
        heartbeat_interval_seconds: Some(shared.heartbeat_seconds),
        ..event::Subscribed::default()
    };
    let _ = sender.send(Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed),
        ..Event::default()
    });
    shared.stream = Some(sender);
    let records = UnboundedReceiverStream::new(receiver).map(|event| {
        let bytes = event.encode_to_vec();
        let mut record = format!("{}\n", bytes.len()).into_bytes();
        record.extend(bytes);
        Ok::<_, std::convert::Infallible>(record)
    });
    ([("Mesos-Stream-Id", "stream-1")], Body::from_stream(records)).into_response()
}
