//! RecordIO, the framing of Mesos' event streams: the length in decimal, a newline, that many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Longest record that is read by default: a full `get_state` of a large cluster fits.
pub const MAX_RECORD: usize = 256 << 20;

/// Digits that [`MAX_RECORD`] can have, with room: a longer run of digits is an attack or not RecordIO.
const MAX_DIGITS: usize = 12;

/// A stream that is not RecordIO.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The length contains something other than digits.
    #[error("'{given}' is not a record length; the stream is not RecordIO")]
    ParseLength {
        /// The text in its place.
        given: String,
    },
    /// The record is longer than this side accepts.
    #[error("record of {length} bytes exceeds the limit of {limit}")]
    TooLong {
        /// The announced length.
        length: usize,
        /// The longest that is allowed.
        limit: usize,
    },
    /// The connection broke.
    #[error("failed to read a record")]
    Read(#[from] std::io::Error),
}

/// Frames one record.
#[must_use]
pub fn encode(record: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    put(record, &mut framed);
    framed.freeze()
}

fn put(record: &[u8], out: &mut BytesMut) {
    let length = record.len().to_string();
    out.reserve(length.len() + 1 + record.len());
    out.put_slice(length.as_bytes());
    out.put_u8(b'\n');
    out.put_slice(record);
}

/// Both directions, for `tokio_util::codec`.
#[derive(Debug, Clone)]
pub struct RecordIo {
    limit: usize,
    /// Length of the record whose bytes are awaited.
    awaited: Option<usize>,
}

impl Default for RecordIo {
    fn default() -> Self {
        Self::with_limit(MAX_RECORD)
    }
}

impl RecordIo {
    /// Refuses records longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, awaited: None }
    }

    fn length(&self, from: &mut BytesMut) -> Result<Option<usize>, RecordError> {
        let line = from.iter().take(MAX_DIGITS + 1).position(|b| *b == b'\n');
        let digits = &from[..line.unwrap_or(from.len().min(MAX_DIGITS + 1))];
        if digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_digit) || line == Some(0) {
            return Err(RecordError::ParseLength {
                given: String::from_utf8_lossy(digits).into_owned(),
            });
        }
        let Some(line) = line else { return Ok(None) };
        let length = digits.iter().fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
        if length > self.limit {
            return Err(RecordError::TooLong {
                length,
                limit: self.limit,
            });
        }
        from.advance(line + 1);
        Ok(Some(length))
    }
}

impl Decoder for RecordIo {
    type Item = Bytes;
    type Error = RecordError;

    fn decode(&mut self, from: &mut BytesMut) -> Result<Option<Bytes>, RecordError> {
        if self.awaited.is_none() {
            self.awaited = self.length(from)?;
        }
        match self.awaited {
            Some(length) if from.len() >= length => {
                self.awaited = None;
                Ok(Some(from.split_to(length).freeze()))
            }
            Some(length) => {
                from.reserve(length - from.len());
                Ok(None)
            }
            None => Ok(None),
        }
    }
}

impl Encoder<&[u8]> for RecordIo {
    type Error = RecordError;

    fn encode(&mut self, record: &[u8], out: &mut BytesMut) -> Result<(), RecordError> {
        put(record, out);
        Ok(())
    }
}
