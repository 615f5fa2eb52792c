//! The gRPC service: messages in, commands to the engine, answers out.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use mesolith_proto::zksync::v1 as pb;
use mesolith_proto::zksync::v1::sync_server::Sync as SyncApi;
use mesolith_telemetry::Shutdown;
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};
use tracing::Instrument;
use tracing::field::Empty;

use super::{REASON, convert};
use crate::handle::{Answer, Command, Handle, Refused};
use crate::settings::{Mode, Settings};
use crate::status::State;

/// Time limit to change the settings, which is one write to the target.
const CONFIGURE_LIMIT: Duration = Duration::from_secs(30);
/// Time limit of a stop. A process that has to end does not wait long for a target that may be gone.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Time limit until the status shows a change. Statuses are published far more often.
const SHOWN_LIMIT: Duration = Duration::from_secs(5);
/// Time limit of a comparison. The largest trees take minutes.
const DIFF_LIMIT: Duration = Duration::from_secs(3600);
const RESOLVE_LIMIT: Duration = Duration::from_secs(60);
const CONFLICTS_LIMIT: Duration = Duration::from_secs(30);
const BARRIER_LIMIT: Duration = Duration::from_secs(600);
/// Number of differences or conflicts that are named when the caller gives no limit.
const DEFAULT_LIMIT: u64 = 100;
/// Attempts to change the settings. Another caller may change them between our read and our write.
const STOP_ATTEMPTS: usize = 5;

#[derive(Clone)]
pub(super) struct Service {
    pub(super) handle: Handle,
    /// Ends this process.
    pub(super) shutdown: Shutdown,
    /// Ends streams that would otherwise never end.
    pub(super) closing: Shutdown,
}

type Reply<T> = Result<Response<T>, Status>;
type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn refusal(refused: Refused) -> Status {
    let Refused { reason, message } = refused;
    let mut status = match reason {
        "InvalidSettings" => Status::invalid_argument(message),
        "TimedOut" => Status::deadline_exceeded(message),
        "EngineEnded" => Status::unavailable(message),
        _ => Status::failed_precondition(message),
    };
    let value = tonic::metadata::MetadataValue::from_static(reason);
    status.metadata_mut().insert(REASON, value);
    status
}

