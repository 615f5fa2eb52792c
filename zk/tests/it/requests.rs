//! Writing through an observer's link to real leaders: any session, all rights, and the answers in the stream.

use std::time::{Duration, Instant};

use mesolith_zk::jute;
use mesolith_zk::learner::{Config, Event, Learner, Lease, Server};
use mesolith_zk::record::{Acl, Id, Op, Txn};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write, session_password};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::workload;
use mesolith_testkit_zookeeper::{Ensemble, Setup};

const SESSION: i64 = 0x7a00_0000_0000_0001;

struct Writer {
    learner: Learner,
    cxid: i32,
    _spool: tempfile::TempDir,
}

impl Writer {
    async fn join(ensemble: &Ensemble) -> Self {
        let servers = (1..=3).map(|id| Server {
            client: ensemble.server(id),
            quorum: Some(ensemble.quorum(id)),
        });
        let spool = tempfile::tempdir().unwrap();
        let config = Config::new(servers.collect(), spool.path().to_path_buf());
        let learner = Learner::start(config, None).unwrap();
        let mut this = Self {
            learner,
            cxid: 0,
            _spool: spool,
        };
        this.up_to_date().await;
        this
    }

    async fn event(&mut self) -> Event {
        let next = timeout(Duration::from_secs(60), self.learner.next());
        next.await.expect("the leader is silent").unwrap()
    }

    async fn up_to_date(&mut self) {
        while !matches!(self.event().await, Event::UpToDate { .. }) {}
    }

    async fn answer(&mut self, session: i64, request: Request) -> Txn {
        self.cxid += 1;
        self.learner
            .requests()
            .send(session, self.cxid, &request)
            .unwrap();
        loop {
            if let Event::Committed { txn, .. } = self.event().await
                && (txn.header.session, txn.header.cxid) == (session, self.cxid)
            {
                return txn;
            }
        }
    }
}

fn create(path: &str, mode: CreateMode) -> Write {
    Write::Create {
        path: path.into(),
        data: Some("x".into()),
        acl: None,
        mode,
    }
}

fn set(path: &str, data: &'static str, version: i32) -> Write {
    Write::SetData {
        path: path.into(),
        data: Some(data.into()),
        version,
    }
}

/// A barrier comes after the writes that were sent before it, and after what a client was told is done.
async fn barriers(writer: &mut Writer, ensemble: &Ensemble, old: bool) {
    let requests = writer.learner.requests();
    for n in 0..50 {
        writer.cxid += 1;
        let write = create(&format!("/barrier{n}"), CreateMode::Persistent);
        requests
            .send(SESSION, writer.cxid, &Request::Single(write))
            .unwrap();
        requests.sync(SESSION, writer.cxid).unwrap();
    }
    for n in 0..50 {
        while !matches!(writer.event().await, Event::Synced) {}
        assert!(writer.learner.tree().get(&format!("/barrier{n}")).is_some());
    }
    let client = workload::connect(&ensemble.connect_string(), old).await;
    let open = zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
    for n in 0..20 {
        let path = format!("/other{n}");
        client.create(&path, b"", &open).await.unwrap();
        // The session of a barrier need not exist.
        requests.sync(0, n).unwrap();
        while !matches!(writer.event().await, Event::Synced) {}
        assert!(writer.learner.tree().get(&path).is_some());
    }
}

/// Codes of a failed multi's parts.
fn codes(txn: &Txn) -> Vec<i32> {
    let Op::Multi(parts) = &txn.op else {
        panic!("no multi: {txn:?}")
    };
    let code = |op: &Op| match op {
        Op::Error { code } => *code,
        _ => 0,
    };
    parts.iter().map(code).collect()
}

async fn writes(version: Setup, old: bool) {
    let setup = Setup {
        jvm: vec!["-Dzookeeper.extendedTypesEnabled=true".into()],
        ..version
    };
    let mut ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    let mut writer = Writer::join(&ensemble).await;

    let opened = writer
        .answer(SESSION, Request::OpenSession { timeout: 10_000 })
        .await;
    assert_eq!(opened.op, Op::CreateSession { timeout: 10_000 });
    writer.learner.touch_list().keep([(SESSION, 10_000)]);

    // All or nothing, under expected versions.
    let mut all = vec![
        create("/a", CreateMode::Persistent),
        create("/a/mine", CreateMode::Ephemeral),
        set("/a", "y", 0),
    ];
    if !old {
        all.push(create("/a/box", CreateMode::Container));
        all.push(create("/a/short", CreateMode::Ttl(60_000)));
    }
    writer.answer(SESSION, Request::Multi(all)).await;
    let tree = writer.learner.tree();
    assert_eq!(tree.get("/a").unwrap().data(), Some(&b"y"[..]));
    assert_eq!(tree.get("/a/mine").unwrap().owner(), Some(SESSION));
    if !old {
        assert_eq!(tree.get("/a/short").unwrap().stored().ttl(), Some(60_000));
    }
    let wrong = vec![
        set("/a", "z", 1),
        set("/a", "z", 7),
        create("/b", CreateMode::Persistent),
    ];
    let failed = writer.answer(SESSION, Request::Multi(wrong)).await;
    assert!(failed.op.is_failed_multi());
    assert_eq!(codes(&failed)[1], -103, "{failed:?}");
    assert!(writer.learner.tree().get("/b").is_none());

    barriers(&mut writer, &ensemble, old).await;

    // What nobody else may write.
    let locked = vec![Acl {
        perms: 31,
        id: Id {
            scheme: "digest".into(),
            id: "u:nobodyknows".into(),
        },
    }];
    let acl = Write::SetAcl {
        path: "/a".into(),
        acl: Some(locked.clone()),
        version: 0,
    };
    writer.answer(SESSION, Request::Single(acl)).await;
    assert_eq!(writer.learner.tree().get("/a").unwrap().acl(), Some(&locked[..]));
    let done = writer
        .answer(SESSION, Request::Single(set("/a", "w", ANY_VERSION)))
        .await;
    assert!(matches!(done.op, Op::SetData(_)), "{done:?}");

    // A new link has to say that it speaks for the session, or the leader takes the old one for its owner.
    let leader = ensemble.leader().await;
    ensemble.kill(leader);
    ensemble.spawn(leader);
    writer.up_to_date().await;
    writer.learner.requests().revalidate(SESSION, 10_000).unwrap();
    loop {
        if let Event::Revalidated { session, lives } = writer.event().await {
            assert_eq!((session, lives), (SESSION, true));
            break;
        }
    }
    let done = writer
        .answer(SESSION, Request::Single(set("/a", "v", ANY_VERSION)))
        .await;
    assert!(matches!(done.op, Op::SetData(_)), "{done:?}");

    // A client takes the session over, with the password that every server derives from the id.
    let client = connect(&ensemble.server(leader % 3 + 1), SESSION).await;
    let moved = writer
        .answer(SESSION, Request::Single(set("/nowhere", "", ANY_VERSION)))
        .await;
    assert_eq!(moved.op, Op::Error { code: -118 }, "{moved:?}");

    let closed = writer.answer(SESSION, Request::CloseSession).await;
    assert!(
        matches!(closed.op, Op::CloseSession { .. } | Op::Error { .. }),
        "{closed:?}"
    );
    drop(client);
}

