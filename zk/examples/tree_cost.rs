//! What two trees cost that are kept equal: resident bytes and time of the processor a node, for a million nodes of a
//! hundred bytes in each.
//!
//! `cargo run --release -p mesolith-zk --example tree_cost`

use mesolith_zk::record::{Create, CreateKind, NodeStat, Op, SetData, Txn, TxnHeader, Zxid};
use mesolith_zk::tree::Tree;

const NODES: usize = 1_000_000;
/// Children of a folder.
const WIDTH: usize = 1000;

fn path(number: usize) -> String {
    format!("/bench/f{}/n{number}", number / WIDTH)
}

/// No two nodes have the same.
fn data(number: usize, round: usize) -> Vec<u8> {
    let mut data = format!("r{round}n{number:012}").into_bytes();
    data.resize(100, b'.');
    data
}

fn txn(zxid: usize, op: Op) -> Txn {
    let zxid = i64::try_from(zxid).unwrap_or_default();
    Txn {
        header: TxnHeader {
            session: 1,
            cxid: 0,
            zxid: Zxid(zxid),
            time: 1_700_000_000_000 + zxid,
            kind: op.code(),
        },
        op,
        digest: None,
    }
}

fn create(path: String, data: Vec<u8>) -> Op {
    Op::Create(Create {
        path: path.into(),
        data: Some(data.into()),
        acl: None,
        kind: CreateKind::Plain { ephemeral: false },
        parent_cversion: None,
    })
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

/// Nanoseconds that this process has been running on a processor.
fn worked() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let running = text.split(' ').next().and_then(|running| running.parse().ok());
    running.unwrap_or_default()
}

fn folders(tree: &mut Tree) {
    let folders = (0..NODES / WIDTH).map(|folder| format!("/bench/f{folder}"));
    for path in std::iter::once("/bench".to_owned()).chain(folders) {
        tree.apply(&txn(1, create(path, Vec::new())));
    }
}

/// As the engine does when a write of its own has arrived.
fn share(tree: &mut Tree, other: &Tree, path: &str) {
    let place = tree.get(path).map(|node| node.place());
    if let (Some(place), Some(node)) = (place, other.get(path)) {
        tree.share(place, node);
    }
}

fn timed(what: &str, mut each: impl FnMut(usize)) {
    let (began, before) = (worked(), resident() as f64);
    (0..NODES).for_each(&mut each);
    let nanoseconds = (worked() - began) as f64 / NODES as f64;
    let bytes = (resident() as f64 - before) / NODES as f64;
    println!("{what:35} {bytes:6.1} bytes and {nanoseconds:5.0} ns a node");
}

fn main() {
    let mut a = Tree::new();
    folders(&mut a);
    let stat = NodeStat {
        czxid: Zxid(1),
        mzxid: Zxid(1),
        pzxid: Zxid(1),
        ctime: 1_700_000_000_000,
        mtime: 1_700_000_000_000,
        ..NodeStat::default()
    };
    timed("a tree read from a snapshot", |n| {
        let _ = a.insert(&path(n), Some(&data(n, 0)), None, stat);
    });
    let mut b = Tree::new();
    folders(&mut b);
    timed("another, from transactions", |n| {
        b.apply(&txn(n + 2, create(path(n), data(n, 0))));
        share(&mut b, &a, &path(n));
    });
    timed("sets of one of them", |n| {
        let set = SetData {
            path: path(n).into(),
            data: Some(data(n, 1).into()),
            version: 1,
        };
        b.apply(&txn(NODES + n + 2, Op::SetData(set)));
    });
    timed("finds", |n| assert!(b.get(&path(n)).is_some()));
    let nodes = a.nodes().count() + b.nodes().count();
    println!(
        "{nodes} nodes, {:.0} bytes each",
        resident() as f64 / nodes as f64
    );
}
