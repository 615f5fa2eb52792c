//! Requests that change an ensemble, in the bytes that servers read.
//!
//! An observer sends them as REQUEST packets: there any session and any identity may be named, and a session can be
//! opened under a chosen id. The answer is the transaction with the same session and `cxid`.

use bytes::Bytes;

use crate::jute::Writer;
use crate::record::Acl;

/// A version that always fits.
pub const ANY_VERSION: i32 = -1;

/// What sort of node to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMode {
    /// It stays until it is deleted.
    Persistent,
    /// It is deleted when the session ends that the request names.
    Ephemeral,
    /// The leader deletes it after its last child is deleted (3.5 and later).
    Container,
    /// The leader deletes it when it was not changed and had no children for so many milliseconds (3.5.3 and later).
    Ttl(i64),
}

/// A change of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A new node, under its final name.
    Create {
        /// The node.
        path: Box<str>,
        /// Its data.
        data: Option<Bytes>,
        /// Its list; `None` is open to everyone.
        acl: Option<Vec<Acl>>,
        /// What sort of node.
        mode: CreateMode,
    },
    /// New data.
    SetData {
        /// The node.
        path: Box<str>,
        /// The data.
        data: Option<Bytes>,
        /// The version that it must have, or [`ANY_VERSION`].
        version: i32,
    },
    /// Deletes a node.
    Delete {
        /// The node.
        path: Box<str>,
        /// The version that it must have, or [`ANY_VERSION`].
        version: i32,
    },
    /// A new access control list. Servers do not take it inside a multi.
    SetAcl {
        /// The node.
        path: Box<str>,
        /// The list; `None` is open to everyone.
        acl: Option<Vec<Acl>>,
        /// The `aversion` that it must have, or [`ANY_VERSION`].
        version: i32,
    },
    /// Checks a version and changes nothing. Only inside a multi.
    Check {
        /// The node.
        path: Box<str>,
        /// The version that it must have.
        version: i32,
    },
}

/// A request that becomes one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// One change.
    Single(Write),
    /// Several changes, all or none.
    Multi(Vec<Write>),
    /// Opens the session that the packet names.
    OpenSession {
        /// Milliseconds.
        timeout: i32,
    },
    /// Closes the session that the packet names, and deletes its ephemeral nodes.
    CloseSession,
}

impl Write {
    /// Path of the node.
    pub fn path(&self) -> &str {
        match self {
            Self::Create { path, .. }
            | Self::SetData { path, .. }
            | Self::Delete { path, .. }
            | Self::SetAcl { path, .. }
            | Self::Check { path, .. } => path,
        }
    }

    /// Bytes of its record in a request.
    pub fn size(&self) -> usize {
        let data = |data: &Option<Bytes>| LENGTH + data.as_ref().map_or(0, Bytes::len);
        let list = |list: &Option<Vec<Acl>>| {
            LENGTH + list.as_ref().map_or(OPEN, |list| list.iter().map(entry).sum())
        };
        let rest = match self {
            Self::Create {
                data: bytes,
                acl,
                mode,
                ..
            } => {
                let ttl = if matches!(mode, CreateMode::Ttl(_)) { 8 } else { 0 };
                data(bytes) + list(acl) + 4 + ttl
            }
            Self::SetData { data: bytes, .. } => data(bytes) + 4,
            Self::SetAcl { acl, .. } => list(acl) + 4,
            Self::Delete { .. } | Self::Check { .. } => 4,
        };
        LENGTH + self.path().len() + rest
    }

    /// Bytes of a client's packet with it alone, see [`Request::packet`].
    pub fn packet(&self) -> usize {
        PACKET_HEADER + self.size()
    }

    /// Bytes of its record in a multi, with the header before it.
    pub fn size_in_multi(&self) -> usize {
        MULTI_HEADER + self.size()
    }

    fn code(&self) -> i32 {
        match self {
            Self::Create { mode, .. } => match mode {
                CreateMode::Persistent | CreateMode::Ephemeral => 1,
                CreateMode::Container => 19,
                CreateMode::Ttl(_) => 21,
            },
            Self::Delete { .. } => 2,
            Self::SetData { .. } => 5,
            Self::SetAcl { .. } => 7,
            Self::Check { .. } => 13,
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.string(Some(self.path()));
        match self {
            Self::Create { data, acl, mode, .. } => {
                writer.buffer(data.as_deref());
                write_acl(acl.as_deref(), writer);
                writer.int(match mode {
                    CreateMode::Persistent => 0,
                    CreateMode::Ephemeral => 1,
                    CreateMode::Container => 4,
                    CreateMode::Ttl(_) => 5,
                });
                if let CreateMode::Ttl(millis) = mode {
                    writer.long(*millis);
                }
            }
            Self::SetData { data, version, .. } => {
                writer.buffer(data.as_deref());
                writer.int(*version);
            }
            Self::SetAcl { acl, version, .. } => {
                write_acl(acl.as_deref(), writer);
                writer.int(*version);
            }
            Self::Delete { version, .. } | Self::Check { version, .. } => writer.int(*version),
        }
    }
}

/// A server refuses a request without a list, so a list that is open to everyone is written out.
fn write_acl(acl: Option<&[Acl]>, writer: &mut Writer) {
    match acl {
        Some(list) => Acl::write_list(writer, Some(list)),
        None => Acl::write_list(writer, Some(&[Acl::open()])),
    }
}

impl Request {
    /// The request type that the header names.
    pub fn code(&self) -> i32 {
        match self {
            Self::Single(write) => write.code(),
            Self::Multi(_) => 14,
            Self::OpenSession { .. } => -10,
            Self::CloseSession => -11,
        }
    }

