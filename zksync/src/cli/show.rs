//! The verbs that only show: `status`, `metrics`, `conflicts`.

use std::collections::VecDeque;
use std::time::Duration;

use mesolith_telemetry::Shutdown;

use super::console::Console;
use super::error::{Error, exit};
use super::locate::{Located, Output};
use super::render;
use crate::control::Client;
use crate::status::Status;

/// Number of values in the sparkline.
const SPARKS: usize = 30;
/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(1);

/// Options of `status`.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// Go on until Ctrl-C or the engine's end: drawn again on a terminal, a line a second otherwise.
    #[arg(long, short)]
    pub watch: bool,
}

/// Options of `conflicts`.
#[derive(Debug, Clone, clap::Args)]
pub struct ConflictsArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// Most conflicts to show.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
}

pub(super) async fn status(
    args: &StatusArgs,
    console: &mut Console,
    shutdown: &Shutdown,
) -> Result<u8, Error> {
    let client = args.at.client().await?;
    if args.watch {
        return watch(&client, args.at.output, console, shutdown).await;
    }
    let status = client.status().await?;
    match args.at.output {
        Output::Json => console.json(&status)?,
        Output::Text => console.line(&render::status(&status, &[]))?,
    }
    Ok(exit::OK)
}

/// Shows statuses until Ctrl-C or until the engine ends, which is no error.
async fn watch(
    client: &Client,
    output: Output,
    console: &mut Console,
    shutdown: &Shutdown,
) -> Result<u8, Error> {
    let mut statuses = client.watch().await?;
    let mut history = History::default();
    let mut lines = tokio::time::interval(LINE);
    lines.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<Status> = None;
    // On a terminal every status is drawn. Elsewhere only the newest one is printed, once a second.
    let drawn = output == Output::Text && console.is_terminal();
    loop {
        tokio::select! {
            next = statuses.next() => match next? {
                Some(status) => {
                    if drawn {
                        history.add(&status);
                        console.draw(&render::status(&status, history.values()));
                    }
                    let first = last.replace(status).is_none();
                    // The first line is printed at once and does not wait for the tick.
                    if first {
                        lines.reset_immediately();
                    }
                }
                None => {
                    console.keep_live();
                    console.note("the engine has ended");
                    return Ok(exit::OK);
                }
            },
            _ = lines.tick(), if !drawn && last.is_some() => {
                let Some(status) = &last else { continue };
                history.add(status);
                match output {
                    Output::Json => console.json(status)?,
                    Output::Text => console.line(&render::status_line(status, history.values()))?,
                }
            }
            () = shutdown.wait() => {
                console.keep_live();
                return Ok(exit::OK);
            }
        }
    }
}

/// Earlier values of the 95th percentile.
#[derive(Default)]
struct History(VecDeque<f64>);

impl History {
    fn add(&mut self, status: &Status) {
        if self.0.len() == SPARKS {
            self.0.pop_front();
        }
        self.0.push_back(status.lag_ms.p95);
    }

    fn values(&mut self) -> &[f64] {
        self.0.make_contiguous()
    }
}

pub(super) async fn metrics(at: &Located, console: &mut Console) -> Result<u8, Error> {
    let status = at.client().await?.status().await?;
    match at.output {
        Output::Json => console.json(&status)?,
        Output::Text => console.line(&render::metrics(&status))?,
    }
    Ok(exit::OK)
}

pub(super) async fn conflicts(args: &ConflictsArgs, console: &mut Console) -> Result<u8, Error> {
    let records = args.at.client().await?.conflicts(args.limit).await?;
    match args.at.output {
        Output::Json => records.iter().try_for_each(|record| console.json(record))?,
        Output::Text => console.line(&render::conflicts(&records))?,
    }
    Ok(exit::OK)
}
