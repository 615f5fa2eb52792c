//! Encodes and decodes the record of each transaction type.

use bytes::Bytes;

use super::op::{Create, CreateKind, Op, SetData};
use super::{Acl, TxnDigest};
use crate::jute::{Error, Problem, Reader, Writer};

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const SET_DATA: i32 = 5;
const SET_ACL: i32 = 7;
const CHECK: i32 = 13;
const MULTI: i32 = 14;
const CREATE2: i32 = 15;
const RECONFIG: i32 = 16;
const CREATE_CONTAINER: i32 = 19;
const DELETE_CONTAINER: i32 = 20;
const CREATE_TTL: i32 = 21;
const ERROR: i32 = -1;
const CREATE_SESSION: i32 = -10;
const CLOSE_SESSION: i32 = -11;

impl Op {
    /// The transaction type that the header names.
    pub fn code(&self) -> i32 {
        match self {
            Self::Create(create) => match create.kind {
                CreateKind::Plain { .. } => CREATE,
                CreateKind::Plain2 { .. } => CREATE2,
                CreateKind::Container => CREATE_CONTAINER,
                CreateKind::Ttl { .. } => CREATE_TTL,
            },
            Self::Delete { .. } => DELETE,
            Self::DeleteContainer { .. } => DELETE_CONTAINER,
            Self::SetData(_) => SET_DATA,
            Self::Reconfig(_) => RECONFIG,
            Self::SetAcl { .. } => SET_ACL,
            Self::Check { .. } => CHECK,
            Self::CreateSession { .. } => CREATE_SESSION,
            Self::CloseSession { .. } => CLOSE_SESSION,
            Self::Error { .. } => ERROR,
            Self::Multi(_) => MULTI,
        }
    }

    /// Reads the record of a type.
    pub fn read(code: i32, reader: &mut Reader<'_>) -> Result<Self, Error> {
        if code != MULTI {
            return Self::read_single(code, reader);
        }
        reader.enter("MultiTxn");
        let parts = reader.vector(|reader| {
            reader.enter("Txn");
            let code = reader.int()?;
            let before = reader.clone();
            let part = reader.buffer()?.ok_or_else(|| before.error(Problem::Null))?;
            // A leader that sends a failed multi again from its memory has changed the type of the parts before the
            // failing one to "error", and left their records as they were. These parts have not failed themselves, so
            // their code is 0.
            if code == ERROR && part.len() != 4 {
                return Ok(Self::Error { code: 0 });
            }
            // There is no multi inside a multi, so this cannot recurse.
            let mut inner = Reader::new(part, "Txn");
            let op = Self::read_single(code, &mut inner)?;
            inner.end()?;
            Ok(op)
        })?;
        Ok(Self::Multi(parts.unwrap_or_default()))
    }

