//! Transaction log files: every transaction since the file was begun, each with its checksum.
//!
//! A server prepares the file with zeros ahead of what it has written, so zeros mean the end. A server that was killed
//! may leave half an entry; it was never acknowledged by this server, and readers of the server end there too.

use std::io::{self, Read, Write};

use simd_adler32::Adler32;

use crate::jute::{self, Reader, Writer};
use crate::record::Txn;

const MAGIC: i32 = 0x5A4B_4C47;
const VERSION: i32 = 2;
const END_OF_ENTRY: u8 = b'B';

/// A log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the transaction log")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot write the transaction log")]
    Write(#[source] io::Error),
    /// It is something else.
    #[error("not a transaction log: it begins with {magic:#010x}, version {version}")]
    Magic {
        /// The first four bytes.
        magic: i32,
        /// The four bytes after.
        version: i32,
    },
    /// An entry was changed.
    #[error("the entry at byte {offset} of the transaction log is damaged")]
    Damaged {
        /// Where it begins.
        offset: u64,
    },
    /// The file ends within an entry.
    #[error("the transaction log ends within the entry at byte {offset}")]
    Torn {
        /// Where it begins.
        offset: u64,
    },
    /// An entry is no transaction.
    #[error("the entry at byte {offset} of the transaction log")]
    Record {
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        #[source]
        source: jute::Error,
    },
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read(_) => "LogUnreadable",
            Self::Write(_) => "LogUnwritable",
            Self::Magic { .. } => "NotALog",
            Self::Damaged { .. } => "LogDamaged",
            Self::Torn { .. } => "LogTorn",
            Self::Record { .. } => "LogInvalid",
        }
    }
}

/// Transactions of a file in order; ends at the zeros, at the end of the file or at the first error.
#[derive(Debug)]
pub struct LogReader<R> {
    input: R,
    offset: u64,
    ended: bool,
}

impl<R: Read> LogReader<R> {
    /// Reads the file's header. Give it a buffered reader.
    ///
    /// # Errors
    /// When it is no transaction log.
    pub fn new(mut input: R) -> Result<Self, Error> {
        let mut header = [0; 16];
        input.read_exact(&mut header).map_err(Error::Read)?;
        let mut reader = Reader::new(&header, "log header");
        // Sixteen bytes are there, so the fields are.
        let magic = reader.int().unwrap_or_default();
        let version = reader.int().unwrap_or_default();
        if (magic, version) != (MAGIC, VERSION) {
            return Err(Error::Magic { magic, version });
        }
        Ok(Self {
            input,
            offset: 16,
            ended: false,
        })
    }

    fn entry(&mut self) -> Result<Option<Txn>, Error> {
        let offset = self.offset;
        let head = self.bytes(12)?;
        if head.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::new(&head, "log entry");
        let (Ok(sum), Ok(length)) = (reader.long(), reader.int()) else {
            return Err(Error::Torn { offset });
        };
        if length == 0 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Error::Damaged { offset })?;
        let bytes = self.bytes(length)?;
        let end = self.bytes(1)?;
        if bytes.len() < length || end.is_empty() {
            return Err(Error::Torn { offset });
        }
        let mut found = Adler32::new();
        found.write(&bytes);
        if i64::from(found.finish()) != sum || end != [END_OF_ENTRY] {
            return Err(Error::Damaged { offset });
        }
        let txn = Txn::decode(&bytes).map_err(|source| Error::Record { offset, source })?;
        Ok(Some(txn))
    }

    /// Up to `n` bytes; memory grows with what is there, not with what an entry claims.
    fn bytes(&mut self, n: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let part = self.input.by_ref().take(n as u64);
        self.offset += { part }.read_to_end(&mut bytes).map_err(Error::Read)? as u64;
        Ok(bytes)
    }
}

impl<R: Read> Iterator for LogReader<R> {
    type Item = Result<Txn, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// Appends transactions to a new file, to be named `log.<first zxid in hex>`.
#[derive(Debug)]
pub struct LogWriter<W> {
    out: W,
}

impl<W: Write> LogWriter<W> {
    /// Writes the file's header.
    ///
    /// # Errors
    /// When `out` refuses bytes.
    pub fn new(mut out: W) -> Result<Self, Error> {
        let mut writer = Writer::new();
        writer.int(MAGIC);
        writer.int(VERSION);
        writer.long(0);
        out.write_all(writer.as_slice()).map_err(Error::Write)?;
        Ok(Self { out })
    }

    /// Appends one.
    ///
    /// # Errors
    /// When `out` refuses bytes.
    pub fn append(&mut self, txn: &Txn) -> Result<(), Error> {
        let bytes = txn.encode();
        let mut sum = Adler32::new();
        sum.write(&bytes);
        let mut writer = Writer::new();
        writer.long(sum.finish().into());
        writer.buffer(Some(&bytes));
        writer.raw(&[END_OF_ENTRY]);
        self.out.write_all(writer.as_slice()).map_err(Error::Write)
    }

    /// Gives back what was written to, flushed.
    ///
    /// # Errors
    /// When flushing fails.
    pub fn finish(mut self) -> Result<W, Error> {
        self.out.flush().map_err(Error::Write)?;
        Ok(self.out)
    }
}

#[cfg(test)]
pub(crate) mod tests;
