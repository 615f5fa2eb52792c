//! A Docker engine: the one that runs already, or one of our own with a bridge of its own.
//!
//! Our own engine leaves the machine's firewall alone (`--iptables=false`): published ports go through its proxy
//! process, which is all that loopback addresses need, and stopping it leaves no rule behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::{Process, wait_until};

const SYSTEM_SOCKET: &str = "/var/run/docker.sock";

/// A Docker engine that answers.
#[derive(Debug, Clone)]
pub struct Docker {
    socket: PathBuf,
    /// Set for an engine of our own.
    own: Option<OwnEngine>,
}

#[derive(Debug, Clone)]
struct OwnEngine {
    dir: PathBuf,
    key: u8,
}

impl Docker {
    /// Uses the machine's engine if one answers, else starts one that keeps everything below `dir`.
    ///
    /// # Errors
    /// When no engine can be started; the message names its log.
    pub fn reuse_or_start(dir: &Path, key: u8) -> anyhow::Result<Self> {
        let system = Self {
            socket: SYSTEM_SOCKET.into(),
            own: None,
        };
        if system
            .run(&["version", "--format", "{{.Server.Version}}"])
            .is_ok()
        {
            return Ok(system);
        }
        Self::start(dir, key)
    }

    /// The engine that a world with this `dir` and `key` uses, if it answers.
    ///
    /// # Errors
    /// When neither its own nor the machine's answers.
    pub fn find(dir: &Path, key: u8) -> anyhow::Result<Self> {
        let engine = OwnEngine {
            dir: dir.to_owned(),
            key,
        };
        let socket = engine.run_dir().join("docker.sock");
        let own = Process::find(dir, "dockerd").map(|_| Self {
            socket,
            own: Some(engine),
        });
        let this = own.unwrap_or(Self {
            socket: SYSTEM_SOCKET.into(),
            own: None,
        });
        this.run(&["version", "--format", "{{.Server.Version}}"])?;
        Ok(this)
    }

    /// Starts an engine of our own; `key` makes its bridge and socket differ from those of other worlds.
    ///
    /// # Errors
    /// As [`Docker::reuse_or_start`].
    pub fn start(dir: &Path, key: u8) -> anyhow::Result<Self> {
        let engine = OwnEngine {
            dir: dir.to_owned(),
            key,
        };
        let this = Self {
            socket: engine.run_dir().join("docker.sock"),
            own: Some(engine.clone()),
        };
        if Process::find(dir, "dockerd").is_none() {
            // The pid file of an engine that was killed stops the next one from starting.
            std::fs::remove_file(engine.run_dir().join("docker.pid")).ok();
            engine.add_bridge()?;
            Process::start(dir, "dockerd", engine.command(&this.socket))?;
        }
        let process = Process::find(dir, "dockerd").context("dockerd did not stay up")?;
        wait_until("dockerd to answer", Duration::from_secs(60), || {
            process.check()?;
            this.run(&["version", "--format", "{{.Server.Version}}"])
        })?;
        Ok(this)
    }

