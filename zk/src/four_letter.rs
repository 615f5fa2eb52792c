//! Four-letter words: ask one server about itself, without a session.
//!
//! They work even while the ensemble has no quorum. ZooKeeper answers only whitelisted words
//! (`4lw.commands.whitelist`); `srvr` is on the list by default.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::members::{self, Conf, Endpoint};
use crate::security::{self, Port, Security, Tls};

/// Longest answer that is read.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Role of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Leads the ensemble.
    Leader,
    /// Follows the leader.
    Follower,
    /// Follows without a vote.
    Observer,
    /// The only server.
    Standalone,
}

/// The answer to `srvr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Role; `None` while the server has no quorum.
    pub mode: Option<Mode>,
    /// Last transaction.
    pub zxid: u64,
    /// Number of znodes.
    pub znodes: u64,
    /// Version number, up to the first dash.
    pub version: String,
}

/// A client that is connected to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// `host:port` that it comes from.
    pub client: String,
    /// Its session.
    pub session: i64,
}

/// Watches for data that a server's clients have set. ZooKeeper does not count watches for children here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watches {
    /// Connections with watches.
    pub connections: u64,
    /// Paths that are watched.
    pub paths: u64,
    /// Watches in all.
    pub watches: u64,
}

/// Asks four-letter words, over TLS where the client ports want it.
#[derive(Debug, Clone)]
pub struct Words {
    tls: Option<(Tls, Arc<ClientConfig>)>,
    limit: Duration,
}

impl Words {
    /// With an ensemble's security. The limit is for one answer.
    ///
    /// # Errors
    /// When a file for TLS cannot be used.
    pub fn new(security: &Security, limit: Duration) -> Result<Self, security::Error> {
        let tls = match &security.client_tls {
            Some(tls) => Some((tls.clone(), tls.client_config()?)),
            None => None,
        };
        Ok(Self { tls, limit })
    }

    /// Without TLS.
    pub fn plain(limit: Duration) -> Self {
        Self { tls: None, limit }
    }

    /// Whether the server says `imok`.
    ///
    /// # Errors
    /// When it cannot be reached within the limit.
    pub async fn ruok(&self, server: &str) -> Result<bool, Error> {
        Ok(self.ask(server, "ruok").await? == "imok")
    }

    /// Mode, zxid and znode count.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or answers something else.
    pub async fn srvr(&self, server: &str) -> Result<ServerStatus, Error> {
        let text = self.ask(server, "srvr").await?;
        parse_srvr(&text).ok_or_else(|| unexpected(server, "srvr", &text))
    }

    /// All monitoring values by name.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or the word is not whitelisted.
    pub async fn mntr(&self, server: &str) -> Result<BTreeMap<String, String>, Error> {
        let text = self.ask(server, "mntr").await?;
        let values: BTreeMap<_, _> = text
            .lines()
            .filter_map(|l| l.split_once('\t'))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        if values.is_empty() {
            Err(unexpected(server, "mntr", &text))
        } else {
            Ok(values)
        }
    }

    /// The server's id and ports; from 3.5 on also the members.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or the word is not whitelisted.
    pub async fn conf(&self, server: &str) -> Result<Conf, Error> {
        let text = self.ask(server, "conf").await?;
        let fail = |error: members::Error| Error::FourLetter {
            server: server.to_owned(),
            word: "conf",
            cause: error.to_string(),
        };
        Conf::parse(&text)
            .map_err(fail)?
            .ok_or_else(|| unexpected(server, "conf", &text))
    }

    /// The clients that are connected to it with a session.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or the word is not whitelisted.
    pub async fn cons(&self, server: &str) -> Result<Vec<Connection>, Error> {
        let text = self.ask(server, "cons").await?;
        if text.contains("not in the whitelist") {
            return Err(unexpected(server, "cons", &text));
        }
        Ok(parse_cons(&text))
    }

