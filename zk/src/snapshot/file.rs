//! Reads a snapshot file piece by piece; memory is taken by the tree only.

use std::io::Read;

use simd_adler32::Adler32;

use super::encode::{MAGIC, VERSION};
use super::{Decoder, Error, seal};
use crate::jute::Reader;
use crate::record::{TxnDigest, Zxid};
use crate::tree::Tree;

const HEADER: usize = 16;
const CHUNK: usize = 1 << 16;
/// Longest tail after the nodes: three seals, a digest trailer of 20 bytes and a last zxid.
const LONGEST_TAIL: usize = 3 * seal::LENGTH + 20 + 8;

/// What a snapshot file holds.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The tree; exact only after the transactions that overlap the snapshot.
    pub tree: Tree,
    /// Position at which the digest was taken, and the digest (3.6+).
    pub digest: Option<(Zxid, TxnDigest)>,
    /// Position at the end of writing (3.9+).
    pub last_zxid: Option<Zxid>,
}

/// Reads a whole file. `zxid` is the position in its name.
///
/// # Errors
/// When it cannot be read, is damaged, or is no snapshot.
pub fn read(mut input: impl Read, zxid: Zxid) -> Result<Snapshot, Error> {
    let mut held = Vec::with_capacity(2 * CHUNK);
    while held.len() < HEADER && fill(&mut input, &mut held)? {}
    check_header(&held)?;
    let mut sum = Adler32::new();
    sum.write(&held[..HEADER]);
    held.drain(..HEADER);
    let mut decoder = Decoder::new(HEADER as u64);
    loop {
        let taken = decoder.decode(&held)?;
        sum.write(&held[..taken]);
        held.drain(..taken);
        if decoder.is_done() {
            break;
        }
        if !fill(&mut input, &mut held)? {
            let mut end = Reader::at(&held, "snapshot", decoder.offset());
            end.take(held.len() + 1)?;
        }
    }
    // One byte more than allowed is enough to refuse the rest.
    while held.len() <= LONGEST_TAIL && fill(&mut input, &mut held)? {}
    let offset = decoder.offset();
    let mut snapshot = Snapshot {
        tree: decoder.finish(zxid),
        digest: None,
        last_zxid: None,
    };
    read_tail(&mut snapshot, &held, offset, sum)?;
    Ok(snapshot)
}

/// Reads more; false at the end.
fn fill(input: &mut impl Read, held: &mut Vec<u8>) -> Result<bool, Error> {
    let before = held.len();
    input
        .by_ref()
        .take(CHUNK as u64)
        .read_to_end(held)
        .map_err(Error::Read)?;
    Ok(held.len() > before)
}

fn check_header(held: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(held, "snapshot header");
    let (magic, version) = (reader.int()?, reader.int()?);
    if (magic, version) != (MAGIC, VERSION) {
        let hint = match held {
            [0x1f, 0x8b, ..] => "; it looks compressed with gzip",
            [0x82, b'S', b'N', b'A', ..] => "; it looks compressed with snappy",
            _ => "",
        };
        return Err(Error::Magic { magic, version, hint });
    }
    reader.long()?;
    Ok(())
}

/// The seals, and between them what the length says is there.
fn read_tail(snapshot: &mut Snapshot, tail: &[u8], offset: u64, mut sum: Adler32) -> Result<(), Error> {
    const DIGEST: usize = 20 + seal::LENGTH;
    let mut reader = Reader::at(tail, "seal", offset);
    let mut covered = 0;
    let mut check = |reader: &mut Reader<'_>| {
        sum.write(&tail[covered..reader.consumed()]);
        covered = reader.consumed();
        let found = i64::from(sum.finish());
        reader.enter("seal");
        let expected = reader.long()?;
        reader.text()?;
        if expected == found {
            Ok(())
        } else {
            Err(Error::Checksum { expected, found })
        }
    };
    check(&mut reader)?;
    if reader.remaining().len() >= DIGEST {
        reader.enter("digest trailer");
        let zxid = Zxid(reader.long()?);
        let version = reader.int()?;
        let value = reader.long()?.cast_unsigned();
        snapshot.digest = Some((zxid, TxnDigest { version, value }));
        check(&mut reader)?;
    }
    if !reader.remaining().is_empty() {
        reader.enter("last zxid trailer");
        snapshot.last_zxid = Some(Zxid(reader.long()?));
        check(&mut reader)?;
    }
    Ok(reader.end()?)
}
