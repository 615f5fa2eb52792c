//! The processes of a trial: ensemble A, ensemble B, and the engines between them.

mod engine;
mod network;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use mesolith_testkit_zookeeper::{Ensemble, Setup};

pub use engine::{Engine, Place};
pub use network::Network;

use crate::faults::{Disk, Relay, skewed};
use crate::version::{PACKAGED, Version};

/// One of the two ensembles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The source.
    A,
    /// The target.
    B,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// Options of a world.
#[derive(Debug, Clone)]
pub struct Options {
    /// Versions of A and B.
    pub versions: [Version; 2],
    /// Number of engines, which all have the same name. With 0, B is A itself, which tests the trials without an
    /// engine.
    pub engines: usize,
    /// Members of each ensemble.
    pub members: usize,
    /// A, B and the engines are each in a network namespace of their own, so that links can be cut.
    pub separate: bool,
    /// Delay each way between the engines and B, by a relay.
    pub delay: Option<Duration>,
    /// Size in megabytes of a file system in memory that holds B's data.
    pub small_disk: Option<u32>,
    /// Offset of B's clock in the words of `faketime`, such as "-1h".
    pub skew: Option<&'static str>,
    /// More flags of the engine, such as `--paths`.
    pub flags: Vec<String>,
    /// Heap of each member in megabytes.
    pub heap: u32,
    /// `jute.maxbuffer` of A and B, where it is not the default.
    pub buffers: [Option<u32>; 2],
    /// Members are compiled by the better compiler of the JVM: for figures, not for many short trials.
    pub better_compiler: bool,
    /// Whether engines are started; if not, the caller starts them.
    pub start_engines: bool,
    /// B is not started; the engine fills its folders.
    pub seeded: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: [PACKAGED; 2],
            engines: 1,
            members: 3,
            separate: false,
            delay: None,
            small_disk: None,
            skew: None,
            flags: Vec::new(),
            heap: 80,
            buffers: [None; 2],
            better_compiler: false,
            start_engines: true,
            seeded: false,
        }
    }
}

/// Everything that runs; it is stopped when dropped.
#[derive(Debug)]
pub struct World {
    // In the order in which they must go.
    /// The engines, started or not.
    pub engines: Vec<Engine>,
    a: Ensemble,
    b: Option<Ensemble>,
    /// The relays of slow links.
    pub relays: Vec<Relay>,
    /// The network in which links can be cut.
    pub network: Option<Network>,
    /// The small disk of B.
    pub disk: Option<Disk>,
    /// The options of the world.
    pub options: Options,
    _state: tempfile::TempDir,
}

impl World {
    /// Starts everything. The engines come last and are not waited for.
    ///
    /// # Errors
    /// When a part cannot be made. An ensemble that does not start panics.
    pub async fn start(options: Options) -> Result<Self> {
        let state = tempfile::Builder::new().prefix("trial-").tempdir()?;
        let network = if options.separate {
            Some(Network::make()?)
        } else {
            None
        };
        let disk = options
            .small_disk
            .map(|size| Disk::mount(&state.path().join("disk"), size));
        let disk = disk.transpose()?;
        let a = setup(&options, Side::A, network.as_ref(), None)?;
        let b = setup(&options, Side::B, network.as_ref(), disk.as_ref().map(Disk::path))?;
        let members = options.members;
        let (a, b) = if options.engines == 0 {
            (Ensemble::start_with(members, a, |_| ()).await, None)
        } else if options.seeded {
            let b = Ensemble::prepare(members, b);
            (Ensemble::start_with(members, a, |_| ()).await, Some(b))
        } else {
            let a = Ensemble::start_with(members, a, |_| ());
            let (a, b) = tokio::join!(a, Ensemble::start_with(members, b, |_| ()));
            (a, Some(b))
        };
        let mut world = Self {
            engines: Vec::new(),
            a,
            b,
            relays: Vec::new(),
            network,
            disk,
            options,
            _state: state,
        };
        world.add_engines().await?;
        Ok(world)
    }