/// Connects as the client of a session that exists; the server's answer names it, or 0.
async fn connect(server: &str, session: i64) -> TcpStream {
    let mut request = jute::Writer::new();
    request.int(0);
    request.long(0);
    request.int(10_000);
    request.long(session);
    request.buffer(Some(&session_password(session)));
    request.boolean(false);
    let mut framed = jute::Writer::new();
    framed.buffer(Some(request.as_slice()));
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        // A server that has not joined the quorum again closes the connection.
        let tried = async {
            let mut stream = TcpStream::connect(server).await?;
            stream.write_all(framed.as_slice()).await?;
            let mut answer = [0; 20];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok((stream, answer))
        };
        match tried.await {
            Ok((stream, answer)) => {
                assert_eq!(answer[12..], session.to_be_bytes(), "the session was refused");
                return stream;
            }
            Err(error) => assert!(Instant::now() < until, "{server}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A leader that pings every ten seconds hears of the sessions as soon as the link is up to date.
#[tokio::test]
async fn sessions_are_touched_before_the_first_ping() {
    let setup = Setup {
        config: "tickTime=20000\n".to_owned(),
        ..Setup::default()
    };
    let ensemble = Ensemble::start_with(3, setup, |_| ()).await;
    let leader = ensemble.leader().await;
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        client: ensemble.server(leader),
        quorum: Some(relay.local_addr().unwrap().to_string()),
    };
    let spool = tempfile::tempdir().unwrap();
    let config = Config::new(vec![server], spool.path().to_path_buf());
    let learner = Learner::start(config, None).unwrap();
    learner.touch_list().keep([(SESSION, 10_000)]);
    let relayed = async {
        let (from, _) = relay.accept().await.unwrap();
        let to = TcpStream::connect(ensemble.quorum(leader)).await.unwrap();
        let ((mut from, mut back), (mut answers, mut to)) = (from.into_split(), to.into_split());
        let answering = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
        let mut touch = vec![0, 0, 0, 12];
        touch.extend(SESSION.to_be_bytes());
        touch.extend(10_000_i32.to_be_bytes());
        let mut said = Vec::new();
        while !said.windows(touch.len()).any(|part| part == touch) {
            let before = said.len();
            from.read_buf(&mut said).await.unwrap();
            to.write_all(&said[before..]).await.unwrap();
        }
        answering.abort();
    };
    timeout(Duration::from_secs(5), relayed)
        .await
        .expect("no touch before the first ping");
}

/// The link lives on and answers every ping, as it does while its user hangs.
#[tokio::test]
async fn a_lease_that_nobody_renews_ends_and_other_sessions_do_not() {
    let ensemble = Ensemble::start_with(3, Setup::default(), |_| ()).await;
    let mut writer = Writer::join(&ensemble).await;
    let (kept, leased, timeout) = (SESSION, SESSION + 1, 4_000);
    for session in [kept, leased] {
        writer.answer(session, Request::OpenSession { timeout }).await;
    }
    let list = writer.learner.touch_list();
    list.keep([(kept, timeout)]);
    list.hold(Some(Lease {
        session: leased,
        timeout,
        until: Instant::now(),
    }));
    let ended = loop {
        if let Event::Committed { txn, .. } = writer.event().await
            && matches!(txn.op, Op::CloseSession { .. })
        {
            break txn.header.session;
        }
    };
    assert_eq!(ended, leased);
    assert!(writer.learner.tree().sessions().contains_key(&kept));
}

#[tokio::test]
async fn writes_to_the_packages_version() {
    writes(Setup::default(), false).await;
}

#[tokio::test]
async fn writes_to_3_4() {
    writes(Setup::version("3.4.14"), true).await;
}

#[tokio::test]
async fn writes_to_3_9() {
    writes(Setup::version("3.9.3"), false).await;
}
