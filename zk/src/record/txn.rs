//! A transaction as it is logged and replicated.

use std::fmt;

use bytes::Bytes;

use super::Op;
use crate::jute::{Error, Reader, Writer};

/// Position in the order of all transactions: epoch in the high half, counter in the low half.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zxid(pub i64);

impl Zxid {
    /// A zxid from its two halves.
    pub fn new(epoch: u32, counter: u32) -> Self {
        Self((i64::from(epoch) << 32) | i64::from(counter))
    }

    /// The epoch: each leader has its own.
    pub fn epoch(self) -> u32 {
        u32::try_from(self.0 >> 32 & 0xffff_ffff).unwrap_or_default()
    }

    /// Number within the epoch. It is 0 for the epoch itself and for no transaction.
    pub fn counter(self) -> u32 {
        u32::try_from(self.0 & 0xffff_ffff).unwrap_or_default()
    }

    /// Whether no transaction can lie between this one and `next`. Within an epoch the numbers rise by one, and each
    /// epoch begins with 1.
    pub fn is_followed_by(self, next: Self) -> bool {
        if next.epoch() == self.epoch() {
            self.0.checked_add(1) == Some(next.0)
        } else {
            next > self && next.counter() == 1
        }
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The header of every transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TxnHeader {
    /// Session that asked for it; 0 for the leader itself.
    pub session: i64,
    /// Number of the request within its session.
    pub cxid: i32,
    /// Position in the order of all transactions.
    pub zxid: Zxid,
    /// The leader's clock, milliseconds since 1970.
    pub time: i64,
    /// Type of the record after the header.
    pub kind: i32,
}

/// Digest of the leader's tree after the transaction (3.6+).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnDigest {
    /// How the digest was computed. [`TxnDigest::VERSION`] is the only way in use.
    pub version: i32,
    /// The digest.
    pub value: u64,
}

impl TxnDigest {
    /// The computation that 3.6 to 3.9 use.
    pub const VERSION: i32 = 2;

    /// Length in bytes.
    pub(crate) const LENGTH: usize = 12;
}

/// A committed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txn {
    /// Session, time and position.
    pub header: TxnHeader,
    /// What it changes.
    pub op: Op,
    /// Digest of the tree after it. `None` before 3.6 and for failed requests.
    pub digest: Option<TxnDigest>,
}

impl TxnHeader {
    /// Reads a header of 32 bytes.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.enter("TxnHeader");
        Ok(Self {
            session: reader.long()?,
            cxid: reader.int()?,
            zxid: Zxid(reader.long()?),
            time: reader.long()?,
            kind: reader.int()?,
        })
    }

    /// Writes the header's 32 bytes.
    pub fn write(&self, writer: &mut Writer) {
        writer.long(self.session);
        writer.int(self.cxid);
        writer.long(self.zxid.0);
        writer.long(self.time);
        writer.int(self.kind);
    }
}

impl Txn {
    /// Decodes a whole transaction.
    ///
    /// # Errors
    /// When its type is not known, or bytes are left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, "TxnHeader");
        let header = TxnHeader::read(&mut reader)?;
        let op = Op::read(header.kind, &mut reader)?;
        reader.enter("TxnDigest");
        let digest = if reader.remaining().is_empty() {
            None
        } else {
            Some(TxnDigest {
                version: reader.int()?,
                value: reader.long()?.cast_unsigned(),
            })
        };
        reader.end()?;
        Ok(Self { header, op, digest })
    }

    /// The bytes that [`Txn::decode`] takes.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::new();
        self.header.write(&mut writer);
        self.op.write(&mut writer);
        if let Some(digest) = self.digest {
            writer.int(digest.version);
            writer.long(digest.value.cast_signed());
        }
        writer.finish()
    }
}
