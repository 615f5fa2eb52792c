//! How sessions of clients of either side end.

use mesolith_zk::record::Zxid;

use super::*;
use crate::pipeline::Identity;
use crate::routes::Routes;
use crate::settings::{Direction, Settings};

const SESSION: i64 = 0x0b00_0000_0000_0001;

fn duplex(direction: Direction) -> Duplex {
    let mut settings = Settings::default();
    settings
        .routes
        .iter_mut()
        .for_each(|route| route.direction = direction);
    let identity = Identity {
        run: "1".into(),
        session: 1,
        path: "/mesolith/zksync/x".into(),
        tag: 0x91,
    };
    let routes = Routes::new(&settings).unwrap();
    Duplex::new(&settings, routes, identity.clone(), identity)
}

/// A client of B closes a session that was there before the engine came.
fn client_of_b_leaves(duplex: &mut Duplex) {
    let (a, mut b) = (Tree::new(), Tree::new());
    b.set_session(SESSION, 1000);
    duplex.sessions_mut().learn(Both { a: &a, b: &b }, |_| None);
    b.forget_session(SESSION);
    let header = TxnHeader {
        session: SESSION,
        cxid: 7,
        zxid: Zxid(5),
        ..TxnHeader::default()
    };
    let txn = Txn {
        header,
        op: Op::CloseSession { paths: None },
        digest: None,
    };
    duplex.committed(Side::B, txn, Both { a: &a, b: &b }, 1);
}

#[test]
fn a_session_of_the_side_that_follows_ends_there_alone() {
    let mut duplex = duplex(Direction::AToB);
    client_of_b_leaves(&mut duplex);
    assert_eq!(duplex.away_from(Side::B).pending(), 0);
    assert_eq!(duplex.sessions().home(SESSION), None);
}

#[test]
fn where_both_sides_write_it_ends_on_both() {
    let mut duplex = duplex(Direction::Both);
    client_of_b_leaves(&mut duplex);
    assert_eq!(duplex.away_from(Side::B).pending(), 1);
}
