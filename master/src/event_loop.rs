//! Drives the state machine: the one place where inputs, the clock and the state meet.
//!
//! The loop never waits for a reader: streams and sessions have bounded queues, and a reader that lags is cut off.
//! It begins when this master leads and has read the registry: what came before waits until then.
//! While this master is cut off from ZooKeeper the loop is parked: inputs wait, nothing is decided, nothing is sent. The
//! gate is asked after every wait, since a wait may have lasted longer than the leadership.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use mesolith_proto::mesos::v1::scheduler::Event;
use mesolith_proto::session::v1 as session;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::gate::Gate;
use crate::input::{Answer, Effect, Input, Registry, SessionId, StreamId};
use crate::operation::{Change, Ticket};
use crate::state::{Snapshot, State};
use crate::time::Time;

/// How often timers are checked; the smallest interval that users see is the allocation's 1 s.
const TICK: Duration = Duration::from_millis(100);
/// Readers see changes after this at the latest; a snapshot is not free.
const PUBLISH: Duration = Duration::from_millis(10);
/// Inputs that wait for the writer before senders are slowed down.
const QUEUE: usize = 4096;
/// Inputs that are applied before others (readers, timers) get a turn.
const BATCH: usize = 256;

/// Where a scheduler's events go.
pub(crate) type Outlet = mpsc::Sender<Arc<Event>>;
/// Where an agent's messages go.
pub(crate) type SessionOutlet = mpsc::Sender<Box<session::FromMaster>>;

/// An input, and the channels that its effects need.
pub(crate) struct Envelope {
    pub(crate) input: Input,
    pub(crate) reply: Option<oneshot::Sender<Answer>>,
    pub(crate) stream: Option<Outlet>,
    pub(crate) session: Option<SessionOutlet>,
}

impl Envelope {
    /// An input without channels.
    pub(crate) fn bare(input: Input) -> Self {
        Self {
            input,
            reply: None,
            stream: None,
            session: None,
        }
    }
}

/// Access to the writer and to its latest snapshot.
#[derive(Clone)]
pub(crate) struct Handle {
    inputs: mpsc::Sender<Envelope>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Handle {
    /// The latest picture.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Hands an input over; `false` when the loop has ended.
    pub(crate) async fn send(&self, envelope: Envelope) -> bool {
        self.inputs.send(envelope).await.is_ok()
    }

    /// Hands an input over and waits for its answer; `None` when the loop has ended.
    pub(crate) async fn ask(&self, input: Input) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.inputs
            .send(Envelope {
                reply: Some(reply),
                ..Envelope::bare(input)
            })
            .await
            .ok()?;
        answer.await.ok()
    }

    /// Hands an input over from where nothing can be awaited.
    pub(crate) fn send_later(&self, input: Input) {
        let inputs = self.inputs.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // An error means that the loop has ended: nobody needs the input.
                let _ = inputs.send(Envelope::bare(input)).await;
            });
        }
    }
}

/// The wall clock, moving forward only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    wall: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            start: Instant::now(),
            wall,
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.wall + self.start.elapsed())
    }
}

/// What the loop needs of the registry.
pub(crate) struct Stored {
    /// What is in it when this master was elected.
    pub(crate) at_election: oneshot::Receiver<Registry>,
    /// Where changes go.
    pub(crate) changes: mpsc::Sender<Change>,
}

/// Starts the loop. It begins once the registry is there, and acts while `acting` says so and the gate is open.
pub(crate) fn start(
    state: State,
    clock: Clock,
    acting: watch::Receiver<bool>,
    gate: Gate,
    stored: Stored,
) -> (Handle, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let snapshot = Arc::new(ArcSwap::from_pointee(state.snapshot()));
    let handle = Handle {
        inputs: sender,
        snapshot: snapshot.clone(),
    };
    let writer = Writer {
        state,
        clock,
        snapshot,
        streams: HashMap::new(),
        sessions: HashMap::new(),
        gate,
        held: HashMap::new(),
        changes: stored.changes,
    };
    (handle, writer.run(receiver, acting, stored.at_election))
}

struct Writer {
    state: State,
    clock: Clock,
    snapshot: Arc<ArcSwap<Snapshot>>,
    streams: HashMap<StreamId, Outlet>,
    sessions: HashMap<SessionId, SessionOutlet>,
    gate: Gate,
    held: HashMap<Ticket, oneshot::Sender<Answer>>,
    changes: mpsc::Sender<Change>,
}

