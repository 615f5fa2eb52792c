//! What a direction sends, and the positions of its units.

use mesolith_zk::record::{Create, CreateKind, Op, SetData, TxnHeader};
use mesolith_zk::request::{Request, Write};
use mesolith_zk::tree::Tree;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::settings::Settings;

fn txn(zxid: i64, session: i64, op: Op) -> Txn {
    let header = TxnHeader {
        session,
        zxid: Zxid(zxid),
        ..TxnHeader::default()
    };
    Txn {
        header,
        op,
        digest: None,
    }
}

fn create(path: &str) -> Op {
    Op::Create(Create {
        path: path.into(),
        data: None,
        acl: None,
        kind: CreateKind::Plain { ephemeral: false },
        parent_cversion: None,
    })
}

fn standby() -> Pipeline {
    let settings = Settings::default();
    let routes = Arc::new(Routes::new(&settings).unwrap());
    let me = Identity {
        run: "1".into(),
        session: 1,
        path: "/mesolith/zksync/x".into(),
        tag: 0x91,
    };
    Pipeline::new(Side::A, routes, Limits::default(), me)
}

/// A repair during a replay has the state of the tree as it is now. An engine that continues from the checkpoint
/// after it still has to replay what is between.
#[test]
fn a_repair_does_not_promise_history_that_is_to_come() {
    let history: Vec<_> = (1..=3)
        .map(|zxid| txn(zxid, 0, create(&format!("/node-{zxid}"))))
        .collect();
    let (mut source, target) = (Tree::new(), Tree::new());
    for txn in &history {
        source.apply(txn);
    }
    let trees = Trees {
        source: &source,
        target: &target,
    };
    let mut pipeline = standby();
    pipeline.set_catching_up(true);
    for txn in history {
        pipeline.replay(txn, Vec::new(), trees, 0);
        pipeline.repair("/node-1".into(), trees);
    }
    pipeline.set_catching_up(false);
    pipeline.repair("/node-1".into(), trees);
    let positions: Vec<_> = pipeline.units.iter().map(|unit| unit.zxid.0).collect();
    assert_eq!(positions, [1, 1, 2, 2, 3, 3, 3]);
}

/// The engine may stop before it keeps the session alive for the first time, and the next engine needs a while to
/// take over.
#[test]
fn a_mirrored_session_outlives_a_takeover() {
    let (mut source, target) = (Tree::new(), Tree::new());
    let mut pipeline = standby();
    pipeline.flow = Flow::Running;
    pipeline.set_shortest_session(12_000);
    for (session, timeout) in [(1, 1_500), (2, 40_000)] {
        let begins = txn(session, session, Op::CreateSession { timeout });
        source.apply(&begins);
        let trees = Trees {
            source: &source,
            target: &target,
        };
        pipeline.replay(begins, Vec::new(), trees, 0);
    }
    let asked: Vec<_> = pipeline.take(0).into_iter().map(|out| out.request).collect();
    let open = |timeout| Request::OpenSession { timeout };
    assert_eq!(asked, [open(12_000), open(40_000)]);
}

/// A transaction creates a child of a node that is missing and then sets that node. The node is created as the source
/// has it now, with that set.
#[test]
fn what_is_made_again_for_one_part_of_a_transaction_has_the_others() {
    let (mut source, target) = (Tree::new(), Tree::new());
    source.apply(&txn(1, 0, create("/p")));
    let set = Op::SetData(SetData {
        path: "/p".into(),
        data: Some("x".into()),
        version: 1,
    });
    let both = txn(2, 0, Op::Multi(vec![create("/p/c"), set]));
    source.apply(&both);
    let trees = Trees {
        source: &source,
        target: &target,
    };
    let mut pipeline = standby();
    pipeline.flow = Flow::Running;
    pipeline.replay(both, Vec::new(), trees, 0);
    let Some(Request::Multi(writes)) = pipeline.take(0).pop().map(|out| out.request) else {
        panic!("no multi");
    };
    let sets = writes
        .iter()
        .filter(|write| matches!(write, Write::SetData { path, .. } if **path == *"/p"));
    assert_eq!(sets.count(), 1, "{writes:?}");
}

/// An engine that has just taken over and then loses a part of the history: what the one before had carried is no gap.
#[test]
fn what_another_engine_has_carried_was_not_missed() {
    let carried = Checkpoint {
        zxid: 7,
        run: "2".into(),
        ..Checkpoint::default()
    };
    let mut pipeline = standby();
    pipeline.follow(&carried);
    assert_eq!((pipeline.passed(), pipeline.applied()), (Zxid(7), Zxid(7)));
    pipeline.missed(pipeline.passed(), Zxid(9));
    assert_eq!(
        (pipeline.equal(Zxid(7)), pipeline.equal(Zxid(9))),
        (None, Some(7))
    );
    pipeline.set_complete();
    assert_eq!(pipeline.equal(Zxid(9)), None);
}
