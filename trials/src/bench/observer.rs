//! ZooKeeper's own observer: a real server that joins A and reads its snapshot.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::four_letter::{self, Mode};

/// Its server number; no server of A or B uses it.
const ID: usize = 99;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Time from the start of its process until it serves all nodes.
///
/// # Errors
/// When it does not within five minutes.
pub(super) async fn join(ensemble: &Ensemble, setup: &Setup, heap: u32, nodes: u64) -> Result<Duration> {
    let dir = tempfile::tempdir()?;
    let port = free_port()?;
    configure(ensemble, dir.path(), port)?;
    let log = File::create(dir.path().join("log"))?;
    let began = Instant::now();
    let child = Command::new("java")
        .args([
            &format!("-Xmx{heap}m"),
            "-XX:+UseSerialGC",
            "-Dzookeeper.jmx.log4j.disable=true",
        ])
        .args([
            "-cp",
            &setup.class_path,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        ])
        .arg(dir.path().join("zoo.cfg"))
        .stdout(log.try_clone()?)
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .context("java")?;
    let _process = Process(child);
    let until = began + Duration::from_secs(300);
    loop {
        let status = four_letter::srvr(&format!("127.0.0.1:{port}"), Duration::from_secs(2)).await;
        if let Ok(status) = &status
            && status.mode == Some(Mode::Observer)
            && status.znodes >= nodes
        {
            return Ok(began.elapsed());
        }
        if Instant::now() > until {
            let log = fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            bail!(
                "ZooKeeper's observer does not serve: {status:?}\n{}",
                tail.join("\n")
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn configure(ensemble: &Ensemble, dir: &Path, port: u16) -> Result<()> {
    let text = fs::read_to_string(ensemble.config_file(1))?;
    let servers: Vec<_> = text.lines().filter(|line| line.starts_with("server.")).collect();
    fs::create_dir_all(dir.join("data"))?;
    fs::write(dir.join("data/myid"), ID.to_string())?;
    let config = format!(
        "tickTime=500\ninitLimit=240\nsyncLimit=20\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
         admin.enableServer=false\n4lw.commands.whitelist=*\npeerType=observer\n{}\nserver.{ID}=127.0.0.1:{}:{}:observer\n",
        dir.join("data").display(),
        servers.join("\n"),
        free_port()?,
        free_port()?,
    );
    fs::write(dir.join("zoo.cfg"), config)?;
    Ok(())
}
