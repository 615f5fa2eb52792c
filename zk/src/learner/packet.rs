//! Packets of the quorum port: type, zxid, data, identities. No length comes before them.

use bytes::Bytes;

use crate::jute::{Error, Reader, Writer};
use crate::record::{Id, Zxid};

const REQUEST: i32 = 1;
pub(super) const PROPOSAL: i32 = 2;
pub(super) const ACK: i32 = 3;
pub(super) const COMMIT: i32 = 4;
pub(super) const PING: i32 = 5;
pub(super) const REVALIDATE: i32 = 6;
pub(super) const SYNC: i32 = 7;
pub(super) const INFORM: i32 = 8;
pub(super) const COMMITANDACTIVATE: i32 = 9;
pub(super) const NEWLEADER: i32 = 10;
pub(super) const UPTODATE: i32 = 12;
pub(super) const DIFF: i32 = 13;
pub(super) const TRUNC: i32 = 14;
pub(super) const SNAP: i32 = 15;
pub(super) const OBSERVERINFO: i32 = 16;
pub(super) const LEADERINFO: i32 = 17;
pub(super) const ACKEPOCH: i32 = 18;
pub(super) const INFORMANDACTIVATE: i32 = 19;

/// Type of a client's sync request.
const SYNC_REQUEST: i32 = 9;

/// Protocol version of 3.4 and later.
pub(super) const PROTOCOL: i32 = 0x10000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(super) kind: i32,
    pub(super) zxid: Zxid,
    pub(super) data: Option<Bytes>,
}

impl Packet {
    pub(super) fn new(kind: i32, zxid: Zxid, data: Option<Bytes>) -> Self {
        Self { kind, zxid, data }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.enter("QuorumPacket");
        let packet = Self {
            kind: reader.int()?,
            zxid: Zxid(reader.long()?),
            data: reader.buffer()?.map(Bytes::copy_from_slice),
        };
        reader.vector(Id::read)?;
        Ok(packet)
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.finish()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.int(self.kind);
        writer.long(self.zxid.0);
        writer.buffer(self.data.as_deref());
        writer.length(None);
    }
}

/// A request in the form in which a server passes on its clients' requests, with identities that have every right.
/// The leader needs at least one identity.
pub(crate) fn request(record: &[u8]) -> Bytes {
    let mut writer = Writer::new();
    writer.int(REQUEST);
    writer.long(-1);
    writer.buffer(Some(record));
    let identities = [("super", ""), ("ip", "127.0.0.1")];
    writer.vector(Some(&identities), |w, (scheme, id)| {
        w.string(Some(scheme));
        w.string(Some(id));
    });
    writer.finish()
}

/// Asks for a SYNC packet, which comes after everything that was proposed before is committed.
pub(super) fn sync(session: i64, cxid: i32) -> Bytes {
    let mut record = Writer::new();
    record.long(session);
    record.int(cxid);
    record.int(SYNC_REQUEST);
    record.string(Some("/"));
    request(record.as_slice())
}

/// Asks whether a session lives, and takes it over if it does.
pub(super) fn revalidate(session: i64, timeout: i32) -> Bytes {
    let mut data = Writer::new();
    data.long(session);
    data.int(timeout);
    Packet::new(REVALIDATE, Zxid(-1), Some(data.finish())).encode()
}

/// The observer's id, protocol version and configuration version. The accepted epoch, which is in the packet's zxid,
/// and the configuration version are 0: with higher ones the leader would drop us.
pub(crate) fn observer_info(id: i64) -> Packet {
    let mut writer = Writer::new();
    writer.long(id);
    writer.int(PROTOCOL);
    writer.long(0);
    Packet::new(OBSERVERINFO, Zxid(0), Some(writer.finish()))
}

/// Our last position, without a current epoch.
pub(super) fn ack_epoch(last: Zxid) -> Packet {
    let mut writer = Writer::new();
    writer.int(-1);
    Packet::new(ACKEPOCH, last, Some(writer.finish()))
}

/// The answer to a ping: the ping's position, and the sessions to keep alive. A leader also accepts one that it did
/// not ask for.
pub(crate) fn pong(zxid: Zxid, sessions: impl IntoIterator<Item = (i64, i32)>) -> Packet {
    let mut writer = Writer::new();
    for (session, timeout) in sessions {
        writer.long(session);
        writer.int(timeout);
    }
    Packet::new(PING, zxid, Some(writer.finish()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packets_survive_their_bytes(kind: i32, zxid: i64, data: Option<Vec<u8>>) {
            let packet = Packet::new(kind, Zxid(zxid), data.map(Into::into));
            let mut writer = Writer::new();
            packet.write(&mut writer);
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes, "x");
            prop_assert_eq!(Packet::read(&mut reader)?, packet);
            reader.end()?;
        }
    }
}
