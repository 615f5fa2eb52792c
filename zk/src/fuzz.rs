//! Feeds damaged and random bytes to every decoder. None may panic, and the memory they take must follow the real
//! length, not the claimed one.
//!
//! The loops have seeds, so a failure can be repeated. It names its seed.

mod memory;
mod mutate;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::Credentials;
use crate::jute::{Reader, Writer};
use crate::learner::packet::{Packet, observer_info, pong, request};
use crate::members::{Conf, Endpoint, Membership, Server};
use crate::record::{Txn, Zxid};
use crate::security::digest_md5;
use crate::snapshot::{self, Decoder, Trailers};
use crate::tree::Tree;
use crate::txn_log::LogReader;
use mutate::Mutator;

type Target = (&'static str, fn(&[u8]));

/// Every function that reads bytes from outside.
const TARGETS: [Target; 7] = [
    ("transaction", transaction),
    ("packet", packet),
    ("snapshot body", body),
    ("snapshot file", file),
    ("log file", log),
    ("member list", members),
    ("challenge", challenge),
];

fn transaction(bytes: &[u8]) {
    if let Ok(txn) = Txn::decode(bytes) {
        // Whatever decodes must also be applicable, with any numbers in it.
        let mut tree = snapshot::tests::sample();
        tree.apply(&txn);
        tree.apply(&txn);
        look(&tree);
    }
}

fn packet(bytes: &[u8]) {
    let _ = Packet::read(&mut Reader::new(bytes, "packet"));
}

/// Decodes in pieces, as a connection delivers them.
fn body(bytes: &[u8]) {
    let mut decoder = Decoder::new(0);
    let mut from = 0;
    for to in (0..bytes.len()).step_by(bytes.len() / 5 + 1).chain([bytes.len()]) {
        match decoder.decode(&bytes[from..to.max(from)]) {
            Ok(taken) => from += taken,
            Err(_) => return,
        }
    }
    look(&decoder.finish(Zxid(7)));
}

fn file(bytes: &[u8]) {
    let _ = snapshot::read(bytes, Zxid(7));
}

fn log(bytes: &[u8]) {
    if let Ok(reader) = LogReader::new(bytes) {
        reader.for_each(drop);
    }
}

fn members(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(list) = Membership::parse(&text) {
        for member in &list.members {
            let _ = (member.client_address(), member.quorum_at("host"));
            let _ = list.find(&Endpoint::new("host", 1), Some(member.id));
        }
        let _ = (
            list.find(&Endpoint::new("a", 2181), None),
            list.find_by_session(-1),
        );
    }
    let _ = Conf::parse(&text);
    let _ = text.parse::<Server>();
}

fn challenge(bytes: &[u8]) {
    let user = Credentials {
        user: "u".to_owned(),
        password: "p".to_owned(),
    };
    if let Ok(response) = digest_md5::respond(bytes, &user, "s", "h", "c") {
        let _ = response.check(bytes);
    }
}

/// Calls what a reader of the tree calls.
fn look(tree: &Tree) {
    for node in tree.nodes() {
        let _ = node.stat();
    }
    let _ = tree.digest();
}

/// Valid bytes for each target, in the order of [`TARGETS`].
fn corpus() -> Vec<Vec<Vec<u8>>> {
    let mut runner = TestRunner::deterministic();
    let txns = crate::record::tests::txn();
    let txns: Vec<_> = (0..200)
        .map(|_| txns.new_tree(&mut runner).unwrap().current().encode().to_vec())
        .collect();
    let mut packets: Vec<Vec<u8>> = txns.iter().map(|txn| request(txn).to_vec()).collect();
    packets.push(observer_info(300).encode().to_vec());
    packets.push(pong(Zxid(3), [(1, 2), (3, 4)]).encode().to_vec());
    let tree = snapshot::tests::sample();
    let files: Vec<_> = [(false, false), (true, false), (true, true)]
        .map(|(digest, last_zxid)| snapshot::tests::bytes(&tree, Trailers { digest, last_zxid }))
        .into();
    // The header of a file is a record of 16 bytes.
    let bodies = files.iter().map(|f| f[16..].to_vec()).collect();
    let texts = [
        "server.1=zk1:2888:3888|[::1]:2888:3888:participant;0.0.0.0:2181\nserver.2=zk2:1:2:observer;2181\nversion=10a",
        "clientPort=2181\nserverId=3\nquorumPort=2889\nmembership: \nserver.3=h:2889:3888:participant\nversion=0",
        "zk1:2181:2888",
    ];
    let challenges = [
        r#"realm="zk-quorum-sasl-md5",nonce="OA6MG9tEQGm2hh",qop="auth",charset=utf-8,algorithm=md5-sess"#,
        "rspauth=ea40f60335c427b5527b84dbabcdfffd",
    ];
    vec![
        txns,
        packets,
        bodies,
        files,
        vec![crate::txn_log::tests::file()],
        texts.map(|t| t.as_bytes().to_vec()).into(),
        challenges.map(|t| t.as_bytes().to_vec()).into(),
    ]
}

fn run(rounds: u64) {
    for ((name, target), valid) in TARGETS.iter().zip(corpus()) {
        for seed in 0..rounds {
            let bytes = Mutator::new(seed).bytes(&valid);
            let ran = std::panic::catch_unwind(|| target(&bytes));
            assert!(ran.is_ok(), "{name} panics with seed {seed}: {bytes:?}");
        }
    }
}

#[test]
fn no_decoder_panics() {
    run(3000);
}
