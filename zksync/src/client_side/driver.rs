//! The task behind a client link. It has one session, through which everything goes in order.
//!
//! ```text
//! connect -> watch -> walk (into a tree of its own) -> Snapshot, UpToDate -> events, reads, writes, a look at everything
//!    ^          ^                                                              |
//!    |          +------------- connection lost, made again -------------------+
//!    +------------------------ session over ----------------------------------+
//! ```
//!
//! Reads and writes of the link's own session are sent without waiting for each other. Their answers are taken in the
//! order of sending, which is the server's order. A request that needs another session, or several calls, has the
//! link to itself: it begins when nothing is on its way. It ends with a sync, so that the result of an earlier read
//! cannot come after its answer.

mod happening;
mod replies;
mod requests;
mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll, Waker};
use std::time::Instant as Arrived;

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, SelectAll};
use mesolith_zk::record::Acl;
use tokio::sync::mpsc;
use tokio::time::Instant;
use zookeeper_client::{Client, SessionState, StateWatcher};

use super::Config;
use super::answer::Answer;
use super::gate::{Ask, Gate};
use super::item::Item;
use super::roots::Roots;
use super::sessions::{self, Sessions, is_up};
use super::shadow::Shadow;
use super::watches::Watches;
use super::work::{Next, Work};
use replies::Reply;
use requests::Queued;

/// Items that may wait to be taken before reading stops.
const OUTBOX: usize = 64;

/// Nodes that are looked at together. Few enough that the servers' clients do not notice.
const LOOKS: usize = 64;

pub(super) struct Driver {
    config: Config,
    roots: Roots,
    items: mpsc::Sender<(Arrived, Item)>,
    asks: mpsc::UnboundedReceiver<Ask>,
    back: mpsc::UnboundedSender<Ask>,
    gate: Gate,
    outbox: VecDeque<(Arrived, Item)>,
    // Whatever holds the client is dropped before the watches are; otherwise each watch would be taken back one by
    // one.
    client: Client,
    flight: FuturesOrdered<BoxFuture<'static, Reply>>,
    /// Requests that were sent through an earlier link. Only the watches that they set still count.
    stale: SelectAll<FuturesOrdered<BoxFuture<'static, Reply>>>,
    alone: Option<BoxFuture<'static, Reply>>,
    states: StateWatcher,
    sessions: Sessions,
    /// Sessions that engines have opened for themselves, with their timeouts. They use the link's own session.
    own: BTreeMap<i64, i32>,
    /// Number of this link. A request that was sent through an earlier link is not carried out any more.
    link: u64,
    up: bool,
    /// Whether the tree is whole and requests are taken.
    ready: bool,
    watches: Watches,
    work: Work,
    building: Option<Shadow>,
    /// Nodes that may not be read, with their lists as far as the server shows them.
    denied: BTreeMap<Box<str>, Option<Vec<Acl>>>,
    denied_news: bool,
    reads: Vec<(Box<str>, Option<super::read::Node>)>,
    looked: Vec<(Box<str>, Option<super::read::Node>)>,
    queue: VecDeque<Queued>,
    writing: usize,
    /// Whose session has the link to itself; `None` is the link's own.
    alone_for: Option<i64>,
    reads_due: bool,
    /// Answers from the first refused one on. They wait until the tree shows why it was refused.
    held: Vec<Answer>,
    releasing: bool,
    looks: VecDeque<Box<str>>,
    looking: usize,
    timer: Option<Instant>,
    /// Number of asks to read that came from the tree's owner.
    asked: u64,
}

/// The channels of a link.
pub(super) struct Ends {
    pub(super) items: mpsc::Sender<(Arrived, Item)>,
    pub(super) asks: mpsc::UnboundedReceiver<Ask>,
    pub(super) back: mpsc::UnboundedSender<Ask>,
    pub(super) gate: Gate,
}

/// Serves one session after the other, for as long as the link lives.
pub(super) async fn run(config: Config, ends: Ends) {
    let client = connect(&config, &ends.items).await;
    let mut driver = Driver::new(config, ends, client);
    loop {
        let cause = match driver.begin().await {
            Ok(()) => driver.serve().await,
            Err(cause) => cause,
        };
        driver.lost(cause);
        driver.flush().await;
        tokio::time::sleep(driver.config.retry).await;
        let client = connect(&driver.config, &driver.items).await;
        driver.take_over(client);
    }
}

async fn connect(config: &Config, items: &mpsc::Sender<(Arrived, Item)>) -> Client {
    let mut said = String::new();
    loop {
        match sessions::open(config, config.session_timeout).await {
            Ok(client) => return client,
            // The same cause twice in a row is told once.
            Err(cause) if cause != said => {
                tracing::info!(%cause, "no session with a ZooKeeper ensemble");
                // Nobody listens any more when the link is dropped, which ends this task as well.
                let _ = items.send((Arrived::now(), Item::Lost(cause.clone()))).await;
                said = cause;
            }
            Err(_) => {}
        }
        tokio::time::sleep(config.retry).await;
    }
}

