//! A comparison without an engine: both trees through observers that leave again.
//!
//! The two ensembles are never seen at the same moment, so what differs at first may just be on its way. Such a path is
//! watched for a while on both sides, and is equal once one side shows a state that the other one had meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use mesolith_zk::learner::{self, Config, Event, Learner};
use mesolith_zk::request::CreateMode;
use mesolith_zk::tree::{Node, Tree};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{Pair, compare, show};
use crate::Routes;
use crate::handle::DiffReport;
use crate::plan::{Common, Kinds};
use crate::settings::Side;

/// How long an ensemble may go without a transaction to count as quiet, and how long to hope for it.
const QUIET: (Duration, Duration) = (Duration::from_millis(30), Duration::from_secs(1));

/// More paths than these are no matter of a moment.
const WATCHED: usize = 10_000;

/// Up to so many are looked at with each transaction, else once a round.
const CLOSELY: usize = 200;

/// How to compare.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Most differences to name.
    pub limit: usize,
    /// Limit for both observers to have their tree.
    pub join_limit: Duration,
    /// How often paths that differ get more time, and how long each time.
    pub rounds: u32,
    /// Length of a round.
    pub round: Duration,
}

impl Default for Fresh {
    fn default() -> Self {
        Self {
            limit: 100,
            join_limit: Duration::from_secs(60),
            rounds: 5,
            round: Duration::from_secs(1),
        }
    }
}

/// Nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No tree in time.
    #[error("cannot compare: no tree of {side} within {seconds} s ({cause})")]
    NoTree {
        /// Which ensemble.
        side: Side,
        /// The limit.
        seconds: u64,
        /// What was in the way.
        cause: String,
    },
    /// The ensemble lost data.
    #[error("cannot compare: the data of {0} went back while it was read; compare again")]
    WentBack(Side),
    /// The observer cannot go on.
    #[error("cannot compare: the observer of {side} failed: {source}")]
    Observer {
        /// Which ensemble.
        side: Side,
        /// Why.
        source: learner::Error,
    },
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoTree { .. } => "TreeNotRead",
            Self::WentBack(_) => "DataWentBack",
            Self::Observer { .. } => "ObserverFailed",
        }
    }
}

/// Compares two live ensembles. Both configurations need an observer id of their own, and folders to spool to.
///
/// # Errors
/// When either tree cannot be read: nothing is known then.
pub async fn fresh(
    source: Config,
    target: Config,
    routes: &Routes,
    options: &Fresh,
) -> Result<DiffReport, Error> {
    let limit = options.join_limit;
    let (a, b) = tokio::join!(join(Side::A, source, limit), join(Side::B, target, limit));
    let (mut a, mut b) = (a?, b?);
    let (x, y) = tokio::join!(settle(Side::A, &mut a), settle(Side::B, &mut b));
    x.and(y)?;
    // From 3.5 on a leader sends the list of members.
    let is_old = a.members().is_none() || b.members().is_none();
    let common = Common::default().with(if is_old { Kinds::NONE } else { Kinds::ALL }, false);
    let mut report = compare(a.tree(), b.tree(), routes, &common, |_| false, WATCHED);
    let paths: HashSet<_> = report.differences.iter().map(|d| d.path.clone()).collect();
    if u64::try_from(paths.len()) != Ok(report.different) {
        report.differences.truncate(options.limit);
        return Ok(report);
    }
    let mut watched = Watched::new(paths, routes, &common);
    for _ in 0..options.rounds {
        watched.look(Side::A, a.tree(), b.tree());
        watched.look(Side::B, a.tree(), b.tree());
        if watched.paths.is_empty() {
            break;
        }
        follow(&mut a, &mut b, options.round, &mut watched).await?;
    }
    report.different = watched.paths.len() as u64;
    report.differences = watched
        .paths
        .keys()
        .filter_map(|path| Some((path, Pair::find(a.tree(), b.tree(), routes, &common, path)?)))
        .flat_map(|(path, pair)| show::differences(&pair, path))
        .take(options.limit)
        .collect();
    Ok(report)
}

