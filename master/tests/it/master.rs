//! A master in this process, and requests to it.

use std::time::{Duration, Instant};

use clap::Parser;
use mesolith_telemetry::Shutdown;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: mesolith_master::Args,
}

pub struct Master {
    pub port: u16,
    shutdown: Shutdown,
    pub task: JoinHandle<anyhow::Result<()>>,
}

impl Master {
    /// Starts on a free port and waits until it leads.
    pub async fn leading(flags: &[&str]) -> Self {
        let master = Self::start(flags).await;
        master.wait_ready().await;
        master
    }

    pub async fn start(flags: &[&str]) -> Self {
        Self::start_on(free_port().await, flags).await
    }

    pub async fn start_on(port: u16, flags: &[&str]) -> Self {
        install_crypto();
        let port_text = port.to_string();
        let fixed = [
            "master",
            "--ip",
            "127.0.0.1",
            "--hostname",
            "localhost",
            "--port",
            &port_text,
        ];
        let args = Cli::parse_from(fixed.iter().chain(flags)).args;
        let shutdown = Shutdown::default();
        let task = tokio::spawn(mesolith_master::run(args, shutdown.clone()));
        Self { port, shutdown, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub async fn wait_ready(&self) {
        eventually("a leader", || async {
            let state = reqwest::get(self.url("/state")).await.ok()?;
            let state: Value = state.json().await.ok()?;
            state["elected_time"].is_number().then_some(())
        })
        .await;
    }

    pub async fn get(&self, path: &str) -> Value {
        reqwest::get(self.url(path)).await.unwrap().json().await.unwrap()
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .unwrap()
            .unwrap()
    }
}

pub async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Asks again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < until, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What every program of ours does first.
fn install_crypto() {
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
}
