//! Three network namespaces on a bridge: A, B and the engines. A link is cut where the engines are: a firewall drops
//! the packets from and to a side. The clients of both sides do not notice.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use super::Side;

/// Number of networks that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// The network; it is removed when dropped.
#[derive(Debug)]
pub struct Network {
    tag: String,
    /// Names of the namespaces of A, B and the engines.
    namespaces: [String; 3],
    hosts: [String; 3],
}

impl Network {
    /// Makes the network.
    ///
    /// # Errors
    /// When the system refuses. It needs root.
    pub fn make() -> Result<Self> {
        // Each world of each process has its own addresses, so that several can run at once.
        let number = MADE.fetch_add(1, Ordering::Relaxed) % 8;
        let process = std::process::id() % 1_000_000;
        let tag = format!("zt{process}{number}");
        let place = (process * 8 + number) % 62_500;
        let (high, low) = (1 + place / 250, place % 250);
        let address = |last: u8| format!("10.{high}.{low}.{last}");
        let this = Self {
            namespaces: ["a", "b", "e"].map(|name| format!("{tag}{name}")),
            hosts: [2, 3, 4].map(address),
            tag,
        };
        let bridge = format!("{}br", this.tag);
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{}/24", address(1)), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for (namespace, host) in this.namespaces.iter().zip(&this.hosts) {
            let outside = format!("{namespace}o");
            ip(&["netns", "add", namespace])?;
            ip(&[
                "link", "add", &outside, "type", "veth", "peer", "name", "eth0", "netns", namespace,
            ])?;
            ip(&["link", "set", &outside, "master", &bridge, "up"])?;
            ip(&[
                "-n",
                namespace,
                "addr",
                "add",
                &format!("{host}/24"),
                "dev",
                "eth0",
            ])?;
            ip(&["-n", namespace, "link", "set", "eth0", "up"])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        Ok(this)
    }

    /// Namespace of a side's servers.
    pub fn namespace(&self, side: Side) -> &str {
        &self.namespaces[usize::from(side == Side::B)]
    }

    /// A side's address.
    pub fn host(&self, side: Side) -> &str {
        &self.hosts[usize::from(side == Side::B)]
    }

    /// Namespace of the engines.
    pub fn engines(&self) -> &str {
        &self.namespaces[2]
    }

    /// Drops all packets between the engines and a side, without telling anybody.
    ///
    /// # Errors
    /// When the firewall refuses.
    pub fn cut(&self, side: Side) -> Result<()> {
        self.firewall("-A", side)
    }

    /// Restores the link to a side.
    ///
    /// # Errors
    /// When the firewall refuses.
    pub fn mend(&self, side: Side) -> Result<()> {
        self.firewall("-D", side)
    }

    fn firewall(&self, action: &str, side: Side) -> Result<()> {
        for (chain, way) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
            let rule = [
                "iptables",
                "-w",
                action,
                chain,
                way,
                self.host(side),
                "-j",
                "DROP",
            ];
            ip(&[&["netns", "exec", self.engines()], rule.as_slice()].concat())?;
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            ip(&["netns", "del", namespace]).ok();
            ip(&["link", "del", &format!("{namespace}o")]).ok();
        }
        ip(&["link", "del", &format!("{}br", self.tag)]).ok();
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("ip is needed: apt-get install iproute2")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("ip {}: {}", arguments.join(" "), said.trim());
    }
    Ok(())
}
