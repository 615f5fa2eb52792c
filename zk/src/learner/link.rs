//! Decides what each packet of a leader asks for. Pure, so that every order of packets can be tested.
//!
//! The order differs between versions: 3.4 sends transactions before NEWLEADER or after it. So transactions are
//! handled in one way, at any time after the sync packet.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::packet::{
    ACK, COMMIT, COMMITANDACTIVATE, DIFF, INFORM, INFORMANDACTIVATE, NEWLEADER, PING, PROPOSAL, Packet,
    REVALIDATE, SNAP, SYNC, TRUNC, UPTODATE,
};
use crate::jute::Reader;
use crate::record::{TxnHeader, Zxid};

/// The type of a transaction that changes the member list.
const RECONFIG: i32 = 16;

/// What a packet asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Read a snapshot, which follows.
    ReadSnapshot(Zxid),
    /// A transaction was committed.
    Commit(Bytes),
    /// A transaction was committed that changes the member list.
    Reconfigure(Bytes),
    /// Stop, since the leader has lost data.
    Truncate(Zxid),
    /// Everything from before the link has arrived. Carries the member list of NEWLEADER.
    UpToDate(Option<String>),
    /// Send this.
    Send(Packet),
    /// Answer a ping.
    Pong(Zxid),
    /// Whether a session lives.
    Revalidated(i64, bool),
    /// The answer to a sync.
    Synced,
    /// Nothing to do.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Only SNAP, DIFF or TRUNC may come.
    Start,
    Syncing,
    /// NEWLEADER was acknowledged.
    Acknowledged,
    Live,
}

/// The state of one link.
#[derive(Debug)]
pub(super) struct Link {
    phase: Phase,
    last: Zxid,
    leader: Zxid,
    config: Option<String>,
    /// Proposals that were not committed yet. They are dropped once a later one is committed.
    proposed: BTreeMap<Zxid, Bytes>,
}

impl Link {
    pub(super) fn new(last: Zxid) -> Self {
        Self {
            phase: Phase::Start,
            last,
            leader: Zxid(0),
            config: None,
            proposed: BTreeMap::new(),
        }
    }

    /// Position of the last transaction, after which the next link continues.
    pub(super) fn last(&self) -> Zxid {
        self.last
    }

    /// Whether the leader has said that we are up to date.
    pub(super) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    pub(super) fn take(&mut self, packet: Packet) -> Result<Effect, String> {
        let Packet { kind, zxid, data } = packet;
        if self.phase == Phase::Start {
            return match kind {
                SNAP => {
                    self.phase = Phase::Syncing;
                    self.last = zxid;
                    Ok(Effect::ReadSnapshot(zxid))
                }
                DIFF => {
                    self.phase = Phase::Syncing;
                    Ok(Effect::Nothing)
                }
                TRUNC => Ok(Effect::Truncate(zxid)),
                other => Err(format!("a packet of type {other} instead of SNAP, DIFF or TRUNC")),
            };
        }
        match kind {
            PROPOSAL => {
                let data = data.ok_or("a proposal without a transaction")?;
                self.proposed.insert(zxid, data);
                Ok(Effect::Nothing)
            }
            COMMIT | COMMITANDACTIVATE => match self.proposed.remove(&zxid) {
                Some(bytes) => self.commit(bytes),
                None if zxid <= self.last => Ok(Effect::Nothing),
                None => Err(format!("a commit of {zxid} that was not proposed")),
            },
            INFORM => self.commit(data.ok_or("an inform without a transaction")?),
            INFORMANDACTIVATE => {
                // The id of the new leader comes before the transaction.
                let data = data
                    .filter(|d| d.len() >= 8)
                    .ok_or("an inform without a transaction")?;
                self.commit(data.slice(8..))
            }
            NEWLEADER if self.phase == Phase::Syncing => {
                self.phase = Phase::Acknowledged;
                self.leader = zxid;
                self.config = data
                    .filter(|d| !d.is_empty())
                    .map(|d| String::from_utf8_lossy(&d).into_owned());
                Ok(Effect::Send(Packet::new(ACK, zxid, None)))
            }
            UPTODATE if self.phase == Phase::Acknowledged => {
                self.phase = Phase::Live;
                Ok(Effect::UpToDate(self.config.take()))
            }
            // A leader accepts no packet before NEWLEADER is acknowledged, and ZooKeeper's own learners answer pings
            // from UPTODATE on.
            PING if self.is_live() => Ok(Effect::Pong(zxid)),
            SYNC if self.is_live() => Ok(Effect::Synced),
            REVALIDATE => {
                let data = data.unwrap_or_default();
                let mut reader = Reader::new(&data, "revalidation");
                let answer = reader.long().and_then(|session| Ok((session, reader.boolean()?)));
                let (session, lives) = answer.map_err(|e| e.to_string())?;
                Ok(Effect::Revalidated(session, lives))
            }
            SNAP | DIFF | TRUNC | NEWLEADER | UPTODATE => Err(format!("a packet of type {kind} out of turn")),
            _ => Ok(Effect::Nothing),
        }
    }

