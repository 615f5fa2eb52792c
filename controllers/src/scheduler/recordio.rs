//! RecordIO: decimal length, newline, that many bytes. Chunks of the transport may end anywhere.

use bytes::{Buf, Bytes, BytesMut};

/// No event is this large; a larger length is a broken stream.
const LONGEST_RECORD: usize = 256 * 1024 * 1024;

/// Puts records together from chunks.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
}

/// The stream is not RecordIO.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the master's stream is not RecordIO: {0:?} is no record length")]
pub(super) struct Error(String);

impl Decoder {
    /// Takes a chunk in.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next complete record.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(end) = self.buffer.iter().take(20).position(|byte| *byte == b'\n') else {
            return if self.buffer.len() < 20 {
                Ok(None)
            } else {
                Err(self.broken(20))
            };
        };
        let length = std::str::from_utf8(&self.buffer[..end])
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok())
            .filter(|length| *length <= LONGEST_RECORD)
            .ok_or_else(|| self.broken(end))?;
        if self.buffer.len() < end + 1 + length {
            return Ok(None);
        }
        self.buffer.advance(end + 1);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn broken(&self, end: usize) -> Error {
        Error(String::from_utf8_lossy(&self.buffer[..end]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_whatever_the_chunks() {
        let stream = b"5\nhello0\n3\nabc";
        for size in 1..stream.len() {
            let mut decoder = Decoder::default();
            let mut records = Vec::new();
            for chunk in stream.chunks(size) {
                decoder.push(chunk);
                while let Some(record) = decoder.next().unwrap() {
                    records.push(record);
                }
            }
            assert_eq!(records, [&b"hello"[..], b"", b"abc"]);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for stream in ["<html>\n", "99999999999999\n", "no newline for a long time"] {
            let mut decoder = Decoder::default();
            decoder.push(stream.as_bytes());
            assert!(decoder.next().is_err(), "{stream}");
        }
    }
}
