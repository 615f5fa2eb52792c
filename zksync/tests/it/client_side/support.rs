//! A link under test, and the same ensemble as an independent client reads it.

use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::record::{Op, Txn};
use mesolith_zk::request::{CreateMode, Request, Write};
use mesolith_zk::tree::Tree;
use mesolith_zksync::client_side::{ClientSide, Config};
use mesolith_zksync::side::{Capture, Error, Link, SideEvent};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateOptions};

pub const OWN: i64 = 0x7d4d_0000_0000_0001;

const LIMIT: Duration = Duration::from_secs(60);

pub fn config(ensemble: &Ensemble, capture: Capture, version: (u32, u32, u32)) -> Config {
    let servers = ensemble.connect_string().split(',').map(str::to_owned).collect();
    Config {
        version: Some(version),
        session_timeout: Duration::from_secs(10),
        resync: None,
        ..Config::new(servers, capture)
    }
}

pub struct Side {
    link: Link,
    cxid: i32,
    dirty: Vec<Box<str>>,
}

impl Side {
    pub fn unstarted(config: Config) -> Self {
        Self {
            link: Link::Client(Box::new(ClientSide::start(config))),
            cxid: 0,
            dirty: Vec::new(),
        }
    }

    pub async fn start_with(config: Config) -> Self {
        let mut side = Self::unstarted(config);
        side.until(|event, _| matches!(event, SideEvent::UpToDate)).await;
        side
    }

    pub async fn start(ensemble: &Ensemble, capture: Capture, version: (u32, u32, u32)) -> Self {
        Self::start_with(config(ensemble, capture, version)).await
    }

    pub fn tree(&self) -> &Tree {
        self.link.tree()
    }

    pub async fn error(&mut self) -> Error {
        timeout(LIMIT, async {
            loop {
                if let Err(error) = self.link.next().await {
                    return error;
                }
            }
        })
        .await
        .expect("no error")
    }

    async fn event(&mut self) -> SideEvent {
        let event = timeout(LIMIT, self.link.next())
            .await
            .expect("the link is silent")
            .unwrap();
        if let SideEvent::Dirty { paths } = &event {
            self.dirty.extend(paths.iter().cloned());
        }
        event
    }

    pub async fn until(&mut self, reached: impl Fn(&SideEvent, &Tree) -> bool) -> SideEvent {
        let until = Instant::now() + LIMIT;
        loop {
            let event = self.event().await;
            if reached(&event, self.tree()) {
                return event;
            }
            assert!(Instant::now() < until, "it does not come");
        }
    }

    /// Takes events for a while; how often the link was lost.
    pub async fn events_for(&mut self, time: Duration) -> usize {
        let mut lost = 0;
        let until = tokio::time::Instant::now() + time;
        while let Ok(event) = tokio::time::timeout_at(until, self.link.next()).await {
            lost += usize::from(matches!(event.unwrap(), SideEvent::LostLeader { .. }));
        }
        lost
    }

    pub async fn while_running<T>(&mut self, task: tokio::task::JoinHandle<T>) -> T {
        let until = Instant::now() + LIMIT;
        while !task.is_finished() {
            assert!(Instant::now() < until, "the task does not end");
            self.events_for(Duration::from_millis(100)).await;
        }
        task.await.unwrap()
    }

    pub fn send(&mut self, session: i64, request: Request) -> i32 {
        self.cxid -= 1;
        self.link.requests().send(session, self.cxid, &request).unwrap();
        self.cxid
    }

    pub fn refuses(&mut self, session: i64, request: Request) {
        self.link.requests().send(session, -1, &request).unwrap_err();
    }

    /// Writes one request after the other, alternating between sessions, until so many were answered; each answer is
    /// checked against the tree.
    pub async fn write_until_answered(&mut self, session: i64, times: usize) {
        let (mut answers, mut n) = (0, 0);
        while answers < times {
            n += 1;
            let session = if n % 3 == 0 { session } else { OWN };
            let path = format!("/w/n{}", n % 20);
            let Some(node) = self.tree().get(&path) else {
                panic!("{path} is not there")
            };
            let version = node.stored().version;
            let writes = vec![set(&path, "w", version), set(&path, "v", version + 1)];
            let cxid = self.cxid - 1;
            self.cxid = cxid;
            let sent = self.link.requests().send(session, cxid, &Request::Multi(writes));
            loop {
                match self.event().await {
                    SideEvent::Committed { txn, .. } if txn.header.cxid == cxid => {
                        answers += 1;
                        if !txn.op.is_failed_multi() && !matches!(txn.op, Op::Error { .. }) {
                            let now = self.tree().get(&path).unwrap();
                            assert_eq!((now.data(), now.stored().version), (Some(&b"v"[..]), version + 2));
                        }
                        break;
                    }
                    SideEvent::UpToDate => break,
                    SideEvent::Committed { .. } if sent.is_err() => break,
                    _ => {}
                }
            }
        }
    }

    pub async fn answer_to(&mut self, session: i64, cxid: i32) -> Txn {
        loop {
            if let SideEvent::Committed { txn, .. } = self.event().await
                && txn.header.cxid != 0
            {
                assert_eq!((txn.header.session, txn.header.cxid), (session, cxid), "{txn:?}");
                return txn;
            }
        }
    }

    pub async fn answer(&mut self, session: i64, request: Request) -> Txn {
        let cxid = self.send(session, request);
        self.answer_to(session, cxid).await
    }

    pub async fn barrier(&mut self) {
        self.link.requests().sync(OWN, 0).unwrap();
        self.until(|event, _| matches!(event, SideEvent::Synced)).await;
    }