    /// Bytes of a client's packet with it, its length not included: what `jute.maxbuffer` limits.
    pub fn packet(&self) -> usize {
        let record = match self {
            Self::Single(write) => write.size(),
            Self::Multi(writes) => writes.iter().map(Write::size_in_multi).sum::<usize>() + MULTI_HEADER,
            Self::OpenSession { .. } => 4,
            Self::CloseSession => 0,
        };
        PACKET_HEADER + record
    }

    /// The record after the header.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Single(write) => write.write(writer),
            Self::Multi(writes) => {
                for write in writes {
                    multi_header(write.code(), false, writer);
                    write.write(writer);
                }
                multi_header(-1, true, writer);
            }
            Self::OpenSession { timeout } => writer.int(*timeout),
            Self::CloseSession => {}
        }
    }
}

/// Bytes of the length before a string, a buffer or a list.
const LENGTH: usize = 4;
/// Bytes of a multi's header before each record, and after the last.
const MULTI_HEADER: usize = 9;
/// Bytes of a request's header in a client's packet.
const PACKET_HEADER: usize = 8;
/// Bytes of the one entry of an open list, see [`write_acl`].
const OPEN: usize = 4 + LENGTH + "world".len() + LENGTH + "anyone".len();

fn entry(acl: &Acl) -> usize {
    4 + LENGTH + acl.id.scheme.len() + LENGTH + acl.id.id.len()
}

fn multi_header(code: i32, done: bool, writer: &mut Writer) {
    writer.int(code);
    writer.boolean(done);
    writer.int(-1);
}

/// The password of a session. Servers derive it from the session's id: 16 bytes of Java's `Random`, with a fixed
/// salt.
pub fn session_password(session: i64) -> [u8; 16] {
    const SALT: i64 = 0xB341_5C00;
    const MASK: u64 = (1 << 48) - 1;
    const FACTOR: u64 = 0x5_DEEC_E66D;
    let mut state = ((session ^ SALT).cast_unsigned() ^ FACTOR) & MASK;
    let mut password = [0; 16];
    for part in password.chunks_exact_mut(4) {
        state = (state.wrapping_mul(FACTOR) + 0xB) & MASK;
        let [.., a, b, c, d] = (state >> 16).to_be_bytes();
        part.copy_from_slice(&[d, c, b, a]);
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multi_ends_with_a_header_of_its_own() {
        let writes = vec![Write::Delete {
            path: "/a".into(),
            version: 3,
        }];
        let mut writer = Writer::new();
        Request::Multi(writes).write(&mut writer);
        let expected: &[u8] = &[
            0, 0, 0, 2, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, b'/', b'a', 0, 0, 0, 3, // delete
            0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff, // end
        ];
        assert_eq!(writer.as_slice(), expected);
    }

    #[test]
    fn sizes_are_those_of_the_bytes() {
        let list = vec![Acl::open(), Acl::open()];
        let create = |acl, mode| Write::Create {
            path: "/some/node".into(),
            data: Some("data".into()),
            acl,
            mode,
        };
        let path: Box<str> = "/some/node".into();
        let writes = [
            create(None, CreateMode::Persistent),
            create(Some(list.clone()), CreateMode::Container),
            create(Some(list.clone()), CreateMode::Ttl(9)),
            Write::SetData {
                path: path.clone(),
                data: None,
                version: 3,
            },
            Write::SetData {
                path: path.clone(),
                data: Some("more".into()),
                version: 3,
            },
            Write::SetAcl {
                path: path.clone(),
                acl: None,
                version: 0,
            },
            Write::SetAcl {
                path: path.clone(),
                acl: Some(list),
                version: 0,
            },
            Write::Delete {
                path: path.clone(),
                version: 1,
            },
            Write::Check { path, version: 1 },
        ];
        let written = |request: &Request| {
            let mut writer = Writer::new();
            request.write(&mut writer);
            PACKET_HEADER + writer.as_slice().len()
        };
        for write in &writes {
            let request = Request::Single(write.clone());
            assert_eq!(request.packet(), written(&request), "{write:?}");
        }
        let multi = Request::Multi(writes.to_vec());
        assert_eq!(multi.packet(), written(&multi));
    }
}
