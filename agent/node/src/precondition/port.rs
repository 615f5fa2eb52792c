//! Who has a TCP port.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

use procfs::process::{FDTarget, Process};

use crate::problem::Problem;

/// None when the port can be bound.
pub(super) fn taken(address: &str, port: u16, what: &str) -> Option<Problem> {
    let target = match (address, port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut all| all.next())
    {
        Some(target) => target,
        None => {
            let message = format!("{address} does not resolve on this node; correct the node's address");
            return Some(Problem::new("AddressNotFound", message));
        }
    };
    // std sets SO_REUSEADDR, so connections in TIME_WAIT do not count.
    match TcpListener::bind(target) {
        Ok(_) => None,
        Err(e) if e.kind() == ErrorKind::AddrInUse => {
            let who = holder(target).unwrap_or_else(|| "another program".into());
            let message =
                format!("port {target}, needed for {what}, is used by {who}; stop it or choose another port");
            Some(Problem::new("PortInUse", message))
        }
        Err(e) if e.kind() == ErrorKind::AddrNotAvailable => {
            let message = format!(
                "{} is not an address of this node; correct the node's address",
                target.ip()
            );
            Some(Problem::new("AddressNotLocal", message))
        }
        Err(e) => Some(Problem::new(
            "PortUnavailable",
            format!("port {target}, needed for {what}: {e}"),
        )),
    }
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
        let expected = format!("port 127.0.0.1:{port}, needed for the master, is used by ");
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
