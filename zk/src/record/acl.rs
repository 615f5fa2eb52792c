//! Access control lists.

use crate::jute::{Error, Reader, Writer};

/// An identity: a scheme and a name within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id {
    /// `world`, `digest`, `ip`, `sasl`, `x509`...
    pub scheme: Box<str>,
    /// Name in that scheme.
    pub id: Box<str>,
}

/// One entry of an access control list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// Bits: read 1, write 2, create 4, delete 8, admin 16.
    pub perms: i32,
    /// The identity that gets these permissions.
    pub id: Id,
}

impl Id {
    /// Reads `scheme`, `id`.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.enter("Id");
        Ok(Self {
            scheme: reader.string()?.unwrap_or_default().into(),
            id: reader.string()?.unwrap_or_default().into(),
        })
    }

    /// Writes `scheme`, `id`.
    pub fn write(&self, writer: &mut Writer) {
        writer.string(Some(&self.scheme));
        writer.string(Some(&self.id));
    }
}

impl Acl {
    /// All permissions for everyone. A server keeps this list without an entry in its table.
    pub fn open() -> Self {
        Self {
            perms: 31,
            id: Id {
                scheme: "world".into(),
                id: "anyone".into(),
            },
        }
    }

    /// Whether the list is just [`Acl::open`].
    pub fn is_open(list: &[Self]) -> bool {
        matches!(list, [one] if one.perms == 31 && &*one.id.scheme == "world" && &*one.id.id == "anyone")
    }

    /// Whether two lists mean the same; `None` is open to everyone.
    pub fn same(a: Option<&[Self]>, b: Option<&[Self]>) -> bool {
        let open = |list: Option<&[Self]>| list.is_none_or(Self::is_open);
        a == b || (open(a) && open(b))
    }

    /// Reads a list; null means open.
    pub fn read_list(reader: &mut Reader<'_>) -> Result<Option<Vec<Self>>, Error> {
        reader.enter("ACL");
        reader.vector(|r| {
            Ok(Self {
                perms: r.int()?,
                id: Id::read(r)?,
            })
        })
    }

    /// Writes a list.
    pub fn write_list(writer: &mut Writer, list: Option<&[Self]>) {
        writer.vector(list, |w, acl| {
            w.int(acl.perms);
            acl.id.write(w);
        });
    }
}
