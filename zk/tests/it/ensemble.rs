//! A real ZooKeeper ensemble from Debian's package, on free loopback ports, gone when dropped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mesolith_zk::four_letter;

const CLASS_PATH: &str = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

/// What is special about an ensemble.
#[derive(Clone)]
pub struct Setup {
    pub class_path: String,
    pub jvm: Vec<&'static str>,
    /// More lines of the configuration file.
    pub config: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            class_path: CLASS_PATH.to_owned(),
            jvm: Vec::new(),
            config: "",
        }
    }
}

impl Setup {
    /// Another version than the package's, from Maven Central.
    pub fn version(version: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers.sh");
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

struct Server {
    ports: [u16; 3],
    process: Option<Child>,
}

/// Servers 1..=n; stopped ones can be started again on their data.
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
        let dir = tempfile::tempdir().unwrap();
        let servers = (0..n)
            .map(|_| Server {
                ports: free_ports(),
                process: None,
            })
            .collect();
        let mut this = Self { dir, servers, setup };
        for id in 1..=n {
            this.configure(id);
            prepare(&this.data(id));
            this.spawn(id);
        }
        for id in 1..=n {
            this.wait_serving(id).await;
        }
        this
    }

    /// `zk://h:p,h:p/path`.
    pub fn url(&self, path: &str) -> String {
        let servers: Vec<_> = (1..=self.servers.len()).map(|id| self.server(id)).collect();
        format!("zk://{}{path}", servers.join(","))
    }

    /// `host:port` of a server.
    pub fn server(&self, id: usize) -> String {
        format!("127.0.0.1:{}", self.servers[id - 1].ports[0])
    }

    /// `host:port` where a server listens for learners while it leads.
    pub fn quorum(&self, id: usize) -> String {
        format!("127.0.0.1:{}", self.servers[id - 1].ports[1])
    }

    /// Where a server keeps its snapshots and logs.
    pub fn data(&self, id: usize) -> PathBuf {
        self.dir.path().join(id.to_string()).join("data/version-2")
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

    /// Starts a killed server again, without waiting.
    pub fn spawn(&mut self, id: usize) {
        let dir = self.dir.path().join(id.to_string());
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .unwrap();
        let process = Command::new("java")
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

    fn log(&self, id: usize) -> String {
        fs::read_to_string(self.dir.path().join(id.to_string()).join("log")).unwrap_or_default()
    }

    fn configure(&self, id: usize) {
        let dir = self.dir.path().join(id.to_string());
        fs::create_dir_all(dir.join("data/version-2")).unwrap();
        fs::write(dir.join("data/myid"), id.to_string()).unwrap();
        fs::write(dir.join("zoo.cfg"), self.config(id, &dir)).unwrap();
    }

    fn config(&self, id: usize, dir: &Path) -> String {
        let mut text = format!(
            "tickTime=500\ninitLimit=40\nsyncLimit=20\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n\
             admin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n",
            dir.join("data").display(),
            self.servers[id - 1].ports[0]
        );
        text += self.setup.config;
        if self.servers.len() > 1 {
            for (i, server) in self.servers.iter().enumerate() {
                text += &format!(
                    "server.{}=127.0.0.1:{}:{}\n",
                    i + 1,
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
    // All three are held until all are known, so that they differ.
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
