//! A real ZooKeeper ensemble on free loopback ports, gone when dropped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mesolith_zk::four_letter;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const CLASS_PATH: &str = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

/// Settings of an ensemble.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Jars of the servers.
    pub class_path: String,
    /// More flags of the JVM; the last one wins.
    pub jvm: Vec<String>,
    /// More lines of the configuration file.
    pub config: String,
    /// Address that the servers listen on.
    pub host: String,
    /// Network namespace that they run in, made by the caller.
    pub namespace: Option<String>,
    /// Number of the first server. Two ensembles that are kept equal need different ones: it is part of session ids.
    pub first_id: usize,
    /// Folder for the data, such as one in memory; a temporary one by default.
    pub dir: Option<PathBuf>,
    /// More of the servers' environment.
    pub environment: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            class_path: CLASS_PATH.to_owned(),
            jvm: Vec::new(),
            config: String::new(),
            host: "127.0.0.1".to_owned(),
            namespace: None,
            first_id: 1,
            dir: None,
            environment: Vec::new(),
        }
    }
}

impl Setup {
    /// Another version than the package's, from Maven Central.
    pub fn version(version: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/servers.sh");
        let output = Command::new("timeout")
            .args(["600", "bash", script, version])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no ZooKeeper {version}: {said}");
        let class_path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self {
            class_path,
            ..Self::default()
        }
    }
}

#[derive(Debug)]
struct Server {
    ports: [u16; 3],
    process: Option<Child>,
}

/// Servers 1..=n, whatever numbers they have in their configuration; stopped ones can be started again on their data.
#[derive(Debug)]
pub struct Ensemble {
    dir: tempfile::TempDir,
    servers: Vec<Server>,
    setup: Setup,
}

impl Ensemble {
    /// Starts n servers and waits until all of them serve.
    pub async fn start(n: usize) -> Self {
        Self::start_with(n, Setup::default(), |_| ()).await
    }

    /// As [`Ensemble::start`]; `prepare` may put files into each server's data directory.
    pub async fn start_with(n: usize, setup: Setup, prepare: impl Fn(&Path)) -> Self {
        let mut this = Self::prepare(n, setup);
        for id in 1..=n {
            prepare(&this.data(id));
            this.spawn(id);
        }
        this.wait_all().await;
        this
    }

