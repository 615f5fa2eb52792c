//! Whether a TCP port can be listened on, and which program has it.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

use procfs::process::{FDTarget, Process};

use crate::problem::Problem;

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// The name does not resolve on this machine.
    #[error("{0} does not resolve on this node; correct the node's address")]
    AddressNotFound(String),
    /// The address belongs to another machine.
    #[error("{0} is not an address of this node; correct the node's address")]
    AddressNotLocal(IpAddr),
    /// Another program listens there.
    #[error("port {target} is used by {}; stop it or choose another port", holder.as_deref().unwrap_or("another program"))]
    InUse {
        /// Address and port.
        target: SocketAddr,
        /// E.g. `java (pid 4711)`.
        holder: Option<String>,
    },
    /// Any other error, such as a missing right to a port below 1024.
    #[error("port {0} cannot be used: {1}")]
    Other(SocketAddr, std::io::Error),
}

impl Unusable {
    /// CamelCase, for conditions.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::AddressNotFound(_) => "AddressNotFound",
            Self::AddressNotLocal(_) => "AddressNotLocal",
            Self::InUse { .. } => "PortInUse",
            Self::Other(..) => "PortUnavailable",
        }
    }
}

/// Whether the port could be listened on now.
pub(crate) fn usable(address: &str, port: u16) -> Result<(), Unusable> {
    let found = (address, port).to_socket_addrs().ok();
    let Some(target) = found.and_then(|mut all| all.next()) else {
        return Err(Unusable::AddressNotFound(address.to_owned()));
    };
    // std sets SO_REUSEADDR, so connections in TIME_WAIT do not count.
    match TcpListener::bind(target) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Unusable::InUse {
            target,
            holder: holder(target),
        }),
        Err(e) if e.kind() == ErrorKind::AddrNotAvailable => Err(Unusable::AddressNotLocal(target.ip())),
        Err(e) => Err(Unusable::Other(target, e)),
    }
}

/// Why the port is not usable, as a component's unmet need; `what` needs the port.
pub(super) fn taken(address: &str, port: u16, what: &str) -> Option<Problem> {
    let error = usable(address, port).err()?;
    let message = match error {
        Unusable::InUse { .. } | Unusable::Other(..) => format!("for {what}: {error}"),
        Unusable::AddressNotFound(_) | Unusable::AddressNotLocal(_) => error.to_string(),
    };
    Some(Problem::new(error.reason(), message))
}

/// E.g. `java (pid 4711)`.
fn holder(target: SocketAddr) -> Option<String> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let listening = tables.into_iter().flatten().flatten().find(|entry| {
        let ip = entry.local_address.ip();
        entry.local_address.port() == target.port()
            && entry.state == procfs::net::TcpState::Listen
            && (ip == target.ip() || ip.is_unspecified() || target.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    })?;
    let holds = |process: &Process| {
        let sockets = process.fd().into_iter().flatten().flatten();
        sockets
            .into_iter()
            .any(|fd| matches!(fd.target, FDTarget::Socket(inode) if inode == listening.inode))
    };
    let process = procfs::process::all_processes().ok()?.flatten().find(holds)?;
    let name = process
        .stat()
        .map(|stat| stat.comm)
        .unwrap_or_else(|_| "a program".into());
    Some(format!("{name} (pid {})", process.pid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occupied_port_is_named_with_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let problem = taken("127.0.0.1", port, "the master").unwrap();
        assert_eq!(problem.reason, "PortInUse");
        let expected = format!("for the master: port 127.0.0.1:{port} is used by ");
        assert!(problem.message.starts_with(&expected), "{}", problem.message);
        assert!(
            problem.message.contains(&format!("(pid {})", std::process::id())),
            "{}",
            problem.message
        );
        drop(listener);
        assert_eq!(taken("127.0.0.1", port, "the master"), None);
        assert_eq!(taken("192.0.2.1", port, "x").unwrap().reason, "AddressNotLocal");
    }
}