/// An observer that is up to date.
async fn join(side: Side, config: Config, limit: Duration) -> Result<Learner, Error> {
    let failed = |source| Error::Observer { side, source };
    let mut learner = Learner::start(config, None).map_err(failed)?;
    let until = Instant::now() + limit;
    let mut last = "it says nothing".to_owned();
    loop {
        match timeout_at(until, learner.next()).await {
            Ok(event) => match event.map_err(failed)? {
                Event::UpToDate { .. } => return Ok(learner),
                Event::LostLeader { cause } => last = cause,
                Event::Truncated { .. } => return Err(Error::WentBack(side)),
                _ => {}
            },
            Err(_) => {
                return Err(Error::NoTree {
                    side,
                    seconds: limit.as_secs(),
                    cause: last,
                });
            }
        }
    }
}

/// Takes what comes until nothing does for a moment, which a busy ensemble never lets happen.
async fn settle(side: Side, learner: &mut Learner) -> Result<(), Error> {
    let until = Instant::now() + QUIET.1;
    while Instant::now() < until {
        match timeout(QUIET.0, learner.next()).await {
            Ok(event) => taken(side, event)?,
            Err(_) => break,
        }
    }
    Ok(())
}

fn taken(side: Side, event: Result<Event, learner::Error>) -> Result<(), Error> {
    match event {
        Ok(Event::Truncated { .. }) => Err(Error::WentBack(side)),
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Observer { side, source }),
    }
}

/// Follows both for a while.
async fn follow(
    a: &mut Learner,
    b: &mut Learner,
    time: Duration,
    watched: &mut Watched<'_>,
) -> Result<(), Error> {
    let until = Instant::now() + time;
    loop {
        let side = tokio::select! {
            event = a.next() => {
                taken(Side::A, event)?;
                Side::A
            }
            event = b.next() => {
                taken(Side::B, event)?;
                Side::B
            }
            () = sleep_until(until) => return Ok(()),
        };
        if watched.paths.len() <= CLOSELY {
            watched.look(side, a.tree(), b.tree());
        }
        if watched.paths.is_empty() {
            return Ok(());
        }
    }
}

/// States of a path that either side had.
#[derive(Default)]
struct States {
    a: HashSet<u64>,
    b: HashSet<u64>,
}

/// Paths that were never seen equal, by A's names.
struct Watched<'r> {
    paths: BTreeMap<String, States>,
    routes: &'r Routes,
    common: &'r Common,
}

impl<'r> Watched<'r> {
    fn new(paths: HashSet<String>, routes: &'r Routes, common: &'r Common) -> Self {
        let paths = paths.into_iter().map(|path| (path, States::default()));
        Self {
            paths: paths.collect(),
            routes,
            common,
        }
    }

    /// Notes what a side has now, and drops what the other one had as well.
    fn look(&mut self, side: Side, a: &Tree, b: &Tree) {
        self.paths.retain(|path, states| {
            let Some(pair) = Pair::find(a, b, self.routes, self.common, path) else {
                return false;
            };
            // What is registered on one side only counts as absent.
            let nodes = if pair.is_foreign() {
                (None, None)
            } else {
                pair.nodes
            };
            let met = match side {
                Side::A => {
                    let state = state(nodes.0, self.common);
                    states.a.insert(state);
                    states.b.contains(&state)
                }
                Side::B => {
                    let state = state(nodes.1, self.common);
                    states.b.insert(state);
                    states.a.contains(&state)
                }
            };
            !(met || Pair { nodes, ..pair }.is_same())
        });
    }
}

/// All that is compared of a node.
fn state(node: Option<Node<'_>>, common: &Common) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(node) = node {
        let stat = node.stored();
        let is_plain = common.kind(node) == (CreateMode::Persistent, None);
        let owner = if is_plain { 0 } else { stat.ephemeral_owner };
        (node.data(), node.acl(), owner).hash(&mut hasher);
        (stat.version, stat.cversion, stat.aversion).hash(&mut hasher);
    }
    hasher.finish()
}
