//! Nodes at the servers' limits, and what a side does not take.

mod takeover;

use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zksync::engine;
use mesolith_zksync::handle::{Command, Handle, Refused};
use mesolith_zksync::settings::{Direction, Mode, Settings};
use mesolith_zksync::status::{State, Status};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions};

use crate::less::{diff, endpoint, until};
use crate::options::options;
use crate::seed::{connect, setup};

const LIMIT: Duration = Duration::from_secs(90);
const SESSION: Duration = Duration::from_secs(60);
const RAISED: &str = "-Djute.maxbuffer=4194304";
/// What `jute.maxbuffer` is if nobody has set it.
const DEFAULT: usize = 1_048_575;

fn open() -> CreateOptions<'static> {
    CreateMode::Persistent.with_acls(Acls::anyone_all())
}

fn servers(first_id: usize, flags: &[&str]) -> Setup {
    let mut setup = setup(Setup::default(), first_id);
    setup.jvm.extend(flags.iter().map(|flag| (*flag).to_owned()));
    setup.jvm.push("-Xmx200m".into());
    setup
}

/// Bytes that nobody has sent by chance.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// Two ensembles, and an engine between them.
struct World {
    a: Ensemble,
    b: Ensemble,
    on_a: Client,
    on_b: Client,
    dir: tempfile::TempDir,
    engine: Option<Engine>,
    /// Another one that stands by.
    standby: Option<Engine>,
}

type Engine = (Handle, JoinHandle<Result<(), engine::Error>>);

impl World {
    async fn new(a: Setup, b: (usize, Setup)) -> Self {
        let (a, b) = tokio::join!(
            Ensemble::start_with(2, a, |_| ()),
            Ensemble::start_with(b.0, b.1, |_| ())
        );
        Self {
            on_a: connect(&a, false, SESSION).await,
            on_b: connect(&b, false, SESSION).await,
            a,
            b,
            dir: tempfile::tempdir().unwrap(),
            engine: None,
            standby: None,
        }
    }

    fn spawn(&self, direction: Direction, files: &str) -> Engine {
        let dir = self.dir.path().join(files);
        let mut options = options("refused", endpoint(&self.a), endpoint(&self.b), &dir);
        options.settings.routes[0].direction = direction;
        engine::start(options).unwrap()
    }

    /// An engine, once it says that it has done what it can.
    async fn start(&mut self, direction: Direction) {
        self.engine = Some(self.spawn(direction, "engine"));
        self.state(&[State::InSync, State::Incomplete]).await;
    }

    /// A second engine, which follows the first one.
    async fn stand_by(&mut self, direction: Direction) {
        let (standby, task) = self.spawn(direction, "standby");
        until("a standby", async || {
            (standby.status.borrow().state == State::Standby).then_some(())
        })
        .await;
        self.standby = Some((standby, task));
    }

    /// Kills the engine as kill -9 does: nothing is said to anybody.
    async fn kill(&mut self) {
        let (_, task) = self.engine.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        self.engine = self.standby.take();
    }

    /// As kill -9 does, but for the place that is free at once.
    async fn end(&mut self) {
        let (handle, task) = self.engine.take().unwrap();
        drop(handle);
        tokio::time::timeout(LIMIT, task).await.unwrap().unwrap().unwrap();
    }

    fn handle(&self) -> &Handle {
        &self.engine.as_ref().unwrap().0
    }

    fn status(&self) -> Status {
        Status::clone(&self.handle().status.borrow())
    }

