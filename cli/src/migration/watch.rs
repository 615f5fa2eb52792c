//! Following one migration to its end.

use super::connect::Cluster;
use super::error::Error;
use super::exit;
use super::live::Live;
use crate::output::Format;
use futures::TryStreamExt;
use kube::ResourceExt;
use kube_runtime::WatchStreamExt;
use kube_runtime::watcher::{self, Config, Event, watcher};
use mesolith_migration::{State, View};
use mesolith_telemetry::Shutdown;
use std::pin::pin;
use std::time::Duration;

/// How often ages and the end of counted work are drawn anew.
const DRAW: Duration = Duration::from_secs(1);

/// Shows it until its end, until `stop` says so, until it is deleted, or until Ctrl-C. The exit code is that of what was
/// shown last.
pub(super) async fn follow(
    cluster: &Cluster,
    name: &str,
    output: Format,
    shutdown: &Shutdown,
    stop: impl Fn(&View) -> bool,
) -> Result<u8, Error> {
    cluster.get(name).await?;
    let only = Config::default().fields(&format!("metadata.name={name}"));
    let mut changes = pin!(watcher(cluster.migrations(), only).default_backoff());
    let mut live = Live::new(output);
    let mut tick = tokio::time::interval(DRAW);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            change = changes.try_next() => match change {
                Ok(Some(Event::Apply(object) | Event::InitApply(object))) => {
                    if live.show(&object)?.is_some_and(|view| view.state.is_end() || stop(view)) {
                        break;
                    }
                }
                Ok(Some(Event::Delete(object))) => {
                    live.note(&format!("{} is deleted", object.name_any()));
                    break;
                }
                Ok(Some(Event::Init | Event::InitDone)) => {}
                Ok(None) => break,
                // A lost connection is made again; what cannot be asked at all is told.
                Err(error) => lost(name, error, &mut live)?,
            },
            _ = tick.tick() => live.draw()?,
            () = shutdown.wait() => break,
        }
    }
    live.end();
    Ok(live.state().map_or(exit::OK, exit::of))
}

/// Whether a person has to act.
pub(super) fn needs_person(view: &View) -> bool {
    matches!(view.state, State::WaitingForApproval | State::WaitingForPerson)
}

fn lost(name: &str, error: watcher::Error, live: &mut Live) -> Result<(), Error> {
    let refused = match &error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            matches!(error, kube::Error::Api(status) if status.code == 403 || status.code == 401)
                .then(|| Error::of(format!("watch ZkMigration {name}"), error))
        }
        _ => None,
    };
    match refused {
        Some(refused) => Err(refused),
        None => {
            live.note(&format!(
                "the watch was lost and is made again: {}",
                super::error::chain(&error)
            ));
            Ok(())
        }
    }
}