    /// Configurations and empty data folders; nothing runs yet.
    pub fn prepare(n: usize, setup: Setup) -> Self {
        let dir = match &setup.dir {
            Some(dir) => tempfile::tempdir_in(dir).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let servers = (0..n)
            .map(|_| Server {
                ports: free_ports(),
                process: None,
            })
            .collect();
        let this = Self { dir, servers, setup };
        (1..=n).for_each(|id| this.configure(id));
        this
    }

    /// Settings of servers that are started from now on; their `zoo.cfg` stays as it is.
    pub fn setup_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Waits until every server takes part.
    pub async fn wait_all(&self) {
        for id in 1..=self.len() {
            self.wait_serving(id).await;
        }
    }

    /// Number of servers.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Always false: an ensemble has at least one server.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// `h:p,h:p`, as clients want it.
    pub fn connect_string(&self) -> String {
        let servers: Vec<_> = (1..=self.len()).map(|id| self.server(id)).collect();
        servers.join(",")
    }

    /// `zk://h:p,h:p/path`.
    pub fn url(&self, path: &str) -> String {
        format!("zk://{}{path}", self.connect_string())
    }

    /// `host:port` of a server.
    pub fn server(&self, id: usize) -> String {
        format!("{}:{}", self.setup.host, self.servers[id - 1].ports[0])
    }

    /// `host:port` where a server listens for learners while it leads.
    pub fn quorum(&self, id: usize) -> String {
        format!("{}:{}", self.setup.host, self.servers[id - 1].ports[1])
    }

    /// Where a server keeps its snapshots and logs.
    pub fn data(&self, id: usize) -> PathBuf {
        self.data_dir(id).join("version-2")
    }

    /// A server's `dataDir`.
    pub fn data_dir(&self, id: usize) -> PathBuf {
        self.dir.path().join(id.to_string()).join("data")
    }

    /// A server's `zoo.cfg`, to be changed before it is started.
    pub fn config_file(&self, id: usize) -> PathBuf {
        self.dir.path().join(id.to_string()).join("zoo.cfg")
    }

    /// The id of the server that leads.
    pub async fn leader(&self) -> usize {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            for id in 1..=self.servers.len() {
                let status = four_letter::srvr(&self.server(id), Duration::from_secs(2)).await;
                if status.is_ok_and(|s| s.mode == Some(four_letter::Mode::Leader)) {
                    return id;
                }
            }
            assert!(Instant::now() < until, "nobody leads");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// kill -9.
    pub fn kill(&mut self, id: usize) {
        if let Some(mut process) = self.servers[id - 1].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    pub fn pause(&self, id: usize) {
        self.signal(id, Signal::SIGSTOP);
    }

    /// SIGCONT.
    pub fn resume(&self, id: usize) {
        self.signal(id, Signal::SIGCONT);
    }

    /// The process id of a server that runs.
    pub fn pid(&self, id: usize) -> Option<u32> {
        self.servers[id - 1].process.as_ref().map(Child::id)
    }

    fn signal(&self, id: usize, signal: Signal) {
        let pid = self.pid(id).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }

    /// Starts a killed server again, without waiting.
    pub fn spawn(&mut self, id: usize) {
        let dir = self.dir.path().join(id.to_string());
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .unwrap();
        let mut command = match &self.setup.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, "java"]);
                command
            }
            None => Command::new("java"),
        };
        let process = command
            .envs(self.setup.environment.iter().cloned())
            .args([
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dzookeeper.jmx.log4j.disable=true",
            ])
            .args(&self.setup.jvm)
            .args([
                "-cp",
                &self.setup.class_path,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            ])
            .arg(dir.join("zoo.cfg"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("java is needed: apt-get install zookeeper default-jre-headless");
        self.servers[id - 1].process = Some(process);
    }

    /// Waits until a server takes part in a quorum.
    pub async fn wait_serving(&self, id: usize) {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let status = four_letter::srvr(&self.server(id), Duration::from_secs(2)).await;
            if status.as_ref().is_ok_and(|s| s.mode.is_some()) {
                return;
            }
            assert!(
                Instant::now() < until,
                "server {id} does not serve: {status:?}\n{}",
                self.log(id)
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a server has printed.
    pub fn log(&self, id: usize) -> String {
        fs::read_to_string(self.dir.path().join(id.to_string()).join("log")).unwrap_or_default()
    }

    fn configure(&self, id: usize) {
        let dir = self.dir.path().join(id.to_string());
        fs::create_dir_all(dir.join("data/version-2")).unwrap();
        fs::write(dir.join("data/myid"), (self.setup.first_id + id - 1).to_string()).unwrap();
        fs::write(dir.join("zoo.cfg"), self.config(id, &dir)).unwrap();
    }

    fn config(&self, id: usize, dir: &Path) -> String {
        let mut text = format!(
            "tickTime=500\ninitLimit=40\nsyncLimit=20\ndataDir={}\nclientPort={}\nclientPortAddress={}\n\
             admin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n",
            dir.join("data").display(),
            self.servers[id - 1].ports[0],
            self.setup.host
        );
        text += &self.setup.config;
        if self.servers.len() > 1 {
            for (i, server) in self.servers.iter().enumerate() {
                text += &format!(
                    "server.{}={}:{}:{}\n",
                    self.setup.first_id + i,
                    self.setup.host,
                    server.ports[1],
                    server.ports[2]
                );
            }
        }
        text
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        for id in 1..=self.servers.len() {
            self.kill(id);
        }
    }
}

fn free_ports() -> [u16; 3] {
    // All three ports are held until all are known, so that they differ.
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
