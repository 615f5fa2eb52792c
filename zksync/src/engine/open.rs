//! Decides whether an engine may begin, and by which kind of link each side is followed. Nothing is written before.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mesolith_zk::four_letter::Words;
use mesolith_zk::learner::Learner;
use mesolith_zk::members::{Discovery, discover};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Error, observer};
use crate::client_side::{self, ClientSide};
use crate::estimate::{self, Size};
use crate::options::{EndpointOptions, Options};
use crate::preflight::{self, Facts, Problem, Server};
use crate::settings::Side;
use crate::side::{self, Capture, Link, choose};
use crate::{Routes, seed};

/// Time that a starting server or an election may take.
const PATIENCE: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(3);

/// Both links, and whether the target still has to be filled by file.
pub(super) struct Opened {
    pub(super) a: Link,
    pub(super) b: Link,
    pub(super) seed: bool,
}

/// Opens both sides, and waits for servers that may be starting. `waits` is told the reason.
///
/// # Errors
/// When the engine must not begin.
pub(super) async fn open(
    options: &Options,
    routes: &Routes,
    waits: impl Fn(&[Problem]),
) -> Result<Opened, Error> {
    let begun = Instant::now();
    loop {
        let (source, target) = tokio::try_join!(probe(&options.source), probe(&options.target))?;
        let mut facts = Facts::new(&options.name, routes);
        facts.source = &source.servers;
        facts.target = &target.servers;
        facts.client_ports_will_do = true;
        facts.seeded_by_file = !options.seed_dirs.is_empty();
        facts.memory = source.size.and_then(|size| {
            let available = estimate::available()?;
            estimate::check(size, &available).err()
        });
        let problems = preflight::check(&facts);
        let may_pass = problems
            .iter()
            .all(|problem| matches!(problem.reason.as_str(), "Unreachable" | "NoLeader"));
        if problems.is_empty() {
            let seed = seeding(options, &source, &target)?;
            return Ok(Opened {
                a: link(&options.source, options, Side::A, &source.discovery).await?,
                b: link(&options.target, options, Side::B, &target.discovery).await?,
                seed,
            });
        }
        if !may_pass || begun.elapsed() > PATIENCE {
            return Err(refuse(&problems));
        }
        waits(&problems);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// All problems as one refusal.
pub(super) fn refuse(problems: &[Problem]) -> Error {
    let reason = match problems.first().map(|problem| problem.reason.as_str()) {
        Some("SameEnsemble") => "SameEnsemble",
        Some("NotEmpty") => "NotEmpty",
        _ => "Preflight",
    };
    Error::Refused {
        reason,
        message: preflight::sentences(problems),
    }
}

/// The answers of one side's servers.
struct Probed {
    servers: Vec<Server>,
    discovery: Discovery,
    size: Option<Size>,
}

async fn probe(endpoint: &EndpointOptions) -> Result<Probed, Error> {
    let security = endpoint.security.connection();
    let unusable = |error: mesolith_zk::security::Error| Error::Refused {
        reason: "SecurityUnusable",
        message: error.to_string(),
    };
    let words = Words::new(&security, LIMIT).map_err(unusable)?;
    let addresses: Vec<_> = endpoint.servers.iter().map(|server| server.client()).collect();
    let servers = join_all(addresses.iter().map(|address| preflight::probe(&words, address))).await;
    let discovery = discover(&endpoint.learner_servers(), &security)
        .await
        .map_err(unusable)?;
    let mut size = None;
    if let Some(leader) = discovery.leader() {
        let values = words.mntr(&leader.server.client).await.ok();
        size = values.and_then(|values| Size::from_mntr(&values));
    }
    let nodes = servers.iter().find_map(|server| match &server.probe {
        preflight::Probe::Serving(status) => Some(status.znodes),
        _ => None,
    });
    Ok(Probed {
        servers,
        discovery,
        size: size.or_else(|| nodes.map(Size::from_nodes)),
    })
}

/// Whether the target has to be filled by file, which is so if its folders are empty. If they are not and the target
/// runs, that was done before.
fn seeding(options: &Options, source: &Probed, target: &Probed) -> Result<bool, Error> {
    if options.seed_dirs.is_empty() {
        return Ok(false);
    }
    let needed = source.size.map_or(0, |size| size.snapshot());
    match seed::check_dirs(&options.seed_dirs, needed) {
        Ok(_) => Ok(true),
        Err(seed::Error::NotEmpty { .. }) if !target.discovery.found.is_empty() => Ok(false),
        Err(error) => Err(Error::Refused {
            reason: error.reason(),
            message: error.to_string(),
        }),
    }
}

/// Makes the exact kind of link if it is possible.
async fn link(
    endpoint: &EndpointOptions,
    options: &Options,
    side: Side,
    discovery: &Discovery,
) -> Result<Link, Error> {
    let mut facts = side::Facts {
        version: discovery.version().map(ToOwned::to_owned),
        standalone: discovery.is_standalone(),
        ..side::Facts::default()
    };
    if let Some(leader) = discovery.leader() {
        let quorum = leader.server.quorum.clone().unwrap_or_default();
        facts.no_quorum_port = unreachable(&quorum)
            .await
            .map(|cause| format!("{quorum}: {cause}"));
    }
    let choice = choose(&facts, client_side::Config::RESYNC_SECONDS);
    tracing::info!(%side, capture = %choice.capture, reason = choice.reason, "how changes are seen");
    if choice.capture == Capture::Observer {
        let learner = Learner::start(observer(endpoint, options, side, 0), None);
        return learner
            .map(|learner| Link::Observer(Box::new(learner)))
            .map_err(|source| Error::Link {
                side,
                source: source.into(),
            });
    }
    let servers = endpoint.servers.iter().map(|server| server.client()).collect();
    let mut config = client_side::Config::new(servers, choice.capture);
    config.security = endpoint.security.connection();
    config.reason = choice.reason;
    config.version = facts.numbers();
    config.roots = vec!["/".to_owned()];
    Ok(Link::Client(Box::new(ClientSide::start(config))))
}

async fn unreachable(address: &str) -> Option<String> {
    match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("nothing within {} s", LIMIT.as_secs())),
    }
}