    fn read_single(code: i32, reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match code {
            CREATE | CREATE2 | CREATE_CONTAINER | CREATE_TTL => Self::Create(read_create(code, reader)?),
            DELETE => {
                reader.enter("DeleteTxn");
                Self::Delete { path: path(reader)? }
            }
            DELETE_CONTAINER => {
                reader.enter("DeleteTxn");
                Self::DeleteContainer { path: path(reader)? }
            }
            SET_DATA => Self::SetData(read_set_data(reader)?),
            RECONFIG => Self::Reconfig(read_set_data(reader)?),
            SET_ACL => {
                reader.enter("SetACLTxn");
                Self::SetAcl {
                    path: path(reader)?,
                    acl: Acl::read_list(reader)?,
                    version: reader.int()?,
                }
            }
            CHECK => {
                reader.enter("CheckVersionTxn");
                Self::Check {
                    path: path(reader)?,
                    version: reader.int()?,
                }
            }
            CREATE_SESSION => {
                reader.enter("CreateSessionTxn");
                Self::CreateSession {
                    timeout: reader.int()?,
                }
            }
            CLOSE_SESSION => Self::CloseSession {
                paths: read_closed(reader)?,
            },
            ERROR => {
                reader.enter("ErrorTxn");
                Self::Error { code: reader.int()? }
            }
            other => {
                let what = "transaction type";
                let value = other.into();
                return Err(reader.error(Problem::Unknown { what, value }));
            }
        })
    }

    /// Writes the record, without its type.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Create(create) => write_create(create, writer),
            Self::Delete { path } | Self::DeleteContainer { path } => writer.string(Some(path)),
            Self::SetData(set) | Self::Reconfig(set) => {
                writer.string(Some(&set.path));
                writer.buffer(set.data.as_deref());
                writer.int(set.version);
            }
            Self::SetAcl { path, acl, version } => {
                writer.string(Some(path));
                Acl::write_list(writer, acl.as_deref());
                writer.int(*version);
            }
            Self::Check { path, version } => {
                writer.string(Some(path));
                writer.int(*version);
            }
            Self::CreateSession { timeout } => writer.int(*timeout),
            Self::CloseSession { paths } => {
                if let Some(paths) = paths {
                    writer.vector(Some(paths), |w, path| w.string(Some(path)));
                }
            }
            Self::Error { code } => writer.int(*code),
            Self::Multi(ops) => writer.vector(Some(ops), |w, op| {
                w.int(op.code());
                let mut part = Writer::new();
                op.write(&mut part);
                w.buffer(Some(part.as_slice()));
            }),
        }
    }
}

fn path(reader: &mut Reader<'_>) -> Result<Box<str>, Error> {
    Ok(reader.text()?.into())
}

fn data(reader: &mut Reader<'_>) -> Result<Option<Bytes>, Error> {
    Ok(reader.buffer()?.map(Bytes::copy_from_slice))
}

fn read_create(code: i32, reader: &mut Reader<'_>) -> Result<Create, Error> {
    reader.enter("CreateTxn");
    let path = path(reader)?;
    let data = data(reader)?;
    let acl = Acl::read_list(reader)?;
    reader.enter("CreateTxn");
    let mut kind = match code {
        CREATE_CONTAINER => CreateKind::Container,
        CREATE_TTL => CreateKind::Ttl { ttl: 0 },
        CREATE2 => CreateKind::Plain2 {
            ephemeral: reader.boolean()?,
        },
        _ => CreateKind::Plain {
            ephemeral: reader.boolean()?,
        },
    };
    // Logs of the first servers end here.
    let old = matches!(kind, CreateKind::Plain { .. }) && reader.remaining().is_empty();
    let parent_cversion = if old { None } else { Some(reader.int()?) };
    if let CreateKind::Ttl { ttl } = &mut kind {
        *ttl = reader.long()?;
    }
    Ok(Create {
        path,
        data,
        acl,
        kind,
        parent_cversion,
    })
}

fn write_create(create: &Create, writer: &mut Writer) {
    writer.string(Some(&create.path));
    writer.buffer(create.data.as_deref());
    Acl::write_list(writer, create.acl.as_deref());
    if let CreateKind::Plain { ephemeral } | CreateKind::Plain2 { ephemeral } = create.kind {
        writer.boolean(ephemeral);
    }
    if let Some(version) = create.parent_cversion {
        writer.int(version);
    }
    if let CreateKind::Ttl { ttl } = create.kind {
        writer.long(ttl);
    }
}

fn read_set_data(reader: &mut Reader<'_>) -> Result<SetData, Error> {
    reader.enter("SetDataTxn");
    Ok(SetData {
        path: path(reader)?,
        data: data(reader)?,
        version: reader.int()?,
    })
}

/// Reads the paths, which may be missing, as may the digest after them. The remaining bytes tell which of them is
/// there.
fn read_closed(reader: &mut Reader<'_>) -> Result<Option<Vec<Box<str>>>, Error> {
    reader.enter("CloseSessionTxn");
    let left = reader.remaining();
    // Two paths in eight bytes would both be empty, and no path is empty.
    let only_digest = left.len() == TxnDigest::LENGTH && left.starts_with(&TxnDigest::VERSION.to_be_bytes());
    if left.is_empty() || only_digest {
        return Ok(None);
    }
    reader.vector(path)
}