    async fn state(&self, wanted: &[State]) -> Status {
        let end = Instant::now() + LIMIT;
        loop {
            let status = self.status();
            if wanted.contains(&status.state) {
                return status;
            }
            assert!(Instant::now() < end, "not {wanted:?}: {status:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Command,
    ) -> Result<T, Refused> {
        let (answer, said) = oneshot::channel();
        self.handle().commands.send(command(answer)).await.unwrap();
        tokio::time::timeout(LIMIT, said).await.unwrap().unwrap()
    }

    async fn barrier(&self) -> Result<String, Refused> {
        self.ask(Command::Barrier).await
    }

    async fn mode(&self, mode: Mode) {
        let now = self.status().settings;
        let wanted = Settings {
            mode,
            generation: now.generation + 1,
            ..now
        };
        let configured = self.ask(|answer| Command::Configure(Box::new(wanted), answer));
        configured.await.unwrap();
    }

    async fn switch(&self, to: Direction) -> Result<u64, Refused> {
        let wanted: Settings = self.status().settings.switched("/", to).unwrap();
        self.ask(|answer| Command::Configure(Box::new(wanted), answer))
            .await
    }

    /// Everything that was written has arrived, and nothing is left to say.
    async fn equal(&self) {
        self.barrier().await.unwrap();
        let report = diff(self.handle()).await;
        assert_eq!(report.different, 0, "{report:#?}");
        let status = self.state(&[State::InSync]).await;
        assert_eq!(status.refused, []);
        assert_eq!(status.conflicts, 0);
    }

    /// What a person is told of one node, wherever they look.
    async fn refused(&self, path: &str, what: &str) {
        let said = self.barrier().await.unwrap_err();
        assert_eq!(said.reason, "NodesRefused");
        let status = self.status();
        assert_eq!(status.state, State::Incomplete);
        let at = status.refused.iter().position(|one| one.path == path);
        let at = at.unwrap_or_else(|| panic!("{path}: {status:#?}"));
        let one = &status.refused[at];
        assert_eq!((&*one.what, &*one.reason), (what, "TooLarge"), "{one:?}");
        let alert = status.alerts.iter().find(|alert| alert.reason == "NodesRefused");
        let alert = &alert.unwrap().message;
        // A sentence names the first three.
        for sentence in [&said.message, alert] {
            let names = sentence.contains(path) && sentence.contains(&one.bytes.to_string());
            assert_eq!(names, at < 3, "{sentence}");
        }
    }
}

async fn has(client: &Client, path: &str, data: &[u8]) {
    let found = client.get_data(path).await.unwrap().0;
    assert!(
        found == data,
        "{path} has {} bytes, not {}",
        found.len(),
        data.len()
    );
}

/// What any client of the target can make is made, before an engine comes and after.
async fn all_that_clients_can_make(a: Setup, b: (usize, Setup), most: usize) {
    let mut world = World::new(a, b).await;
    // A create of `/b2` with an open list takes 50 bytes beside the data, a set 23.
    let (made, set) = (bytes(most), bytes(most));
    world
        .on_a
        .create("/b1", &made[..most - 175], &open())
        .await
        .unwrap();
    world
        .on_a
        .create("/b2", &made[..most - 50], &open())
        .await
        .unwrap();
    world.on_a.create("/b3", b"small", &open()).await.unwrap();
    world.on_a.set_data("/b3", &set[..most - 23], None).await.unwrap();
    world.start(Direction::AToB).await;
    world.equal().await;
    let told = world
        .status()
        .sides
        .values()
        .map(|side| side.jute_maxbuffer)
        .collect::<Vec<_>>();
    assert_eq!(told, [Some(most as u32); 2]);
    world
        .on_a
        .create("/a1", &made[..most - 175], &open())
        .await
        .unwrap();
    world.on_a.create("/a2", b"small", &open()).await.unwrap();
    world.on_a.set_data("/a2", &set[..most - 23], None).await.unwrap();
    let mut together = world.on_a.new_multi_writer();
    together.add_create("/m1", &made[..most / 2], &open()).unwrap();
    together
        .add_create("/m2", &made[..most / 2 - 150], &open())
        .unwrap();
    together.commit().await.unwrap();
    world.equal().await;
    has(&world.on_b, "/a2", &set[..most - 23]).await;
    let (m1, m2) = (
        world.on_b.check_stat("/m1").await.unwrap().unwrap(),
        world.on_b.check_stat("/m2").await.unwrap().unwrap(),
    );
    assert_eq!(m1.czxid, m2.czxid, "one transaction there too");
    // A node that grows to the limit, shrinks and goes.
    world.on_a.create("/g", b"12345", &open()).await.unwrap();
    world
        .on_a
        .set_data("/g", &made[..most - 175], None)
        .await
        .unwrap();
    world.equal().await;
    world.on_a.set_data("/g", b"54321", None).await.unwrap();
    world.equal().await;
    has(&world.on_b, "/g", b"54321").await;
    world.on_a.delete("/g", None).await.unwrap();
    world.equal().await;
    assert!(world.on_b.check_stat("/g").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_can_make_is_carried() {
    all_that_clients_can_make(servers(1, &[]), (2, servers(101, &[])), DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_can_make_is_carried_to_3_4() {
    let mut target = servers(101, &[]);
    target.class_path = Setup::version("3.4.14").class_path;
    let mut world = World::new(servers(1, &[]), (2, target)).await;
    let data = bytes(DEFAULT - 175);
    world.on_a.create("/before", &data, &open()).await.unwrap();
    world.start(Direction::AToB).await;
    world.on_a.create("/after", &data, &open()).await.unwrap();
    world.equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_can_make_with_raised_limits_is_carried() {
    all_that_clients_can_make(servers(1, &[RAISED]), (2, servers(101, &[RAISED])), 4 << 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_can_make_is_carried_through_a_client_port() {
    let mut world = World::new(servers(1, &[RAISED]), (1, servers(101, &[RAISED]))).await;
    for (path, length) in [("/x", DEFAULT - 175), ("/y", 2_000_000), ("/z", (4 << 20) - 175)] {
        world.on_a.create(path, &bytes(length), &open()).await.unwrap();
    }
    world.start(Direction::AToB).await;
    world
        .on_a
        .create("/later", &bytes(3_000_000), &open())
        .await
        .unwrap();
    world.on_a.set_data("/x", &bytes(4_000_000), None).await.unwrap();
    world.equal().await;
    has(&world.on_b, "/x", &bytes(4_000_000)).await;
}

/// Raised on A only.
async fn what_is_too_large(target: (usize, Setup)) {
    let mut world = World::new(servers(1, &[RAISED]), target).await;
    let big = bytes(2_000_000);
    world.on_a.create("/p", &big, &open()).await.unwrap();
    world.on_a.create("/p/c", b"below", &open()).await.unwrap();
    world.on_a.create("/g", b"12345", &open()).await.unwrap();
    world.start(Direction::AToB).await;
    world.refused("/p", "node").await;
    assert!(world.on_b.check_stat("/p").await.unwrap().is_none());
    // Its first value stays there, and everybody says so.
    world.on_a.set_data("/g", &big, None).await.unwrap();
    world.refused("/g", "data").await;
    has(&world.on_b, "/g", b"12345").await;
    assert_eq!(world.status().refused_count, 2);
    let said = world.switch(Direction::BToA).await.unwrap_err();
    assert_eq!(said.reason, "NodesRefused");
    assert_eq!(world.status().settings.routes[0].direction, Direction::AToB);
    // What is below it, and all else, is carried.
    world.on_a.create("/g/child", b"c", &open()).await.unwrap();
    world.on_a.create("/p/d", b"below", &open()).await.unwrap();
    until("the child", async || {
        world.on_b.check_stat("/g/child").await.unwrap().map(drop)
    })
    .await;
    // Another engine finds it again.
    world.end().await;
    world.start(Direction::AToB).await;
    world.refused("/p", "node").await;
    world.refused("/g", "data").await;
    // A later change is carried, with what is below.
    world.on_a.set_data("/g", b"54321", None).await.unwrap();
    until("the later value", async || {
        let (data, stat) = world.on_b.get_data("/g").await.unwrap();
        (data == b"54321" && stat.version == 2).then_some(())
    })
    .await;
    world.refused("/p", "node").await;
    world.on_a.set_data("/p", b"small", None).await.unwrap();
    world.equal().await;
    has(&world.on_b, "/p/c", b"below").await;
    // So is its end.
    world.on_a.set_data("/g", &big, None).await.unwrap();
    world.refused("/g", "data").await;
    world.on_a.delete("/g/child", None).await.unwrap();
    world.on_a.delete("/g", None).await.unwrap();
    world.equal().await;
    world.on_a.create("/g", &big, &open()).await.unwrap();
    world.refused("/g", "node").await;
    world.on_a.delete("/g", None).await.unwrap();
    world.on_a.create("/g", b"again", &open()).await.unwrap();
    world.equal().await;
    world.switch(Direction::BToA).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_said_and_what_comes_later_is_carried() {
    what_is_too_large((2, servers(101, &[]))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_a_client_port_is_said_and_what_comes_later_is_carried() {
    what_is_too_large((1, servers(101, &[]))).await;
}

/// Where both sides write, nobody's larger node is put back to what the other side has.
#[tokio::test(flavor = "multi_thread")]
async fn where_both_write_the_larger_node_stays() {
    let mut world = World::new(servers(1, &[]), (2, servers(101, &[RAISED]))).await;
    let big = bytes(2_000_000);
    world.on_a.create("/g", b"12345", &open()).await.unwrap();
    world.start(Direction::Both).await;
    world.equal().await;
    world.on_b.set_data("/g", &big, None).await.unwrap();
    world.on_b.create("/n", &big, &open()).await.unwrap();
    world.on_b.create("/n/c", b"below", &open()).await.unwrap();
    world.refused("/g", "data").await;
    world.refused("/n", "node").await;
    world.end().await;
    world.start(Direction::Both).await;
    world.refused("/g", "data").await;
    world.refused("/n", "node").await;
    has(&world.on_b, "/g", &big).await;
    has(&world.on_b, "/n", &big).await;
    has(&world.on_b, "/n/c", b"below").await;
    assert_eq!(world.status().conflicts, 0);
    let said = world.switch(Direction::AToB).await.unwrap_err();
    assert_eq!(said.reason, "NodesRefused");
    world.on_b.set_data("/g", b"54321", None).await.unwrap();
    world.on_b.set_data("/n", b"small", None).await.unwrap();
    // A has counted /n twice by now, and B follows.
    until("counted on both sides", async || {
        (diff(world.handle()).await.different == 0).then_some(())
    })
    .await;
    world.equal().await;
    has(&world.on_a, "/n/c", b"below").await;
}

/// Servers that are started again with a higher limit take what they had refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_raised_limit_is_noticed() {
    let mut world = World::new(servers(1, &[RAISED]), (2, servers(101, &[]))).await;
    let big = bytes(2_000_000);
    world.on_a.create("/p", &big, &open()).await.unwrap();
    world.on_a.create("/p/c", b"below", &open()).await.unwrap();
    world.start(Direction::AToB).await;
    world.refused("/p", "node").await;
    for id in 1..=2 {
        world.b.kill(id);
    }
    world.b.setup_mut().jvm.push(RAISED.into());
    for id in 1..=2 {
        world.b.spawn(id);
    }
    world.b.wait_all().await;
    until("in sync", async || {
        (world.status().state == State::InSync).then_some(())
    })
    .await;
    world.equal().await;
}
