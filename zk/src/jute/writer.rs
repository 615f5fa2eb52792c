//! Writes fields into a growing buffer.

use bytes::{BufMut, Bytes, BytesMut};

/// The bytes of a record that is being written.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes that were written.
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// The bytes that were written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// One byte, 0 or 1.
    pub fn boolean(&mut self, value: bool) {
        self.bytes.put_u8(value.into());
    }

    /// Four bytes.
    pub fn int(&mut self, value: i32) {
        self.bytes.put_i32(value);
    }

    /// Eight bytes.
    pub fn long(&mut self, value: i64) {
        self.bytes.put_i64(value);
    }

    /// A length; `None` is null. No record in memory is longer than the two thousand million bytes that the format
    /// allows.
    pub fn length(&mut self, value: Option<usize>) {
        self.int(value.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX)));
    }

    /// Bytes, or null.
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        self.length(value.map(<[u8]>::len));
        self.raw(value.unwrap_or_default());
    }

    /// Text, or null.
    pub fn string(&mut self, value: Option<&str>) {
        self.buffer(value.map(str::as_bytes));
    }

    /// Elements, or null.
    pub fn vector<T>(&mut self, value: Option<&[T]>, mut element: impl FnMut(&mut Self, &T)) {
        self.length(value.map(<[T]>::len));
        for item in value.unwrap_or_default() {
            element(self, item);
        }
    }
}