impl Service {
    async fn ask<T>(
        &self,
        limit: Duration,
        what: &str,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> Result<T, Refused> {
        let ended = || Refused {
            reason: "EngineEnded",
            message: "the engine has ended; its log says why".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let command = command(answer);
        let name = command.name(&self.handle.status.borrow().settings);
        let span = match command {
            // Watchers ask for this all the time, so it gets no span.
            Command::Conflicts { .. } => tracing::Span::none(),
            _ => tracing::info_span!(
                "command",
                otel.name = name,
                reason = Empty,
                otel.status_code = Empty
            ),
        };
        let asking = async {
            let sent = self.handle.commands.send(command).await;
            sent.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        };
        let done = within(limit, asking.instrument(span.clone())).await;
        let done = done.unwrap_or_else(|| {
            let waiting = self.handle.status.borrow().waiting_for.clone();
            let why = waiting.map_or_else(String::new, |w| format!(": {}", w.message));
            Err(Refused {
                reason: "TimedOut",
                message: format!("{what} was not done within {} s{why}", limit.as_secs()),
            })
        });
        done.inspect_err(|refused| {
            span.record("reason", refused.reason)
                .record("otel.status_code", "ERROR");
        })
    }

    /// Changes the settings. Returns when the status shows them too, so that the next reader sees the change.
    async fn configure(&self, limit: Duration, settings: Settings) -> Result<u64, Refused> {
        let what = format!(
            "storing settings of generation {} in the target",
            settings.generation
        );
        let generation = self
            .ask(limit, &what, |answer| {
                Command::Configure(Box::new(settings), answer)
            })
            .await?;
        self.shown(generation).await;
        Ok(generation)
    }

    /// Waits until the status shows a generation; statuses are published a few times a second.
    async fn shown(&self, generation: u64) {
        let mut seen = self.handle.status.clone();
        let shows = seen.wait_for(|status| status.observed_generation >= generation);
        // If the engine has ended or says nothing for so long, its own error tells of that.
        let _ = within(SHOWN_LIMIT, shows).await;
    }

    /// Stores the stop in the target, so that no standby takes over. A failure is returned as a sentence and does not
    /// prevent the stop.
    async fn stop_everywhere(&self) -> Option<String> {
        let mut problem = None;
        for _ in 0..STOP_ATTEMPTS {
            let status = self.handle.status.borrow().clone();
            match status.state {
                State::Failed | State::Stopped => return None,
                // Only this standby process is stopped. The active engine has to be asked where it runs.
                State::Standby if status.active_run.as_ref().is_some_and(|run| *run != status.run) => {
                    let active = status.active_run.as_deref().unwrap_or_default();
                    return Some(format!(
                        "only this standby has ended; the active engine {active} goes on"
                    ));
                }
                // Only the active engine stores anything in the target.
                State::Connecting => {
                    return Some(
                        "it was not active yet, so the target does not know of it; another engine of this name goes on"
                            .to_owned(),
                    );
                }
                State::Standby
                | State::Seeding
                | State::CatchingUp
                | State::InSync
                | State::Incomplete
                | State::Paused => {}
            }
            let settings = Settings {
                mode: Mode::Stop,
                ..status.settings.next()
            };
            let tried = settings.generation;
            match self.configure(STOP_LIMIT, settings).await {
                Ok(_) => return None,
                Err(refused) if refused.reason == "EngineEnded" => return None,
                Err(refused) if matches!(refused.reason, "OlderGeneration" | "ChangedContent") => {
                    problem = Some(refused.message);
                    // Another caller was faster; the status shows its settings soon.
                    self.shown(tried).await;
                }
                Err(refused) => {
                    problem = Some(refused.message);
                    break;
                }
            }
        }
        problem.map(|problem| {
            format!("the target could not be told, so that a standby may take over: {problem}")
        })
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

fn count(given: u64) -> usize {
    let given = if given == 0 { DEFAULT_LIMIT } else { given };
    usize::try_from(given).unwrap_or(usize::MAX)
}

#[tonic::async_trait]
impl SyncApi for Service {
    async fn apply(&self, request: Request<pb::Settings>) -> Reply<pb::Applied> {
        let settings = convert::settings_from_wire(request.into_inner());
        let generation = self.configure(CONFIGURE_LIMIT, settings).await.map_err(refusal)?;
        Ok(Response::new(pb::Applied { generation }))
    }

    async fn get(&self, _: Request<pb::GetRequest>) -> Reply<pb::Status> {
        let status = self.handle.status.borrow().clone();
        Ok(Response::new(convert::status_to_wire(&status)))
    }

    type WatchStream = Streaming<pb::Status>;

    async fn watch(&self, _: Request<pb::WatchRequest>) -> Reply<Self::WatchStream> {
        let mut seen = self.handle.status.clone();
        seen.mark_changed();
        let stream = futures::stream::unfold((seen, self.closing.clone()), |(mut seen, closing)| async {
            let alive = tokio::select! {
                changed = seen.changed() => changed.is_ok(),
                () = closing.wait() => false,
            };
            let status = alive.then(|| convert::status_to_wire(&seen.borrow_and_update()));
            status.map(|status| (Ok(status), (seen, closing)))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn diff(&self, request: Request<pb::DiffRequest>) -> Reply<pb::DiffReport> {
        let limit = count(request.into_inner().limit);
        let report = self
            .ask(DIFF_LIMIT, "the comparison", |answer| Command::Diff {
                limit,
                answer,
            })
            .await
            .map_err(refusal)?;
        Ok(Response::new(convert::report_to_wire(report)))
    }

    async fn resolve(&self, request: Request<pb::ResolveRequest>) -> Reply<pb::ResolveResponse> {
        let request = request.into_inner();
        let keep = convert::side_from_wire(request.keep())
            .ok_or_else(|| Status::invalid_argument("say whose node stays: A or B"))?;
        let (path, what) = (request.path.clone(), format!("resolving {}", request.path));
        self.ask(RESOLVE_LIMIT, &what, |answer| Command::Resolve {
            path,
            keep,
            answer,
        })
        .await
        .map_err(refusal)?;
        Ok(Response::new(pb::ResolveResponse {}))
    }

    async fn conflicts(&self, request: Request<pb::ConflictsRequest>) -> Reply<pb::ConflictsResponse> {
        let limit = count(request.into_inner().limit);
        let records = self
            .ask(CONFLICTS_LIMIT, "reading the conflict log", |answer| {
                Command::Conflicts { limit, answer }
            })
            .await
            .map_err(refusal)?;
        let conflicts = records.into_iter().map(convert::conflict_to_wire).collect();
        Ok(Response::new(pb::ConflictsResponse { conflicts }))
    }

    async fn barrier(&self, _: Request<pb::BarrierRequest>) -> Reply<pb::BarrierResponse> {
        let zxid = self
            .ask(BARRIER_LIMIT, "reaching the position", Command::Barrier)
            .await
            .map_err(refusal)?;
        Ok(Response::new(pb::BarrierResponse { zxid }))
    }

    async fn stop(&self, _: Request<pb::StopRequest>) -> Reply<pb::StopResponse> {
        let warning = self.stop_everywhere().await.unwrap_or_default();
        tracing::info!(%warning, "asked to stop");
        self.shutdown.trigger();
        Ok(Response::new(pb::StopResponse {
            pid: std::process::id(),
            warning,
        }))
    }
}
