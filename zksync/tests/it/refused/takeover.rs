//! What is refused is not forgotten: not while the node is on its way, and not when another engine takes over.

use mesolith_zksync::settings::{Direction, Mode};
use mesolith_zksync::status::State;

use super::{RAISED, World, bytes, has, open, servers};
use crate::less::{diff, until};

/// Somebody asks what is refused while the node itself is still on its way.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_of_a_node_that_is_not_there_yet_is_not_forgotten() {
    let mut world = World::new(servers(1, &[RAISED]), (2, servers(101, &[]))).await;
    world.on_a.create("/old", b"12345", &open()).await.unwrap();
    world.start(Direction::AToB).await;
    world.equal().await;
    world.mode(Mode::Pause).await;
    let big = bytes(2_000_000);
    world.on_a.create("/g", b"12345", &open()).await.unwrap();
    world.on_a.set_data("/g", &big, None).await.unwrap();
    world.on_a.delete("/old", None).await.unwrap();
    world.on_a.create("/old", &big, &open()).await.unwrap();
    until("both are named", async || {
        (world.status().refused_count == 2).then_some(())
    })
    .await;
    world.mode(Mode::Run).await;
    world.refused("/g", "data").await;
    world.refused("/old", "node").await;
    has(&world.on_b, "/g", b"12345").await;
    for path in ["/g", "/old"] {
        world.on_a.set_data(path, b"54321", None).await.unwrap();
    }
    world.equal().await;
}

/// The engine is killed, and the one that takes over has to find out by itself what is refused.
async fn what_is_refused_across_a_takeover(direction: Direction) {
    let (a, b) = match direction {
        Direction::Both => (servers(1, &[]), servers(101, &[RAISED])),
        _ => (servers(1, &[RAISED]), servers(101, &[])),
    };
    let mut world = World::new(a, (2, b)).await;
    world.start(direction).await;
    world.stand_by(direction).await;
    let (writer, reader) = match direction {
        Direction::Both => (world.on_b.clone(), world.on_a.clone()),
        _ => (world.on_a.clone(), world.on_b.clone()),
    };
    let big = bytes(2_000_000);
    // One is refused before, one before and after, one is made meanwhile.
    for path in ["/before", "/always", "/shrinks"] {
        writer.create(path, b"12345", &open()).await.unwrap();
    }
    writer.create("/node", &big, &open()).await.unwrap();
    for path in ["/before", "/always", "/shrinks"] {
        writer.set_data(path, &big, None).await.unwrap();
        world.refused(path, "data").await;
    }
    world.kill().await;
    writer.set_data("/before", b"54321", None).await.unwrap();
    writer.set_data("/always", &big[1..], None).await.unwrap();
    for n in 0..1_000 {
        let path = format!("/m{n}");
        writer.create(&path, b"", &open()).await.unwrap();
    }
    writer.create("/between", b"12345", &open()).await.unwrap();
    writer.set_data("/between", &big, None).await.unwrap();
    world.state(&[State::InSync, State::Incomplete]).await;
    world.refused("/between", "data").await;
    world.refused("/always", "data").await;
    world.refused("/shrinks", "data").await;
    world.refused("/node", "node").await;
    has(&reader, "/between", b"12345").await;
    has(&writer, "/always", &big[1..]).await;
    let (data, stat) = reader.get_data("/before").await.unwrap();
    assert_eq!((data.as_slice(), stat.version), (&b"54321"[..], 2));
    assert_eq!(world.status().refused_count, 4);
    // The versions that were refused count, whoever refused them.
    for path in ["/always", "/shrinks", "/between", "/node"] {
        writer.set_data(path, b"small", None).await.unwrap();
    }
    until("counted on both sides", async || {
        (diff(world.handle()).await.different == 0).then_some(())
    })
    .await;
    world.equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_by_the_engine_that_takes_over() {
    what_is_refused_across_a_takeover(Direction::AToB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_by_the_engine_that_takes_over_where_both_write() {
    what_is_refused_across_a_takeover(Direction::Both).await;
}
