//! A comparison without an engine. Two observers read both trees and leave again.
//!
//! The two ensembles are never seen at the same moment, so a difference may be a change that is still on its way.
//! Such a path is watched on both sides for a while. It counts as equal once one side shows a state that the other
//! side had in the meantime.

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

/// How long an ensemble must go without a transaction to count as quiet, and how long that is waited for.
const QUIET: (Duration, Duration) = (Duration::from_millis(30), Duration::from_secs(1));

/// With more differing paths than these, the sides differ for good, and nothing is watched.
const WATCHED: usize = 10_000;

/// Up to so many paths are compared after each transaction; more of them once a round.
const CLOSELY: usize = 200;

/// Limits of a comparison.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Most differences to name.
    pub limit: usize,
    /// Time limit for both observers to read their tree.
    pub join_limit: Duration,
    /// How many rounds paths that differ are watched.
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
    /// A tree could not be read in time.
    #[error("cannot compare: no tree of {side} within {seconds} s ({cause})")]
    NoTree {
        /// The ensemble.
        side: Side,
        /// The time limit in seconds.
        seconds: u64,
        /// The last problem.
        cause: String,
    },
    /// The ensemble lost data.
    #[error("cannot compare: the data of {0} went back while it was read; compare again")]
    WentBack(Side),
    /// The observer cannot go on.
    #[error("cannot compare: the observer of {side} failed: {source}")]
    Observer {
        /// The ensemble.
        side: Side,
        /// The cause.
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

/// Compares two live ensembles. Each configuration needs an observer id of its own and a folder for its queue.
///
/// # Errors
/// When one of the trees cannot be read.
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

/// Joins as an observer, and returns when it is up to date.
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

/// Takes events until there is none for a moment. On a busy ensemble it gives up after a while.
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

/// Follows both ensembles for one round.
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

/// The states of a path that each side has had.
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

    /// Notes the present states of a side, and drops paths whose state the other side had as well.
    fn look(&mut self, side: Side, a: &Tree, b: &Tree) {
        self.paths.retain(|path, states| {
            let Some(pair) = Pair::find(a, b, self.routes, self.common, path) else {
                return false;
            };
            // A node that is registered on one side only counts as absent.
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

/// A hash of everything that is compared of a node.
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
