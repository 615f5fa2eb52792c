//! Files survive writing and reading; damaged ones are refused and never panic.

use proptest::prelude::*;

use super::*;
use crate::record::{Acl, NodeStat, Zxid};
use crate::tree::Tree;

pub(crate) fn sample() -> Tree {
    let mut tree = Tree::new();
    tree.set_session(7, 4000);
    let mut read_only = Acl::open();
    read_only.perms = 1;
    let stat = |n: i64, owner| NodeStat {
        czxid: Zxid(n),
        mzxid: Zxid(n + 1),
        pzxid: Zxid(n + 2),
        ctime: n + 3,
        mtime: n + 4,
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: owner,
    };
    let (one, two) = ([read_only.clone()], [read_only, Acl::open()]);
    let mut put = |path, data, acl, owner| tree.insert(path, data, acl, stat(100, owner)).unwrap();
    put("/a", None, None, 0);
    put("/a/empty", Some(&b""[..]), Some(&one[..]), 0);
    put("/a/ephemeral", Some(b"x"), Some(&two), 7);
    put("/a/empty/container", Some(&[9; 5000]), None, NodeStat::CONTAINER);
    put("/ttl", Some(b"x"), None, NodeStat::ttl_owner(1234));
    tree.set_last_zxid(Zxid::new(3, 9));
    tree
}

pub(crate) fn bytes(tree: &Tree, trailers: Trailers) -> Vec<u8> {
    let mut out = Vec::new();
    write(tree, &mut out, trailers).unwrap();
    out
}

const ALL: [Trailers; 4] = [
    Trailers {
        digest: false,
        last_zxid: false,
    },
    Trailers {
        digest: true,
        last_zxid: false,
    },
    Trailers {
        digest: false,
        last_zxid: true,
    },
    Trailers {
        digest: true,
        last_zxid: true,
    },
];

#[test]
fn a_file_survives_with_every_set_of_trailers() {
    let tree = sample();
    for trailers in ALL {
        let snapshot = read(&*bytes(&tree, trailers), tree.last_zxid()).unwrap();
        assert_eq!(tree.differences(&snapshot.tree, 10), []);
        assert_eq!(snapshot.tree.digest(), tree.digest());
        assert_eq!(snapshot.digest.is_some(), trailers.digest);
        assert!(
            snapshot
                .digest
                .is_none_or(|(zxid, digest)| zxid == tree.last_zxid() && digest.value == tree.digest())
        );
        assert_eq!(snapshot.last_zxid, trailers.last_zxid.then_some(tree.last_zxid()));
        assert_eq!(snapshot.tree.ephemerals(7).count(), 1);
    }
}

#[test]
fn a_cut_file_is_refused() {
    let whole = bytes(&sample(), ALL[0]);
    for cut in 0..whole.len() {
        assert!(read(&whole[..cut], Zxid(1)).is_err(), "cut at {cut}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(read(&*longer, Zxid(1)).is_err());
}

#[test]
fn says_what_else_it_may_be() {
    let error = read(
        &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"[..],
        Zxid(1),
    )
    .unwrap_err();
    assert_eq!(error.reason(), "NotASnapshot");
    assert!(error.to_string().contains("gzip"), "{error}");
}

#[test]
fn the_body_can_come_in_pieces_of_any_size() {
    let tree = sample();
    let file = bytes(&tree, ALL[0]);
    let body = &file[16..];
    for size in [1, 7, 100] {
        let (mut decoder, mut held) = (Decoder::default(), Vec::new());
        for piece in body.chunks(size) {
            held.extend_from_slice(piece);
            let taken = decoder.decode(&held).unwrap();
            held.drain(..taken);
            if decoder.is_done() {
                break;
            }
        }
        assert!(decoder.is_done());
        assert_eq!(tree.differences(&decoder.finish(tree.last_zxid()), 10), []);
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_refused_and_never_panics(at in any::<proptest::sample::Index>(), flip in 1..=255u8) {
        let mut file = bytes(&sample(), ALL[3]);
        let at = at.index(file.len());
        file[at] ^= flip;
        // The dbid is the only field that no check covers twice: the first seal does.
        prop_assert!(read(&*file, Zxid(1)).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Decoder::default().decode(&bytes);
        let _ = read(&*bytes, Zxid(1));
    }
}