impl Driver {
    fn new(config: Config, ends: Ends, client: Client) -> Self {
        Self {
            roots: Roots::new(&config.roots),
            config,
            items: ends.items,
            asks: ends.asks,
            back: ends.back,
            gate: ends.gate,
            outbox: VecDeque::new(),
            states: client.state_watcher(),
            client,
            sessions: Sessions::default(),
            own: BTreeMap::new(),
            link: 0,
            up: false,
            ready: false,
            watches: Watches::default(),
            work: Work::default(),
            building: None,
            denied: BTreeMap::new(),
            denied_news: false,
            flight: FuturesOrdered::new(),
            stale: SelectAll::new(),
            reads: Vec::new(),
            looked: Vec::new(),
            queue: VecDeque::new(),
            writing: 0,
            alone: None,
            alone_for: None,
            reads_due: false,
            held: Vec::new(),
            releasing: false,
            looks: VecDeque::new(),
            looking: 0,
            timer: None,
            asked: 0,
        }
    }

    /// Begins with a new session; nothing of the old one is kept. The old client is dropped first, or it would take
    /// back every watch.
    fn take_over(&mut self, client: Client) {
        self.states = client.state_watcher();
        self.client = client;
        // The engines that opened these sessions have lost the nodes that they owned.
        self.own.clear();
        self.watches = Watches::default();
        self.stale = SelectAll::new();
    }

    /// Serves until the session is over, and returns why it is.
    async fn serve(&mut self) -> String {
        loop {
            self.fill();
            self.finish_walk();
            let happened = self.happens().await;
            if let Err(cause) = self.handle(happened).await {
                return cause;
            }
        }
    }

    async fn state(&mut self, state: SessionState) -> Result<(), String> {
        if state.is_terminated() {
            return Err(format!("the session with the ensemble is over ({state})"));
        }
        self.lost("the connection to the ensemble broke".to_owned());
        if is_up(state) {
            self.settle().await;
            return self.begin().await;
        }
        Ok(())
    }

    /// Forgets what was sent and keeps what was learned.
    fn lost(&mut self, cause: String) {
        self.gate.close();
        if !self.up {
            return;
        }
        self.batch();
        self.up = false;
        self.ready = false;
        self.link += 1;
        let flight = std::mem::take(&mut self.flight);
        self.stale.push(flight);
        self.work = Work::default();
        self.building = None;
        self.denied.clear();
        self.queue.clear();
        self.writing = 0;
        if self.alone_for.is_none() {
            self.alone = None;
        }
        self.held.clear();
        self.releasing = false;
        self.looks.clear();
        self.looking = 0;
        self.timer = None;
        self.give(Item::Lost(cause));
    }

    /// Sends every waiting item to the tree's owner.
    async fn flush(&mut self) {
        while let Some(item) = self.outbox.pop_front() {
            // Nobody listens any more when the link is dropped, which ends this task as well.
            let _ = self.items.send(item).await;
        }
    }

    fn give(&mut self, item: Item) {
        self.outbox.push_back((Arrived::now(), item));
    }

    /// Sends what may be sent now.
    fn fill(&mut self) {
        if !self.up {
            return;
        }
        self.begin_release();
        // A row of requests that need the link to themselves must not keep the tree from being read.
        let reads_first = std::mem::take(&mut self.reads_due) && self.work.is_waiting();
        let nodes = (self.config.window / 3).max(1);
        while self.flight.len() < nodes && self.outbox.len() < OUTBOX {
            if self.alone.is_some() || (!reads_first && self.next_request() == requests::Turn::Wait) {
                return;
            }
            match self.work.next() {
                Some(Next::Read(path, want)) => {
                    let arm = self.watches.arm(self.config.capture, &path);
                    let read = super::read::read(self.client.clone(), path, want, arm);
                    self.send(async move { Reply::Read(read.await) });
                }
                Some(Next::Mark(mark)) => self.send(async move { Reply::Mark(mark) }),
                None => match self.looks.pop_front() {
                    Some(path) if self.looking < LOOKS => self.look(path),
                    Some(path) => {
                        self.looks.push_front(path);
                        return;
                    }
                    None if reads_first || self.queue.is_empty() => return,
                    None if self.writing >= self.config.in_flight || !self.held.is_empty() => return,
                    None => {}
                },
            }
        }
    }

    /// Polls the call once, since the client sends a request when it is polled first. So requests are sent in the
    /// order of the calls.
    fn send(&mut self, reply: impl Future<Output = Reply> + Send + 'static) {
        let mut reply: BoxFuture<'static, Reply> = Box::pin(reply);
        if let Poll::Ready(reply_now) = reply.as_mut().poll(&mut idle()) {
            reply = Box::pin(std::future::ready(reply_now));
        }
        self.flight.push_back(reply);
    }
}

fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