    /// `unix:///...`, as clients and `--docker-host` take it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The socket's path.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether the engine is ours, so that stopping it is our business.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Runs the docker client and returns its output.
    ///
    /// # Errors
    /// When it fails; the message is docker's own.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("docker")
            .arg("-H")
            .arg(self.host())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("run docker (Debian package docker.io)")?;
        if !output.status.success() {
            bail!(
                "docker {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes a small image from Debian's static busybox whose web server answers `/` and `/health`.
    ///
    /// # Errors
    /// When busybox-static is not installed or the engine refuses the image.
    pub fn make_web_image(&self, tag: &str, port: u16) -> anyhow::Result<()> {
        if self
            .run(&["image", "inspect", "--format", "{{.Id}}", tag])
            .is_ok()
        {
            return Ok(());
        }
        let root = tempfile::tempdir()?;
        for dir in ["bin", "www", "tmp", "etc"] {
            std::fs::create_dir(root.path().join(dir))?;
        }
        let busybox = root.path().join("bin/busybox");
        std::fs::copy("/bin/busybox", &busybox)
            .context("copy /bin/busybox (Debian package busybox-static)")?;
        for applet in [
            "sh", "httpd", "sleep", "cat", "echo", "nc", "env", "id", "ls", "true", "false",
        ] {
            std::os::unix::fs::symlink("busybox", root.path().join("bin").join(applet))?;
        }
        std::fs::write(root.path().join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
        std::fs::write(root.path().join("www/index.html"), "Hello from Mesolith\n")?;
        std::fs::write(root.path().join("www/health"), "ok\n")?;
        let archive = root.path().with_extension("tar");
        let made = Command::new("tar")
            .arg("-C")
            .arg(root.path())
            .arg("-cf")
            .arg(&archive)
            .arg(".")
            .status()?;
        if !made.success() {
            bail!("tar could not write {}", archive.display());
        }
        let command = format!("CMD [\"/bin/httpd\",\"-f\",\"-p\",\"{port}\",\"-h\",\"/www\"]");
        let imported = self.run(&["import", "-c", &command, &archive.display().to_string(), tag]);
        std::fs::remove_file(&archive).ok();
        imported.map(drop)
    }

    /// Removes containers of tasks whose sandbox is below `dir`; other containers are not ours to touch.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn remove_tasks_of(&self, dir: &Path) -> anyhow::Result<()> {
        let list = self.run(&["ps", "-aq", "--filter", "name=^mesos-"])?;
        for id in list.split_whitespace() {
            let mounts = self
                .run(&["inspect", "--format", "{{json .Mounts}}", id])
                .unwrap_or_default();
            if mounts.contains(&*dir.to_string_lossy()) {
                self.run(&["rm", "-f", "-v", id])?;
            }
        }
        Ok(())
    }

    /// Stops an engine that was started with this `dir` and `key`, with its containers and its bridge.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_in(dir: &Path, key: u8) -> anyhow::Result<()> {
        let engine = OwnEngine {
            dir: dir.to_owned(),
            key,
        };
        if let Some(process) = Process::find(dir, "dockerd") {
            let client = Self {
                socket: engine.run_dir().join("docker.sock"),
                own: Some(engine.clone()),
            };
            let all = client.run(&["ps", "-aq"]).unwrap_or_default();
            for id in all.split_whitespace() {
                client.run(&["rm", "-f", "-v", id]).ok();
            }
            process.stop(Duration::from_secs(30))?;
        }
        engine.clean_up();
        Ok(())
    }
}

impl OwnEngine {
    /// Short, because the paths of unix sockets below it are limited to 107 bytes.
    fn run_dir(&self) -> PathBuf {
        PathBuf::from(format!("/run/mesolith-docker-{}", self.key))
    }

    fn bridge(&self) -> String {
        format!("mesolith{}", self.key)
    }

    fn cgroup(&self) -> String {
        format!("mesolith-docker-{}", self.key)
    }

    fn add_bridge(&self) -> anyhow::Result<()> {
        let bridge = self.bridge();
        if Path::new("/sys/class/net").join(&bridge).exists() {
            return Ok(());
        }
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("172.29.{}.1/24", self.key),
            "dev",
            &bridge,
        ])?;
        ip(&["link", "set", &bridge, "up"])
    }

    fn command(&self, socket: &Path) -> Command {
        let mut command = Command::new("dockerd");
        command.arg("--data-root").arg(self.dir.join("docker"));
        command.arg("--exec-root").arg(self.run_dir().join("exec"));
        command.arg("--pidfile").arg(self.run_dir().join("docker.pid"));
        command.arg("-H").arg(format!("unix://{}", socket.display()));
        command.args([
            "--bridge",
            &self.bridge(),
            "--iptables=false",
            "--ip6tables=false",
        ]);
        command.args(["--cgroup-parent", &format!("/{}", self.cgroup())]);
        std::fs::create_dir_all(self.run_dir()).ok();
        command
    }

    fn clean_up(&self) {
        if Path::new("/sys/class/net").join(self.bridge()).exists() {
            ip(&["link", "del", &self.bridge()]).ok();
        }
        std::fs::remove_dir_all(self.run_dir()).ok();
        // dockerd mounts its data on itself, and undoes it only where its root is a file system's own root.
        crate::leftovers::unmount(&self.dir.join("docker"));
        crate::leftovers::remove_cgroups(&self.cgroup());
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("run ip (Debian package iproute2)")?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