    async fn add_engines(&mut self) -> Result<()> {
        let source = addresses(&self.a).join(",");
        let mut target = addresses(self.ensemble(Side::B));
        if let Some(delay) = self.options.delay {
            for address in &mut target {
                let mut parts = address.rsplitn(3, ':').map(str::to_owned).collect::<Vec<_>>();
                parts.reverse();
                let host = parts[0].clone();
                let mut through = vec!["127.0.0.1".to_owned()];
                for port in &parts[1..] {
                    let relay = Relay::start(format!("{host}:{port}"), delay).await?;
                    through.push(relay.port().to_string());
                    self.relays.push(relay);
                }
                *address = through.join(":");
            }
        }
        let mut flags = self.options.flags.clone();
        if self.options.seeded {
            let b = self.ensemble(Side::B);
            let dirs = (1..=b.len()).map(|id| format!("--seed-dir={}", b.data_dir(id).display()));
            flags.extend(dirs);
        }
        for number in 0..self.options.engines {
            let place = Place {
                dir: self._state.path().join(format!("engine-{number}")),
                source: source.clone(),
                target: target.join(","),
                flags: flags.clone(),
                namespace: self.network.as_ref().map(|network| network.engines().to_owned()),
            };
            let mut engine = Engine::new(place)?;
            if self.options.start_engines {
                engine.start()?;
            }
            self.engines.push(engine);
        }
        Ok(())
    }

    /// The ensemble of a side.
    pub fn ensemble(&self, side: Side) -> &Ensemble {
        match (side, &self.b) {
            (Side::B, Some(b)) => b,
            _ => &self.a,
        }
    }

    /// The ensemble of a side, for a fault.
    pub fn ensemble_mut(&mut self, side: Side) -> &mut Ensemble {
        match (side, &mut self.b) {
            (Side::B, Some(b)) => b,
            _ => &mut self.a,
        }
    }

    /// The longest request that an ensemble's servers take.
    pub fn limit(&self, side: Side) -> usize {
        let at = usize::from(side == Side::B && self.b.is_some());
        let raised = self.options.buffers[at].and_then(|bytes| usize::try_from(bytes).ok());
        raised.unwrap_or(crate::writers::sizes::DEFAULT)
    }

    /// An ensemble's version.
    pub fn version(&self, side: Side) -> Version {
        match side {
            Side::B if self.b.is_some() => self.options.versions[1],
            _ => self.options.versions[0],
        }
    }
}

/// `host:client:quorum` of each member.
fn addresses(ensemble: &Ensemble) -> Vec<String> {
    let each = (1..=ensemble.len()).map(|id| {
        let quorum = ensemble.quorum(id);
        let port = quorum.rsplit(':').next().unwrap_or_default();
        format!("{}:{port}", ensemble.server(id))
    });
    each.collect()
}

fn setup(options: &Options, side: Side, network: Option<&Network>, dir: Option<PathBuf>) -> Result<Setup> {
    let version = options.versions[usize::from(side == Side::B)];
    let mut setup = version.setup();
    setup.jvm = vec![
        format!("-Xmx{}m", options.heap),
        "-Dzookeeper.extendedTypesEnabled=true".into(),
        "-Dznode.container.checkIntervalMs=2000".into(),
        // ZooKeeper allocates this much for a log file at once, which matters on a small disk.
        "-Dzookeeper.preAllocSize=1024".into(),
    ];
    if let Some(bytes) = options.buffers[usize::from(side == Side::B)] {
        setup.jvm.push(format!("-Djute.maxbuffer={bytes}"));
    }
    if options.better_compiler {
        setup.jvm.push("-XX:TieredStopAtLevel=4".into());
    }
    setup.config = "minSessionTimeout=1000\nmaxSessionTimeout=120000\nautopurge.purgeInterval=0\n".into();
    setup.dir = dir;
    setup.first_id = if side == Side::A { 1 } else { 11 };
    if let Some(network) = network {
        setup.namespace = Some(network.namespace(side).to_owned());
        setup.host = network.host(side).to_owned();
    }
    if side == Side::B
        && let Some(skew) = options.skew
    {
        setup.environment = skewed(skew)?;
    }
    Ok(setup)
}