    pub fn dirty_of_own(&self) -> Vec<Box<str>> {
        self.dirty.clone()
    }

    /// Takes events until the tree is what a client reads; then an independent read of everything agrees.
    pub async fn until_equal(&mut self, client: &Client) {
        let until = Instant::now() + LIMIT;
        loop {
            self.events_for(Duration::from_millis(100)).await;
            match differences(client, self.tree()).await {
                found if found.is_empty() => return,
                found => assert!(Instant::now() < until, "{found:#?}"),
            }
        }
    }
}

/// What a client reads, against the tree: data, ACL, children and all fields of the stat.
async fn differences(client: &Client, tree: &Tree) -> Vec<String> {
    client.sync("/").await.unwrap();
    let mut found = Vec::new();
    let mut paths = vec!["/".to_owned()];
    let mut at = 0;
    while let Some(path) = paths.get(at).cloned() {
        at += 1;
        let (children, stat) = client.get_children(&path).await.unwrap();
        let above = path.trim_end_matches('/');
        paths.extend(children.iter().map(|name| format!("{above}/{name}")));
        let Some(node) = tree.get(&path) else {
            found.push(format!("{path} is missing"));
            continue;
        };
        let (data, _) = client.get_data(&path).await.unwrap();
        let (acl, _) = client.get_acl(&path).await.unwrap();
        let ours = node.stat();
        let of_ours = (
            node.data().unwrap_or_default(),
            node.acl().map_or(1, <[_]>::len),
            ours.num_children,
            ours.node.czxid.0,
            ours.node.version,
            ours.node.cversion,
            ours.node.aversion,
        );
        let of_theirs = (
            data.as_slice(),
            acl.len(),
            stat.num_children,
            stat.czxid,
            stat.version,
            stat.cversion,
            stat.aversion,
        );
        if of_ours != of_theirs {
            found.push(format!("{path}: {of_ours:?} but {of_theirs:?}"));
        }
    }
    if tree.len() != paths.len() {
        found.push(format!("{} nodes but {}", tree.len(), paths.len()));
    }
    found
}

pub fn open_list() -> CreateOptions<'static> {
    zookeeper_client::CreateMode::Persistent.with_acls(Acls::anyone_all())
}

pub async fn connect(servers: &str, old: bool) -> Client {
    let mut connector = Client::connector().with_session_timeout(Duration::from_secs(20));
    if old {
        connector = connector.with_server_version(3, 4, 14);
    }
    connector.connect(servers).await.unwrap()
}

/// Three nodes a round, some data set; goes on when a server is killed under it.
pub async fn fill(client: &Client, root: &str, rounds: usize) {
    let open = open_list();
    let mut tasks = vec![(root.to_owned(), String::new())];
    for round in 0..rounds {
        tasks.push((format!("{root}/n{round}"), format!("data {round}")));
        tasks.push((format!("{root}/n{round}/child"), String::new()));
    }
    for (path, data) in tasks {
        loop {
            match client.create(&path, data.as_bytes(), &open).await {
                Ok(_) | Err(zookeeper_client::Error::NodeExists) => break,
                Err(zookeeper_client::Error::ConnectionLoss) => {}
                Err(error) => panic!("{path}: {error}"),
            }
        }
    }
    for round in (0..rounds).step_by(3) {
        let path = format!("{root}/n{round}");
        while let Err(error) = client.set_data(&path, b"set", None).await {
            assert_eq!(error, zookeeper_client::Error::ConnectionLoss);
        }
    }
}

pub fn create(path: &str, mode: CreateMode) -> Write {
    Write::Create {
        path: path.into(),
        data: Some("x".into()),
        acl: None,
        mode,
    }
}

pub fn set(path: &str, data: &'static str, version: i32) -> Write {
    Write::SetData {
        path: path.into(),
        data: Some(data.into()),
        version,
    }
}

/// Codes of a failed multi's parts.
pub fn codes(txn: &Txn) -> Vec<i32> {
    let Op::Multi(parts) = &txn.op else {
        panic!("no multi: {txn:?}")
    };
    let code = |op: &Op| match op {
        Op::Error { code } => *code,
        _ => 1,
    };
    parts.iter().map(code).collect()
}

/// Closes somebody's session: takes it over with its password, which servers derive from its id. Its client takes it
/// back at once, so it is tried until the node that it owns is gone.
pub async fn end_session(server: &str, client: &Client, node: &str) {
    use mesolith_zk::jute::Writer;
    use tokio::io::AsyncWriteExt;
    let (_, stat) = client.get_data(node).await.unwrap();
    let session = stat.ephemeral_owner;
    let mut request = Writer::new();
    request.int(0);
    request.long(0);
    request.int(10_000);
    request.long(session);
    request.buffer(Some(&mesolith_zk::request::session_password(session)));
    request.boolean(false);
    let mut close = Writer::new();
    close.int(1);
    close.int(-11);
    let mut framed = Writer::new();
    framed.buffer(Some(request.as_slice()));
    framed.buffer(Some(close.as_slice()));
    let until = Instant::now() + LIMIT;
    while client.check_stat(node).await.unwrap().is_some() {
        assert!(Instant::now() < until, "the session does not end");
        let mut stream = tokio::net::TcpStream::connect(server).await.unwrap();
        stream.write_all(framed.as_slice()).await.unwrap();
        let mut rest = Vec::new();
        // It ends as the server likes: with an answer, or a reset.
        let _ = timeout(LIMIT, stream.read_to_end(&mut rest)).await.unwrap();
    }
}
