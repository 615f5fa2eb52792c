//! Every type of transaction survives encoding and decoding, and arbitrary bytes do no harm.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::jute::{Problem, Reader, Writer};

fn path() -> impl Strategy<Value = Box<str>> {
    "(/[a-zé.]{1,8}){1,4}".prop_map(Into::into)
}

fn data() -> impl Strategy<Value = Option<Bytes>> {
    any::<Option<Vec<u8>>>().prop_map(|data| data.map(Into::into))
}

fn acl() -> impl Strategy<Value = Option<Vec<Acl>>> {
    let one = (any::<i32>(), ".{0,8}", ".{0,8}").prop_map(|(perms, scheme, id)| {
        let [scheme, id] = [scheme, id].map(Into::into);
        Acl {
            perms,
            id: Id { scheme, id },
        }
    });
    proptest::option::of(proptest::collection::vec(one, 0..4))
}

fn create_kind() -> impl Strategy<Value = CreateKind> {
    prop_oneof![
        any::<bool>().prop_map(|ephemeral| CreateKind::Plain { ephemeral }),
        any::<bool>().prop_map(|ephemeral| CreateKind::Plain2 { ephemeral }),
        Just(CreateKind::Container),
        any::<i64>().prop_map(|ttl| CreateKind::Ttl { ttl }),
    ]
}

fn single() -> impl Strategy<Value = Op> {
    let create =
        (path(), data(), acl(), create_kind(), any::<i32>()).prop_map(|(path, data, acl, kind, v)| {
            Op::Create(Create {
                path,
                data,
                acl,
                kind,
                parent_cversion: Some(v),
            })
        });
    let set =
        || (path(), data(), any::<i32>()).prop_map(|(path, data, version)| SetData { path, data, version });
    prop_oneof![
        create,
        path().prop_map(|path| Op::Delete { path }),
        path().prop_map(|path| Op::DeleteContainer { path }),
        set().prop_map(Op::SetData),
        set().prop_map(Op::Reconfig),
        (path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Op::SetAcl { path, acl, version }),
        (path(), any::<i32>()).prop_map(|(path, version)| Op::Check { path, version }),
        any::<i32>().prop_map(|timeout| Op::CreateSession { timeout }),
        proptest::option::of(proptest::collection::vec(path(), 0..4))
            .prop_map(|paths| Op::CloseSession { paths }),
        any::<i32>().prop_map(|code| Op::Error { code }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => single(),
        1 => proptest::collection::vec(single(), 0..5).prop_map(Op::Multi),
    ]
}

pub(crate) fn txn() -> impl Strategy<Value = Txn> {
    (op(), any::<(i64, i32, i64, i64)>(), any::<Option<u64>>()).prop_map(|(op, h, digest)| Txn {
        header: TxnHeader {
            session: h.0,
            cxid: h.1,
            zxid: Zxid(h.2),
            time: h.3,
            kind: op.code(),
        },
        op,
        digest: digest.map(|value| TxnDigest {
            version: TxnDigest::VERSION,
            value,
        }),
    })
}

proptest! {
    #[test]
    fn every_transaction_survives_its_bytes(txn in txn()) {
        prop_assert_eq!(Txn::decode(&txn.encode())?, txn);
    }

    #[test]
    fn a_damaged_transaction_never_panics(txn in txn(), at in any::<proptest::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = txn.encode().to_vec();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let _ = Txn::decode(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in -12..23i32, mut bytes: Vec<u8>) {
        let mut writer = Writer::new();
        TxnHeader { kind, ..TxnHeader::default() }.write(&mut writer);
        bytes.splice(0..0, writer.finish());
        let _ = Txn::decode(&bytes);
    }

    #[test]
    fn stats_survive_their_bytes(l in any::<[i64; 6]>(), i in any::<[i32; 3]>()) {
        let stat = NodeStat {
            czxid: Zxid(l[0]), mzxid: Zxid(l[1]), pzxid: Zxid(l[2]), ctime: l[3], mtime: l[4],
            version: i[0], cversion: i[1], aversion: i[2], ephemeral_owner: l[5],
        };
        let mut writer = Writer::new();
        stat.write(&mut writer);
        let bytes = writer.finish();
        prop_assert_eq!(bytes.len(), NodeStat::LENGTH);
        prop_assert_eq!(NodeStat::read(&mut Reader::new(&bytes, "x"))?, stat);
    }
}

#[test]
fn an_unknown_type_is_named() {
    let mut writer = Writer::new();
    TxnHeader {
        kind: 99,
        ..TxnHeader::default()
    }
    .write(&mut writer);
    let error = Txn::decode(&writer.finish()).unwrap_err();
    assert!(
        matches!(error.problem, Problem::Unknown { value: 99, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("transaction type 99 is not known"),
        "{error}"
    );
}

#[test]
fn a_log_of_an_old_server_has_no_parent_counter() {
    let mut txn = Txn {
        header: TxnHeader {
            kind: 1,
            ..TxnHeader::default()
        },
        op: Op::Create(Create {
            path: "/a".into(),
            data: None,
            acl: None,
            kind: CreateKind::Plain { ephemeral: true },
            parent_cversion: None,
        }),
        digest: None,
    };
    assert_eq!(Txn::decode(&txn.encode()).unwrap(), txn);
    txn.header.kind = 2;
    assert!(Txn::decode(&txn.encode()).is_err());
}

#[test]
fn positions_follow_each_other() {
    let z = Zxid::new;
    assert!(z(3, 0).is_followed_by(z(3, 1)));
    assert!(z(3, 7).is_followed_by(z(5, 1)));
    for next in [z(3, 7), z(3, 9), z(5, 2), z(2, 1)] {
        assert!(!z(3, 7).is_followed_by(next), "{next}");
    }
    assert_eq!((z(3, 7).epoch(), z(3, 7).counter()), (3, 7));
    assert_eq!(z(1, 2).to_string(), "0x100000002");
}

#[test]
fn ttl_is_in_the_owner() {
    let stat = |ephemeral_owner| NodeStat {
        ephemeral_owner,
        ..NodeStat::default()
    };
    assert_eq!(stat(NodeStat::ttl_owner(5000)).ttl(), Some(5000));
    for owner in [0, NodeStat::CONTAINER, 0x0100_0000_0000_0001] {
        assert_eq!(stat(owner).ttl(), None);
    }
}

#[test]
fn a_resent_failed_multi_has_errors_with_the_records_of_what_was_asked() {
    let mut writer = Writer::new();
    TxnHeader {
        kind: 14,
        ..TxnHeader::default()
    }
    .write(&mut writer);
    let mut delete = Writer::new();
    Op::Delete {
        path: "/some/node".into(),
    }
    .write(&mut delete);
    writer.int(2);
    writer.int(-1);
    writer.buffer(Some(delete.as_slice()));
    writer.int(-1);
    writer.buffer(Some(&(-101i32).to_be_bytes()));
    let txn = Txn::decode(&writer.finish()).unwrap();
    let expected = [0, -101].map(|code| Op::Error { code });
    assert_eq!(txn.op, Op::Multi(expected.into()));
    assert!(txn.op.is_failed_multi());
}
