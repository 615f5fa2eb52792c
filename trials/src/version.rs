//! ZooKeeper versions, and what each of them can do.

use mesolith_testkit_zookeeper::Setup;
use rand::Rng;
use rand::seq::IndexedRandom;

/// A server version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version number, such as 3.4.14.
    pub name: &'static str,
    minor: u32,
}

/// One version of each series that is supported.
pub const ALL: [Version; 6] = [
    Version::new("3.4.14", 4),
    Version::new("3.5.10", 5),
    Version::new("3.6.4", 6),
    Version::new("3.7.2", 7),
    PACKAGED,
    Version::new("3.9.3", 9),
];

/// The version that Debian packages.
pub const PACKAGED: Version = Version::new("3.8.0", 8);

impl Version {
    const fn new(name: &'static str, minor: u32) -> Self {
        Self { name, minor }
    }

    /// Finds a version by its number.
    ///
    /// # Errors
    /// When it is not one of those that are tested.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        let known = ALL.iter().find(|version| version.name == name);
        known.copied().ok_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|version| version.name).collect();
            anyhow::anyhow!("no trials with ZooKeeper {name}; there are {}", names.join(", "))
        })
    }

    /// A random version.
    pub fn random(rng: &mut impl Rng) -> Self {
        *ALL.choose(rng).unwrap_or(&PACKAGED)
    }

    /// A setup of such servers, with defaults for everything else.
    pub fn setup(self) -> Setup {
        if self == PACKAGED {
            Setup::default()
        } else {
            Setup::version(self.name)
        }
    }

    /// Whether clients must use the protocol of 3.4.
    pub fn is_old(self) -> bool {
        self.minor < 5
    }

    /// Whether it has containers and TTL nodes.
    pub fn has_containers(self) -> bool {
        self.minor >= 5
    }

    /// Whether an access control list may contain addresses with a mask; older servers refuse them.
    pub fn takes_masks(self) -> bool {
        self.minor >= 5
    }

    /// Whether it has persistent recursive watches.
    pub fn has_recursive_watches(self) -> bool {
        self.minor >= 6
    }
}
