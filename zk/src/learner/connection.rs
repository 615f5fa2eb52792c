//! A connection to a leader. It cuts the stream, which has no framing, into packets.
//!
//! Bytes stay here until a whole record has arrived, so a time limit in the middle of a packet loses nothing.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use super::broken::Broken;
use super::dial::{self, Reading};
use super::outbox;
use super::packet::Packet;
use crate::jute::Reader;
use crate::record::Zxid;
use crate::security::{Port, Security, Tls, explain};
use crate::snapshot::Decoder;
use crate::tree::Tree;

/// Longest packet that is accepted.
const LONGEST_PACKET: usize = 1 << 30;

pub(super) struct Connection {
    socket: Reading,
    outgoing: UnboundedSender<Bytes>,
    held: BytesMut,
    read: u64,
    address: String,
    /// TLS and the host it is for, to explain errors.
    tls: Option<(Tls, String)>,
}

impl Connection {
    /// Connects, and does everything that comes before the first packet.
    pub(super) async fn open(address: &str, security: &Security, limit: Duration) -> Result<Self, Broken> {
        let dialled = dial::open(address, security, limit).await?;
        Ok(Self {
            socket: dialled.reading,
            outgoing: outbox::writer(dialled.writing),
            held: BytesMut::with_capacity(1 << 16),
            read: 0,
            address: address.to_owned(),
            tls: dialled.tls,
        })
    }

    /// The next packet. When the leader is silent, the bytes that have arrived are kept.
    pub(super) async fn packet(&mut self, limit: Duration) -> Result<Packet, Broken> {
        loop {
            let mut reader = Reader::at(&self.held, "QuorumPacket", self.read);
            match Packet::read(&mut reader) {
                Ok(packet) => {
                    let length = reader.consumed();
                    self.consume(length);
                    return Ok(packet);
                }
                Err(error) if error.is_incomplete() && self.held.len() < LONGEST_PACKET => {}
                Err(error) => return Err(error.into()),
            }
            self.fill(limit).await?;
        }
    }

    /// The first packet. Its first byte shows whether the other side speaks TLS although we do not.
    pub(super) async fn first_packet(&mut self, limit: Duration) -> Result<Packet, Broken> {
        self.fill(limit).await?;
        // A TLS alert begins with 21, 3 and a minor version. A leader's packet begins with three zeros.
        if self.tls.is_none() && self.held.first() == Some(&0x15) {
            return Err(Broken::Tls {
                address: self.address.clone(),
                cause: "its quorum port wants TLS (sslQuorum=true); give the file of the CA that signed its certificate, \
                        and a certificate with its key"
                    .to_owned(),
            });
        }
        self.packet(limit).await
    }

    /// The body of a snapshot, and the words after it.
    pub(super) async fn snapshot(&mut self, zxid: Zxid, limit: Duration) -> Result<Tree, Broken> {
        let mut decoder = Decoder::new(self.read);
        loop {
            let taken = decoder.decode(&self.held)?;
            self.consume(taken);
            if decoder.is_done() {
                break;
            }
            self.fill(limit).await?;
        }
        loop {
            let mut reader = Reader::at(&self.held, "end of the snapshot", self.read);
            match reader.text() {
                Ok(text) if text == "BenWasHere" => break,
                Ok(text) => return Err(Broken::Protocol(format!("the snapshot ends with {text:?}"))),
                Err(error) if error.is_incomplete() => {}
                Err(error) => return Err(error.into()),
            }
            self.fill(limit).await?;
        }
        self.consume(4 + "BenWasHere".len());
        Ok(decoder.finish(zxid))
    }

    /// Queues a packet. If the socket does not take it, the reader notices that.
    pub(super) fn send(&self, packet: &Packet) -> Result<(), Broken> {
        self.outgoing.send(packet.encode()).map_err(|_| Broken::Closed)
    }

    /// The queue for requests.
    pub(super) fn outgoing(&self) -> UnboundedSender<Bytes> {
        self.outgoing.clone()
    }

    fn consume(&mut self, n: usize) {
        self.held.advance(n);
        self.read += n as u64;
    }

    async fn fill(&mut self, limit: Duration) -> Result<(), Broken> {
        self.held.reserve(1 << 16);
        match timeout(limit, self.socket.read_buf(&mut self.held)).await {
            Ok(Ok(0)) => Err(Broken::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(Broken::Silent(limit)),
        }
    }

    /// With TLS 1.3, the server's refusal of our certificate arrives only after the handshake. Servers close TLS
    /// connections without a close message.
    fn broken(&self, error: std::io::Error) -> Broken {
        match &self.tls {
            Some(_) if error.kind() == std::io::ErrorKind::UnexpectedEof => Broken::Closed,
            Some((tls, host)) => Broken::Tls {
                address: self.address.clone(),
                cause: explain(&error, Port::Quorum, host, tls),
            },
            None => Broken::Io(error),
        }
    }
}