    /// How many watches its clients have set.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or the word is not whitelisted.
    pub async fn wchs(&self, server: &str) -> Result<Watches, Error> {
        let text = self.ask(server, "wchs").await?;
        parse_wchs(&text).ok_or_else(|| unexpected(server, "wchs", &text))
    }

    /// A connection on which nothing was said yet.
    pub(crate) async fn connect(&self, server: &str) -> Result<Box<dyn Stream>, String> {
        let connected = timeout_at(Instant::now() + self.limit, async {
            let stream = TcpStream::connect(server).await?;
            let Some((_, config)) = &self.tls else {
                return Ok::<Box<dyn Stream>, std::io::Error>(Box::new(stream));
            };
            let host = Endpoint::parse(server).map_or_else(|| server.to_owned(), |e| e.host);
            Ok(Box::new(Tls::connect(Arc::clone(config), &host, stream).await?))
        });
        match connected.await {
            Ok(stream) => stream.map_err(|error| error.to_string()),
            Err(_) => Err(format!("nothing within {:.1} s", self.limit.as_secs_f64())),
        }
    }

    async fn ask(&self, server: &str, word: &'static str) -> Result<String, Error> {
        let fail = |cause: String| Error::FourLetter {
            server: server.to_owned(),
            word,
            cause,
        };
        self.exchange(server, word).await.map_err(fail)
    }

    async fn exchange(&self, server: &str, word: &str) -> Result<String, String> {
        let nothing = || format!("nothing within {:.1} s", self.limit.as_secs_f64());
        let until = Instant::now() + self.limit;
        let stream = timeout_at(until, TcpStream::connect(server))
            .await
            .map_err(|_| nothing())?
            .map_err(|error| error.to_string())?;
        let answer = match &self.tls {
            None => match timeout_at(until, answer(stream, word)).await {
                Ok(Ok(answer)) if answer.first() == Some(&TLS_ALERT) => Err(WANTS_TLS.to_owned()),
                Ok(answer) => answer.map_err(|error| error.to_string()),
                // Four letters are too short for a TLS server to notice that they are not TLS.
                Err(_) => Err(format!("{}; if it is a secureClientPort, {WANTS_TLS}", nothing())),
            },
            Some((tls, config)) => {
                let host = Endpoint::parse(server).map_or_else(|| server.to_owned(), |e| e.host);
                let answered = async {
                    let stream = Tls::connect(Arc::clone(config), &host, stream).await?;
                    answer(stream, word).await
                };
                match timeout_at(until, answered).await {
                    Ok(Err(error)) => Err(security::explain(&error, Port::Client, &host, tls)),
                    Ok(Ok(answer)) => Ok(answer),
                    Err(_) => Err(nothing()),
                }
            }
        };
        Ok(String::from_utf8_lossy(&answer?).into_owned())
    }
}

/// A connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The first byte of what TLS answers to those who do not speak it.
const TLS_ALERT: u8 = 0x15;
const WANTS_TLS: &str = "it wants TLS: give the file of the CA that signed its certificate";

/// Reads up to the end of the connection. Servers close TLS connections without a close message.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, word: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(word.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    match stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof || answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

/// Whether the server says `imok`: the process runs, which does not mean that it serves.
///
/// # Errors
/// When it cannot be reached within the limit.
pub async fn ruok(server: &str, limit: Duration) -> Result<bool, Error> {
    Words::plain(limit).ruok(server).await
}

/// Mode, zxid and znode count.
///
/// # Errors
/// When it cannot be reached within the limit, or answers something else.
pub async fn srvr(server: &str, limit: Duration) -> Result<ServerStatus, Error> {
    Words::plain(limit).srvr(server).await
}

/// All monitoring values by name.
///
/// # Errors
/// When it cannot be reached within the limit, or the word is not whitelisted.
pub async fn mntr(server: &str, limit: Duration) -> Result<BTreeMap<String, String>, Error> {
    Words::plain(limit).mntr(server).await
}

