//! Reads fields in order from a slice; every length is checked against what is there.

use std::borrow::Cow;

use super::{Error, Problem};

/// A position in a byte slice, with the record that is read there.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    base: u64,
    record: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`; `record` is what errors name.
    pub fn new(bytes: &'a [u8], record: &'static str) -> Self {
        Self::at(bytes, record, 0)
    }

    /// As [`Reader::new`], for bytes that begin at offset `base` of a longer stream.
    pub fn at(bytes: &'a [u8], record: &'static str, base: u64) -> Self {
        Self {
            bytes,
            at: 0,
            base,
            record,
        }
    }

    /// From here on errors name this record.
    pub fn enter(&mut self, record: &'static str) {
        self.record = record;
    }

    /// Number of bytes read.
    pub fn consumed(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// An error at the present position.
    pub fn error(&self, problem: Problem) -> Error {
        Error {
            record: self.record,
            offset: self.base + self.at as u64,
            problem,
        }
    }

    /// Fails if bytes are left.
    pub fn end(&self) -> Result<(), Error> {
        match self.remaining().len() {
            0 => Ok(()),
            left => Err(self.error(Problem::Trailing(left))),
        }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let left = self.remaining();
        let Some(taken) = left.get(..n) else {
            return Err(self.error(Problem::Incomplete {
                missing: n - left.len(),
            }));
        };
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    /// Four bytes, signed.
    pub fn int(&mut self) -> Result<i32, Error> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Eight bytes, signed.
    pub fn long(&mut self) -> Result<i64, Error> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// One byte, 0 or 1.
    pub fn boolean(&mut self) -> Result<bool, Error> {
        match self.remaining().first() {
            Some(&other) if other > 1 => Err(self.error(Problem::Boolean(other))),
            _ => Ok(self.array::<1>()? == [1]),
        }
    }

    /// A length; `None` for null.
    pub fn length(&mut self) -> Result<Option<usize>, Error> {
        let before = self.clone();
        match self.int()? {
            -1 => Ok(None),
            n => usize::try_from(n)
                .map(Some)
                .map_err(|_| before.error(Problem::Length(n))),
        }
    }

    /// Bytes, or null.
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.length()? {
            None => Ok(None),
            Some(n) => self.take(n).map(Some),
        }
    }

    /// Text, or null.
    pub fn string(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        let before = self.clone();
        let Some(bytes) = self.buffer()? else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(Cow::Borrowed(text))),
            Err(_) => java_text(bytes)
                .map(|text| Some(Cow::Owned(text)))
                .ok_or_else(|| before.error(Problem::Text)),
        }
    }

    /// Text that may not be null.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        let before = self.clone();
        self.string()?.ok_or_else(|| before.error(Problem::Null))
    }

    /// A vector, or null. No memory is reserved for the count, since it may be false.
    pub fn vector<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<Vec<T>>, Error> {
        let Some(count) = self.length()? else {
            return Ok(None);
        };
        let mut elements = Vec::new();
        for _ in 0..count {
            // No element has zero bytes. Without this check, a reader at the end of its bytes would count to two
            // thousand million.
            if self.remaining().is_empty() {
                return Err(self.error(Problem::Incomplete { missing: 1 }));
            }
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }
}

/// Decodes text that Java has written: it writes characters outside the basic plane as two surrogates of three bytes
/// each.
fn java_text(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        if let [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] = *rest {
            units.push(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F));
            rest = &rest[3..];
            continue;
        }
        let width = match first {
            0..=0x7F => 1,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 4,
        };
        let text = std::str::from_utf8(rest.get(..width)?).ok()?;
        units.extend(text.encode_utf16());
        rest = &rest[width..];
    }
    String::from_utf16(&units).ok()
}