impl Writer {
    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Envelope>,
        mut acting: watch::Receiver<bool>,
        at_election: oneshot::Receiver<Registry>,
    ) {
        let Ok(registry) = at_election.await else { return };
        self.take(Envelope::bare(Input::Elected(registry)));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut published = Instant::now();
        let mut dirty = true;
        loop {
            if acting.wait_for(|act| *act).await.is_err() {
                return;
            }
            tokio::select! {
                envelope = inputs.recv() => {
                    let Some(envelope) = envelope else { return };
                    self.gate.opened().await;
                    self.take(envelope);
                    let mut more = BATCH;
                    while more > 0 && self.gate.is_open() && let Ok(envelope) = inputs.try_recv() {
                        self.take(envelope);
                        more -= 1;
                    }
                    dirty = true;
                }
                _ = tick.tick() => {
                    self.gate.opened().await;
                    self.take(Envelope::bare(Input::Tick));
                    dirty = true;
                }
                () = tokio::time::sleep_until(published + PUBLISH), if dirty => {}
                changed = acting.changed() => if changed.is_err() { return },
            }
            if dirty && published.elapsed() >= PUBLISH {
                self.snapshot.store(Arc::new(self.state.snapshot()));
                (dirty, published) = (false, Instant::now());
            }
        }
    }

    fn take(&mut self, envelope: Envelope) {
        let Envelope {
            input,
            mut reply,
            stream,
            session,
        } = envelope;
        match (&input, stream, session) {
            (Input::Subscribe { stream: id, .. }, Some(outlet), _) => {
                drop(self.streams.insert(id.clone(), outlet))
            }
            (Input::Agent { session: id, .. }, _, Some(outlet)) => drop(self.sessions.insert(*id, outlet)),
            (Input::StreamClosed { stream: id }, ..) => drop(self.streams.remove(id)),
            (Input::SessionClosed { session: id }, ..) => drop(self.sessions.remove(id)),
            _ => {}
        }
        let mut waiting = vec![input];
        // Cutting off a slow reader is an input like any other, and may have effects of its own.
        while let Some(input) = waiting.pop() {
            for effect in self.state.apply(self.clock.now(), input) {
                waiting.extend(self.act(effect, &mut reply));
            }
        }
    }

    /// Whoever is told that something is done may read at once what it did.
    fn answer(&self, reply: oneshot::Sender<Answer>, answer: Answer) {
        if answer == Answer::Ok {
            self.snapshot.store(Arc::new(self.state.snapshot()));
        }
        // An error means that whoever asked is gone.
        let _ = reply.send(answer);
    }

    fn act(&mut self, effect: Effect, reply: &mut Option<oneshot::Sender<Answer>>) -> Option<Input> {
        match effect {
            Effect::Answer(answer) => {
                if let Some(reply) = reply.take() {
                    self.answer(reply, answer);
                }
            }
            Effect::Hold(ticket) => {
                if let Some(reply) = reply.take() {
                    self.held.insert(ticket, reply);
                }
            }
            Effect::AnswerHeld(ticket, answer) => {
                if let Some(reply) = self.held.remove(&ticket) {
                    self.answer(reply, answer);
                }
            }
            Effect::Store(change) => {
                // There is one at a time, so it is never full. It is closed once another master may lead.
                if self.changes.try_send(change).is_err() {
                    tracing::warn!("nothing is written to the registry any more");
                }
            }
            Effect::ToFramework { stream, event } => {
                let sent = self
                    .streams
                    .get(&stream)
                    .map(|outlet| outlet.try_send(Arc::new(*event)));
                if let Some(Err(problem)) = sent {
                    tracing::warn!(stream = stream.0, "scheduler cut off: {}", full(&problem));
                    self.streams.remove(&stream);
                    return Some(Input::StreamClosed { stream });
                }
            }
            Effect::EndStream { stream } => drop(self.streams.remove(&stream)),
            Effect::ToAgent { session, message } => {
                let message = Box::new(session::FromMaster {
                    message: Some(*message),
                });
                let sent = self.sessions.get(&session).map(|outlet| outlet.try_send(message));
                if let Some(Err(problem)) = sent {
                    tracing::warn!(session = session.0, "agent cut off: {}", full(&problem));
                    self.sessions.remove(&session);
                    return Some(Input::SessionClosed { session });
                }
            }
            Effect::EndSession { session } => drop(self.sessions.remove(&session)),
        }
        None
    }
}

fn full<T>(error: &mpsc::error::TrySendError<T>) -> &'static str {
    match error {
        mpsc::error::TrySendError::Full(_) => "it reads too slowly",
        mpsc::error::TrySendError::Closed(_) => "its connection is gone",
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    /// An empty registry that takes nothing.
    pub(crate) fn no_registry() -> Stored {
        let (elected, at_election) = oneshot::channel();
        elected.send(Registry::default()).unwrap();
        Stored {
            at_election,
            changes: mpsc::channel(1).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use mesolith_mesos::FrameworkId;
    use tokio::time::timeout;

    use super::fixtures::no_registry;
    use super::*;
    use crate::gate::fixtures::{allow, leading};
    use crate::state::Config;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_decided_while_the_gate_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("live.json");
        let (clock, (_act, acting)) = (Clock::start(), watch::channel(true));
        let state = State::new(Arc::new(Config::new(Default::default(), clock.now())));
        let (handle, writer) = start(state, clock, acting, leading(&settings, None), no_registry());
        let writer = tokio::spawn(writer);
        let ask = || {
            let framework = FrameworkId::from("nobody");
            handle.ask(Input::Teardown { framework })
        };
        assert!(timeout(Duration::from_secs(60), ask()).await.is_err());
        allow(&settings);
        assert!(matches!(ask().await, Some(Answer::BadRequest(_))));
        writer.abort();
    }
}
