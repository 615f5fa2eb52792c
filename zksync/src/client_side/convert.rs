//! Converts stats, lists and error codes between the client library and this crate.

use mesolith_zk::record::{Acl, Id, NodeStat, Zxid};
use zookeeper_client::{AuthId, Error, Permission, Stat};

const BITS: [(i32, Permission); 5] = [
    (1, Permission::READ),
    (2, Permission::WRITE),
    (4, Permission::CREATE),
    (8, Permission::DELETE),
    (16, Permission::ADMIN),
];

/// A stat as a server stores it. A client sees `cversion` as a count of creates and deletes, and sees neither
/// containers nor TTLs.
pub(super) fn stored(stat: &Stat) -> NodeStat {
    let creates = stat.cversion.wrapping_add(stat.num_children).cast_unsigned() >> 1;
    NodeStat {
        czxid: Zxid(stat.czxid),
        mzxid: Zxid(stat.mzxid),
        pzxid: Zxid(stat.pzxid),
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: creates.cast_signed(),
        aversion: stat.aversion,
        ephemeral_owner: stat.ephemeral_owner,
    }
}

pub(super) fn our_list(list: &[zookeeper_client::Acl]) -> Vec<Acl> {
    let ours = |acl: &zookeeper_client::Acl| Acl {
        perms: BITS
            .iter()
            .filter(|(_, permission)| acl.permission().has(*permission))
            .map(|(bit, _)| bit)
            .sum(),
        id: Id {
            scheme: acl.scheme().into(),
            id: acl.id().into(),
        },
    };
    list.iter().map(ours).collect()
}

/// An access control list for a request; no list means open to everyone.
pub(super) fn their_list(list: Option<&[Acl]>) -> Vec<zookeeper_client::Acl> {
    let open = [Acl::open()];
    let theirs = |acl: &Acl| {
        let permission = BITS
            .iter()
            .filter(|(bit, _)| acl.perms & bit != 0)
            .fold(Permission::NONE, |all, (_, permission)| all | *permission);
        zookeeper_client::Acl::new(permission, AuthId::new(&acl.id.scheme, &acl.id.id))
    };
    list.unwrap_or(&open).iter().map(theirs).collect()
}

/// The server's error code. `None` means that the request may still be carried out, or that it never arrived.
pub(super) fn code(error: &Error) -> Option<i32> {
    Some(match error {
        Error::MarshallingError => -5,
        Error::Unimplemented => -6,
        Error::BadArguments(_) => -8,
        Error::NoNode => -101,
        Error::NoAuth => -102,
        Error::BadVersion => -103,
        Error::NoChildrenForEphemerals => -108,
        Error::NodeExists => -110,
        Error::NotEmpty => -111,
        Error::SessionExpired => -112,
        Error::InvalidAcl => -114,
        Error::SessionMoved => -118,
        Error::NotReadOnly => -119,
        Error::QuotaExceeded => -125,
        Error::Throttled => -127,
        Error::UnexpectedErrorCode(code) => *code,
        _ => return None,
    })
}
