//! The verbs that change something in a running engine.

use std::time::{Duration, Instant};

use super::console::Console;
use super::error::{Error, exit};
use super::locate::{Located, Output};
use super::render;
use super::settings_flags::SettingsFlags;
use crate::control::Client;
use crate::settings::{Direction, Mode, Settings, Side};

/// The engine waits this long for requests that it has sent, and a little longer.
const END_LIMIT: Duration = Duration::from_secs(30);
/// How long the parent process gets to reap the engine, so that its process id is free as well. In some containers
/// nobody reaps it.
const REAP_LIMIT: Duration = Duration::from_secs(1);
/// Between two looks at whether the process is gone.
const LOOK: Duration = Duration::from_millis(50);

/// Options of `config`.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub(super) at: Located,
    #[command(flatten)]
    pub(super) settings: SettingsFlags,
}

/// Options of `scale`.
#[derive(Debug, Clone, clap::Args)]
pub struct ScaleArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// Requests that may be on their way to a side at once.
    #[arg(long, value_name = "N")]
    pub workers: usize,
}

/// Options of `switch`.
#[derive(Debug, Clone, clap::Args)]
pub struct SwitchArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// One of the roots that are kept equal, as A names it.
    pub root: String,
    /// Who writes below it from now on: a-to-b, b-to-a or both.
    #[arg(long)]
    pub to: Direction,
}

/// Options of `resolve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ResolveArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// The frozen path, as A names it.
    pub path: String,
    /// Whose node stays: a or b.
    #[arg(long, value_parser = side)]
    pub keep: Side,
}

fn side(text: &str) -> Result<Side, String> {
    match text {
        "a" | "A" | "source" => Ok(Side::A),
        "b" | "B" | "target" => Ok(Side::B),
        _ => Err(format!("'{text}' is none of a, b")),
    }
}

pub(super) async fn mode(at: &Located, mode: Mode, console: &mut Console) -> Result<u8, Error> {
    let client = at.client().await?;
    let settings = client
        .change(|current| {
            Ok(Settings {
                mode,
                ..current.clone()
            })
        })
        .await?;
    let word = match mode {
        Mode::Pause => "paused",
        Mode::Run => "running",
        Mode::Stop => "stopped",
    };
    changed(
        &settings,
        &format!("{word} (generation {})", settings.generation),
        at.output,
        console,
    )
}

pub(super) async fn config(args: &ConfigArgs, console: &mut Console) -> Result<u8, Error> {
    let client = args.at.client().await?;
    let settings = if args.settings.is_empty() {
        client.status().await?.settings
    } else {
        client.change(|current| args.settings.over(current)).await?
    };
    changed(&settings, &render::settings(&settings), args.at.output, console)
}

pub(super) async fn scale(args: &ScaleArgs, console: &mut Console) -> Result<u8, Error> {
    let flags = SettingsFlags {
        workers: Some(args.workers),
        ..SettingsFlags::default()
    };
    let settings = args
        .at
        .client()
        .await?
        .change(|current| flags.over(current))
        .await?;
    let said = format!(
        "{} workers (generation {})",
        settings.workers, settings.generation
    );
    changed(&settings, &said, args.at.output, console)
}

pub(super) async fn switch(args: &SwitchArgs, console: &mut Console) -> Result<u8, Error> {
    let client = args.at.client().await?;
    let settings = client
        .change(|current| current.switched(&args.root, args.to))
        .await?;
    let said = format!(
        "{} is {} (generation {})",
        args.root, args.to, settings.generation
    );
    changed(&settings, &said, args.at.output, console)
}

fn changed(settings: &Settings, said: &str, output: Output, console: &mut Console) -> Result<u8, Error> {
    match output {
        Output::Json => console.json(settings)?,
        Output::Text => console.line(said)?,
    }
    Ok(exit::OK)
}

pub(super) async fn resolve(args: &ResolveArgs, console: &mut Console) -> Result<u8, Error> {
    args.at.client().await?.resolve(&args.path, args.keep).await?;
    match args.at.output {
        Output::Json => console.json(&serde_json::json!({ "path": args.path, "keep": args.keep }))?,
        Output::Text => console.line(&format!(
            "{} is as on {} now, on both sides",
            args.path, args.keep
        ))?,
    }
    Ok(exit::OK)
}

pub(super) async fn barrier(at: &Located, console: &mut Console) -> Result<u8, Error> {
    let zxid = at.client().await?.barrier().await?;
    match at.output {
        Output::Json => console.json(&serde_json::json!({ "zxid": zxid }))?,
        Output::Text => console.line(&zxid)?,
    }
    Ok(exit::OK)
}

pub(super) async fn stop(at: &Located, console: &mut Console) -> Result<u8, Error> {
    if let Some(engine) = at.component()? {
        return Err(Error::Supervised { engine });
    }
    let client = match at.client().await {
        Ok(client) => client,
        // The settings already say so.
        Err(error @ Error::NotRunning { .. }) => {
            console.note(&error.to_string());
            if at.output == Output::Json {
                console.json(&serde_json::json!({ "stopped": false, "pid": null }))?;
            }
            return Ok(exit::OK);
        }
        Err(error) => return Err(error),
    };
    let (pid, warning) = stop_and_wait(at, &client).await?;
    if let Some(warning) = warning {
        console.note(&warning);
    }
    match at.output {
        Output::Json => console.json(&serde_json::json!({ "stopped": true, "pid": pid }))?,
        Output::Text => console.line(&format!("stopped; pid {pid} has ended"))?,
    }
    Ok(exit::OK)
}

/// Returns when the process is gone; for an engine on another machine, when it no longer answers.
pub(super) async fn stop_and_wait(at: &Located, client: &Client) -> Result<(u32, Option<String>), Error> {
    let (pid, warning) = client.stop().await?;
    let files = at.files()?;
    let begun = Instant::now();
    while begun.elapsed() < END_LIMIT {
        let gone = if at.is_local() {
            files.holder().is_none() && !is_alive(pid)
        } else {
            client.status().await.is_err()
        };
        if gone {
            let ended = Instant::now();
            while at.is_local() && is_known(pid) && ended.elapsed() < REAP_LIMIT {
                tokio::time::sleep(LOOK).await;
            }
            return Ok((pid, warning));
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Error::DidNotEnd {
        pid,
        seconds: END_LIMIT.as_secs(),
        log: files.log(),
    })
}

fn is_known(pid: u32) -> bool {
    pid != std::process::id() && std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether a process with this id runs. One that has ended and was not reaped yet does not count.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the name in parentheses and may hold anything.
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_some_and(|state| !matches!(state, "Z" | "X"))
}