    fn commit(&mut self, bytes: Bytes) -> Result<Effect, String> {
        let header = TxnHeader::read(&mut Reader::new(&bytes, "TxnHeader")).map_err(|e| e.to_string())?;
        let zxid = header.zxid;
        self.proposed = self.proposed.split_off(&Zxid(zxid.0.saturating_add(1)));
        if zxid <= self.last {
            return Ok(Effect::Nothing);
        }
        if !self.last.is_followed_by(zxid) {
            return Err(format!("a gap: transaction {zxid} came after {}", self.last));
        }
        self.last = zxid;
        Ok(match header.kind {
            RECONFIG => Effect::Reconfigure(bytes),
            _ => Effect::Commit(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jute::Writer;

    fn txn(n: u32) -> Bytes {
        let mut writer = Writer::new();
        TxnHeader {
            zxid: Zxid::new(1, n),
            ..TxnHeader::default()
        }
        .write(&mut writer);
        writer.finish()
    }

    fn packet(kind: i32, n: u32) -> Packet {
        let data = matches!(kind, PROPOSAL | INFORM).then(|| txn(n));
        Packet::new(kind, Zxid::new(1, n), data)
    }

    fn live(last: u32) -> Link {
        let mut link = Link::new(Zxid::new(1, last));
        for kind in [DIFF, NEWLEADER, UPTODATE] {
            link.take(packet(kind, 0)).unwrap();
        }
        assert!(link.is_live());
        link
    }

    #[test]
    fn proposals_count_when_committed() {
        let mut link = Link::new(Zxid::new(1, 4));
        assert_eq!(link.take(packet(DIFF, 6)), Ok(Effect::Nothing));
        // One that is known already, a new one, and one that an INFORM overtakes.
        for n in [4, 5, 6] {
            assert_eq!(link.take(packet(PROPOSAL, n)), Ok(Effect::Nothing));
        }
        assert_eq!(link.take(packet(COMMIT, 4)), Ok(Effect::Nothing));
        assert_eq!(link.take(packet(COMMIT, 5)), Ok(Effect::Commit(txn(5))));
        assert_eq!(link.take(packet(INFORM, 6)), Ok(Effect::Commit(txn(6))));
        assert_eq!(link.take(packet(COMMIT, 6)), Ok(Effect::Nothing));
        assert!(link.proposed.is_empty());
        assert_eq!(link.last(), Zxid::new(1, 6));
    }

    #[test]
    fn a_gap_is_an_error_and_a_repetition_is_not() {
        let mut link = live(7);
        assert_eq!(link.take(packet(INFORM, 7)), Ok(Effect::Nothing));
        assert!(link.take(packet(INFORM, 9)).unwrap_err().contains("a gap"));
        assert!(live(7).take(packet(COMMIT, 8)).is_err());
    }

    #[test]
    fn pings_are_answered_only_once_live() {
        let mut link = Link::new(Zxid(0));
        assert_eq!(
            link.take(packet(SNAP, 3)),
            Ok(Effect::ReadSnapshot(Zxid::new(1, 3)))
        );
        assert_eq!(link.take(packet(PING, 3)), Ok(Effect::Nothing));
        let ack = Packet::new(ACK, Zxid::new(1, 0), None);
        let members = Some(Bytes::from_static(b"server.1=a:1:2"));
        let newleader = Packet::new(NEWLEADER, Zxid::new(1, 0), members);
        assert_eq!(link.take(newleader), Ok(Effect::Send(ack)));
        assert_eq!(link.take(packet(PING, 3)), Ok(Effect::Nothing));
        assert_eq!(link.take(packet(INFORM, 4)), Ok(Effect::Commit(txn(4))));
        assert_eq!(
            link.take(packet(UPTODATE, 0)),
            Ok(Effect::UpToDate(Some("server.1=a:1:2".to_owned())))
        );
        assert_eq!(link.take(packet(PING, 4)), Ok(Effect::Pong(Zxid::new(1, 4))));
    }

    /// Includes the ends of the range, where adding one overflows.
    fn zxids() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), 0..4i64, Just(i64::MAX), Just(i64::MIN)]
    }

    proptest! {
        #[test]
        fn arbitrary_packets_never_panic(last in zxids(), packets in proptest::collection::vec((0..21i32, zxids(), any::<Option<Vec<u8>>>(), any::<bool>()), 0..20)) {
            let mut link = Link::new(Zxid(last));
            for (kind, zxid, data, whole) in packets {
                let zxid = Zxid(zxid);
                let mut writer = Writer::new();
                TxnHeader { zxid, ..TxnHeader::default() }.write(&mut writer);
                let data = if whole { Some(writer.finish()) } else { data.map(Into::into) };
                let before = link.last();
                let _ = link.take(Packet::new(kind, zxid, data));
                // Only a snapshot may move the position back.
                prop_assert!(kind == SNAP || link.last() >= before);
            }
        }
    }

    #[test]
    fn nothing_comes_before_the_sync_packet_and_it_comes_once() {
        assert!(Link::new(Zxid(0)).take(packet(INFORM, 1)).is_err());
        assert!(live(7).take(packet(SNAP, 9)).is_err());
        let truncate = Link::new(Zxid::new(1, 9)).take(packet(TRUNC, 5));
        assert_eq!(truncate, Ok(Effect::Truncate(Zxid::new(1, 5))));
    }

    #[test]
    fn a_reconfiguration_carries_its_leader_first() {
        let mut reconfig = txn(8).to_vec();
        reconfig[28..32].copy_from_slice(&RECONFIG.to_be_bytes());
        let reconfig = Bytes::from(reconfig);
        let mut data = vec![0; 8];
        data.extend(&reconfig);
        let inform = Packet::new(INFORMANDACTIVATE, Zxid::new(1, 8), Some(data.into()));
        assert_eq!(live(7).take(inform), Ok(Effect::Reconfigure(reconfig)));
    }
}
