//! The checksum over everything before it, with which servers seal a file.

use std::io::{self, Write};

use simd_adler32::Adler32;

use crate::jute::Writer;

/// Length of a seal: the checksum and the text "/".
pub(super) const LENGTH: usize = 13;

/// Counts bytes into a checksum on their way out.
pub(super) struct Sealing<W> {
    out: W,
    sum: Adler32,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(out: W) -> Self {
        let sum = Adler32::new();
        Self { out, sum }
    }

    /// Writes what the writer holds and empties it.
    pub(super) fn put(&mut self, writer: &mut Writer) -> io::Result<()> {
        self.sum.write(writer.as_slice());
        self.out.write_all(writer.as_slice())?;
        writer.clear();
        Ok(())
    }

    /// Seals all before; later seals cover this one too.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        let mut writer = Writer::new();
        writer.long(self.sum.finish().into());
        writer.string(Some("/"));
        self.put(&mut writer)
    }

    pub(super) fn flush(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
