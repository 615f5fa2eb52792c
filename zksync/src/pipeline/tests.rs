use mesolith_zk::record::{Create, CreateKind, Op, TxnHeader};
use mesolith_zk::tree::Tree;

use super::*;
use crate::settings::Settings;

fn create(zxid: i64) -> Txn {
    let create = Create {
        path: format!("/node-{zxid}").into(),
        data: None,
        acl: None,
        kind: CreateKind::Plain { ephemeral: false },
        parent_cversion: None,
    };
    let header = TxnHeader {
        zxid: Zxid(zxid),
        ..TxnHeader::default()
    };
    Txn {
        header,
        op: Op::Create(create),
        digest: None,
    }
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

/// A repair among history is of the tree as it is now; whoever goes on from the checkpoint behind it still has to replay
/// what is between.
#[test]
fn a_repair_does_not_promise_history_that_is_to_come() {
    let history: Vec<_> = (1..=3).map(create).collect();
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
