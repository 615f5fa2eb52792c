//! Jute, ZooKeeper's serialisation: big-endian fields in order, without tags and without framing.
//!
//! [`Reader`] borrows from a byte slice. It checks every length before it uses it, so arbitrary bytes can neither
//! panic nor make it allocate, and an error names the record and the offset. Bytes that merely end too early give
//! [`Problem::Incomplete`]: decoders of a stream (a quorum connection has no framing) then wait for more.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// Bytes that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {record} at byte {offset}: {problem}")]
pub struct Error {
    /// The record being read.
    pub record: &'static str,
    /// Offset of the field from the start of the stream, file or packet.
    pub offset: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end too early.
    #[error("{missing} more bytes are needed")]
    Incomplete {
        /// At least this many bytes are missing.
        missing: usize,
    },
    /// A length below -1; -1 itself stands for null.
    #[error("a length of {0}")]
    Length(i32),
    /// A null where the record needs a value.
    #[error("null is not allowed here")]
    Null,
    /// A string that is not valid text.
    #[error("a string is not UTF-8")]
    Text,
    /// A boolean other than 0 and 1.
    #[error("a boolean of {0}")]
    Boolean(u8),
    /// A type or marker that is not known.
    #[error("{what} {value} is not known")]
    Unknown {
        /// The meaning of the number.
        what: &'static str,
        /// The number.
        value: i64,
    },
    /// Bytes after the end of the record.
    #[error("{0} bytes follow the end of the record")]
    Trailing(usize),
}

impl Error {
    /// Whether the record may become decodable with more bytes.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.problem, Problem::Incomplete { .. })
    }

    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self.problem {
            Problem::Incomplete { .. } => "RecordIncomplete",
            Problem::Unknown { .. } => "RecordUnknown",
            _ => "RecordInvalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            a in any::<i32>(), b in any::<i64>(), c in any::<bool>(),
            data in any::<Option<Vec<u8>>>(), text in any::<Option<String>>(),
            list in any::<Option<Vec<String>>>(),
        ) {
            let mut writer = Writer::new();
            writer.int(a);
            writer.long(b);
            writer.boolean(c);
            writer.buffer(data.as_deref());
            writer.string(text.as_deref());
            writer.vector(list.as_deref(), |w, s| w.string(Some(s)));
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes, "test");
            prop_assert_eq!(reader.int()?, a);
            prop_assert_eq!(reader.long()?, b);
            prop_assert_eq!(reader.boolean()?, c);
            prop_assert_eq!(reader.buffer()?, data.as_deref());
            prop_assert_eq!(reader.string()?.map(|s| s.into_owned()), text);
            prop_assert_eq!(reader.vector(|r| r.text().map(|s| s.into_owned()))?, list);
            reader.end()?;
            // Cut at any place, the bytes are incomplete, and nothing else is wrong.
            for cut in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..cut], "test");
                let result = (|| {
                    reader.int()?;
                    reader.long()?;
                    reader.boolean()?;
                    reader.buffer()?;
                    reader.string()?;
                    reader.vector(|r| r.text().map(|_| ()))
                })();
                prop_assert!(result.unwrap_err().is_incomplete());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), calls in proptest::collection::vec(0..6u8, 0..20)) {
            let mut reader = Reader::new(&bytes, "test");
            for call in calls {
                let _ = match call {
                    0 => reader.int().map(|_| ()),
                    1 => reader.long().map(|_| ()),
                    2 => reader.boolean().map(|_| ()),
                    3 => reader.buffer().map(|_| ()),
                    4 => reader.string().map(|_| ()),
                    _ => reader.vector(|r| r.int()).map(|_| ()),
                };
            }
        }
    }

    #[test]
    fn a_huge_length_allocates_nothing() {
        let mut bytes = Writer::new();
        bytes.int(i32::MAX);
        let bytes = bytes.finish();
        let missing = i32::MAX as usize;
        for error in [
            Reader::new(&bytes, "x").buffer().unwrap_err(),
            Reader::new(&bytes, "x").string().unwrap_err(),
        ] {
            assert_eq!(error.problem, Problem::Incomplete { missing });
        }
        assert!(
            Reader::new(&bytes, "x")
                .vector(|r| r.int())
                .unwrap_err()
                .is_incomplete()
        );
    }

    #[test]
    fn an_error_names_the_record_and_the_offset() {
        let mut bytes = Writer::new();
        bytes.int(1);
        bytes.int(-2);
        let bytes = bytes.finish();
        let mut reader = Reader::at(&bytes, "Stat", 100);
        reader.int().unwrap();
        let error = reader.buffer().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot decode Stat at byte 104: a length of -2"
        );
        assert_eq!(error.reason(), "RecordInvalid");
    }

    #[test]
    fn surrogate_pairs_of_java_are_read() {
        // Java writes each half of a surrogate pair as a character of its own.
        let mut bytes = Writer::new();
        bytes.buffer(Some(b"a\xED\xA0\xBD\xED\xB8\x80b"));
        assert_eq!(Reader::new(&bytes.finish(), "x").text().unwrap(), "a\u{1F600}b");
        let mut bytes = Writer::new();
        bytes.buffer(Some(b"\xED\xA0\xBD"));
        assert_eq!(
            Reader::new(&bytes.finish(), "x").text().unwrap_err().problem,
            Problem::Text
        );
    }
}
