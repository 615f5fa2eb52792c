//! Writes a tree as a snapshot file.

use std::io::{self, Write};

use super::Error;
use super::seal::Sealing;
use crate::jute::Writer;
use crate::record::{Acl, TxnDigest};
use crate::tree::Tree;

/// What follows the nodes. Newer servers take files without, older ones take files with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trailers {
    /// Position and digest, as 3.6 and later write.
    pub digest: bool,
    /// The last position, as 3.9 and later write.
    pub last_zxid: bool,
}

/// First bytes of a snapshot file: "ZKSN", version 2, dbid -1.
pub(super) const MAGIC: i32 = 0x5A4B_534E;
pub(super) const VERSION: i32 = 2;

/// Written out whenever this much has gathered.
const CHUNK: usize = 1 << 16;

/// Writes the file that a server loads as `snapshot.<last zxid in hex>`.
///
/// # Errors
/// When `out` refuses bytes.
pub fn write(tree: &Tree, out: impl Write, trailers: Trailers) -> Result<(), Error> {
    write_with(tree, out, trailers, |_| Ok(()))
}

/// As [`write()`]; `progress` hears now and then how many nodes are written, and can end it with an error.
///
/// # Errors
/// When `out` refuses bytes, or `progress` says so.
pub fn write_with(
    tree: &Tree,
    out: impl Write,
    trailers: Trailers,
    progress: impl FnMut(usize) -> io::Result<()>,
) -> Result<(), Error> {
    write_file(tree, out, trailers, progress).map_err(Error::Write)
}

fn write_file(
    tree: &Tree,
    out: impl Write,
    trailers: Trailers,
    mut progress: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = Sealing::new(out);
    let mut writer = Writer::new();
    writer.int(MAGIC);
    writer.int(VERSION);
    writer.long(-1);
    writer.length(Some(tree.sessions().len()));
    for (session, timeout) in tree.sessions() {
        writer.long(*session);
        writer.int(*timeout);
    }
    let lists: Vec<_> = tree.acl_table().collect();
    writer.vector(Some(&lists), |w, (number, list)| {
        w.long((*number).into());
        Acl::write_list(w, Some(list));
    });
    for (written, node) in tree.nodes().enumerate() {
        writer.string(Some(&node.stored_path()));
        writer.buffer(node.data());
        let number = node.acl_number();
        writer.long(if number == 0 { -1 } else { number.into() });
        node.stored().write(&mut writer);
        if writer.as_slice().len() >= CHUNK {
            out.put(&mut writer)?;
            progress(written + 1)?;
        }
    }
    writer.string(Some("/"));
    out.put(&mut writer)?;
    out.seal()?;
    if trailers.digest {
        writer.long(tree.last_zxid().0);
        writer.int(TxnDigest::VERSION);
        writer.long(tree.digest().cast_signed());
        out.put(&mut writer)?;
        out.seal()?;
    }
    if trailers.last_zxid {
        writer.long(tree.last_zxid().0);
        out.put(&mut writer)?;
        out.seal()?;
    }
    out.flush()
}