/// The clients that are connected to it with a session, without TLS.
///
/// # Errors
/// When it cannot be reached within the limit, or the word is not whitelisted.
pub async fn cons(server: &str, limit: Duration) -> Result<Vec<Connection>, Error> {
    Words::plain(limit).cons(server).await
}

/// Each connection is a line ` /host:port[n](...,sid=0x...,...)`, with a `sid` once it has a session.
fn parse_cons(text: &str) -> Vec<Connection> {
    let connections = text.lines().filter_map(|line| {
        let (client, rest) = line.trim().split_once('[')?;
        let rest = rest.split("sid=0x").nth(1)?;
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        Some(Connection {
            client: client.trim_start_matches('/').to_owned(),
            session: u64::from_str_radix(&rest[..end], 16).ok()?.cast_signed(),
        })
    });
    connections.collect()
}

/// `3 connections watching 5 paths`, then `Total watches:8`.
fn parse_wchs(text: &str) -> Option<Watches> {
    let (first, rest) = text.trim().split_once('\n')?;
    let (connections, paths) = first
        .trim()
        .strip_suffix(" paths")?
        .split_once(" connections watching ")?;
    Some(Watches {
        connections: connections.parse().ok()?,
        paths: paths.parse().ok()?,
        watches: rest.trim().strip_prefix("Total watches:")?.parse().ok()?,
    })
}

fn unexpected(server: &str, word: &'static str, text: &str) -> Error {
    let line = text.lines().next().unwrap_or("an empty answer");
    Error::FourLetter {
        server: server.to_owned(),
        word,
        cause: format!("it says: {line}"),
    }
}

fn parse_srvr(text: &str) -> Option<ServerStatus> {
    if text.contains("not currently serving requests") {
        return Some(ServerStatus {
            mode: None,
            zxid: 0,
            znodes: 0,
            version: String::new(),
        });
    }
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let mode = match value("Mode:")? {
        "leader" => Mode::Leader,
        "follower" => Mode::Follower,
        "observer" => Mode::Observer,
        "standalone" => Mode::Standalone,
        _ => return None,
    };
    Some(ServerStatus {
        mode: Some(mode),
        zxid: u64::from_str_radix(value("Zxid:")?.strip_prefix("0x")?, 16).ok()?,
        znodes: value("Node count:")?.parse().ok()?,
        version: value("Zookeeper version:")?.split('-').next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_srvr() {
        let text = "Zookeeper version: 3.8.0-1, built on x\nLatency min/avg/max: 0/0.0/0\nZxid: 0x100000002\n\
                    Mode: follower\nNode count: 5\n";
        let status = parse_srvr(text).unwrap();
        assert_eq!(
            (status.mode, status.zxid, status.znodes),
            (Some(Mode::Follower), 0x1_0000_0002, 5)
        );
        assert_eq!(status.version, "3.8.0");
    }

    #[test]
    fn reads_cons() {
        let text = " /127.0.0.1:36138[1](queued=0,recved=2,sent=2,sid=0x100001234560000,lop=SESS,est=1,to=10000)\n \
                    /127.0.0.1:36140[0](queued=0,recved=1,sent=0)\n\n";
        let expected = Connection {
            client: "127.0.0.1:36138".to_owned(),
            session: 0x0100_0012_3456_0000,
        };
        assert_eq!(parse_cons(text), [expected]);
    }

    #[test]
    fn reads_wchs() {
        let expected = Watches {
            connections: 3,
            paths: 5,
            watches: 8,
        };
        assert_eq!(
            parse_wchs("3 connections watching 5 paths\nTotal watches:8\n"),
            Some(expected)
        );
        let refused = "wchs is not executed because it is not in the whitelist.";
        assert_eq!(parse_wchs(refused), None);
    }

    #[test]
    fn a_server_without_quorum_has_no_mode() {
        let status = parse_srvr("This ZooKeeper instance is not currently serving requests\n").unwrap();
        assert_eq!(status.mode, None);
        assert_eq!(
            parse_srvr("srvr is not executed because it is not in the whitelist."),
            None
        );
    }
}
