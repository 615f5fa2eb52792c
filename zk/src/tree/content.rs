//! A node's name and data: one piece of memory, which two trees may hold together.

use std::fmt;

use triomphe::ThinArc;

/// Shared by its clones, and never changed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content(ThinArc<Head, u8>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Length of the name, which comes before the data.
    name: u32,
    /// Null and empty differ.
    has_data: bool,
}

impl Content {
    pub(super) fn new(name: &str, data: Option<&[u8]>) -> Self {
        let head = Head {
            // Paths are shorter than packets, which are far below 4 GiB.
            name: u32::try_from(name.len()).unwrap_or(u32::MAX),
            has_data: data.is_some(),
        };
        let bytes = [name.as_bytes(), data.unwrap_or_default()].concat();
        Self(ThinArc::from_header_and_slice(head, &bytes))
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let name = self.0.header.header.name as usize;
        self.0.slice.split_at_checked(name).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        // It was a string.
        std::str::from_utf8(self.split().0).unwrap_or_default()
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.split().0 == name.as_bytes()
    }

    pub(super) fn data(&self) -> Option<&[u8]> {
        self.0.header.header.has_data.then(|| self.split().1)
    }

    /// Whether both are one piece of memory.
    pub(super) fn is_one_with(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.slice.as_ptr(), other.0.slice.as_ptr())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.name(), self.data())
    }
}
