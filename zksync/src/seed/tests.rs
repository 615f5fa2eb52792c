//! Files appear complete or not at all, a run can be repeated until a server was started, and bad folders are
//! refused.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use mesolith_zk::record::NodeStat;

use super::*;

fn tree(epoch: u32, nodes: usize) -> Tree {
    let mut tree = Tree::new();
    tree.insert(
        "/zookeeper/config",
        Some(b"server.1=a:1:2"),
        None,
        NodeStat::default(),
    )
    .unwrap();
    for path in ["/mesolith", "/mesolith/zksync", "/mesolith/zksync/old"] {
        tree.insert(path, None, None, NodeStat::default()).unwrap();
    }
    for n in 0..nodes {
        let stat = NodeStat {
            version: 3,
            ephemeral_owner: 5,
            ..NodeStat::default()
        };
        tree.insert(&format!("/n{n}"), Some(&[7; 100]), None, stat)
            .unwrap();
    }
    tree.set_session(5, 4000);
    tree.set_last_zxid(Zxid::new(epoch, 0x2a));
    tree
}

fn dirs() -> (tempfile::TempDir, [PathBuf; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let dirs = ["1", "2"].map(|name| dir.path().join(name).join("data"));
    (dir, dirs)
}

/// The names in `version-2` that a server looks at.
fn seen(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("version-2")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("mesolith-seed"))
        .collect();
    names.sort();
    names
}

fn read(seeded: &Seeded) -> Tree {
    let file = fs::File::open(&seeded.files[1]).unwrap();
    snapshot::read(file, seeded.zxid).unwrap().tree
}

#[test]
fn a_seed_is_the_source_with_what_is_the_targets_own() {
    let (_dir, dirs) = dirs();
    let source = tree(7, 10);
    assert_eq!(check_dirs(&dirs, length(&source)).unwrap().len(), 2, "no myid");
    let options = Options {
        nodes: checkpoint_nodes("main", source.last_zxid()),
        ..Options::default()
    };
    let seeded = write(&source, &dirs, options).unwrap();
    assert_eq!((seeded.epoch, seeded.zxid), (10_007, Zxid::new(7, 0x2a)));
    for dir in &dirs {
        assert_eq!(seen(dir), ["acceptedEpoch", "currentEpoch", "snapshot.70000002a"]);
        for name in ["acceptedEpoch", "currentEpoch"] {
            assert_eq!(
                fs::read_to_string(dir.join("version-2").join(name)).unwrap(),
                "10007"
            );
        }
    }
    let found = read(&seeded);
    assert_eq!(found.len() as u64, seeded.nodes);
    assert_eq!(fs::metadata(&seeded.files[0]).unwrap().len(), seeded.bytes);
    assert_eq!(found.get("/zookeeper/config").unwrap().data(), Some(&b""[..]));
    assert!(found.get("/mesolith/zksync/old").is_none());
    let (checkpoint, _) = Checkpoint::read(&found, &Checkpoint::path("main")).unwrap();
    assert_eq!((checkpoint.position(), checkpoint.complete), (seeded.zxid, true));
    let left: Vec<_> = source
        .differences(&found, 100)
        .into_iter()
        .map(|difference| difference.path)
        .filter(|path| path != "/zookeeper/config" && !path.starts_with("/mesolith"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn it_can_be_done_again_until_a_server_was_there() {
    let (_dir, dirs) = dirs();
    let first = write(&tree(7, 10), &dirs, Options::default()).unwrap();
    check_dirs(&dirs, 0).unwrap();
    let second = write(&tree(9, 20), &dirs, Options::default()).unwrap();
    assert_ne!(first.files, second.files);
    assert_eq!(
        seen(&dirs[0]),
        ["acceptedEpoch", "currentEpoch", "snapshot.90000002a"]
    );
    assert_eq!(read(&second).len(), tree(9, 20).len() - 3);
    check_dirs(&dirs, 0).unwrap();
    fs::write(dirs[1].join("version-2/acceptedEpoch"), "10010").unwrap();
    let error = check_dirs(&dirs, 0).unwrap_err();
    assert_eq!(error.reason(), "SeedDirNotEmpty");
    assert!(error.to_string().contains("version-2/acceptedEpoch"), "{error}");
}

#[test]
fn a_run_that_is_stopped_leaves_nothing_to_load() {
    let (_dir, dirs) = dirs();
    let large = tree(7, 5000);
    let mut heard = Vec::new();
    let options = Options {
        progress: Box::new(|progress| {
            heard.push(progress);
            // Stops in the middle of the second file.
            if progress.nodes > large.len() as u64 + 500 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }),
        ..Options::default()
    };
    let error = write(&large, &dirs, options).unwrap_err();
    assert_eq!(error.reason(), "SeedStopped");
    assert!(seen(&dirs[0]).iter().all(|name| !name.starts_with("snapshot")));
    assert!(seen(&dirs[1]).is_empty());
    assert!(
        heard
            .windows(2)
            .all(|two| two[0].nodes < two[1].nodes && two[0].bytes < two[1].bytes)
    );
    assert_eq!(heard[0].total, 2 * (large.len() as u64 - 3));
    check_dirs(&dirs, 0).unwrap();
    let again = write(&large, &dirs, Options::default()).unwrap();
    assert_eq!(read(&again).len() as u64, again.nodes);
}

#[test]
fn folders_that_will_not_do_are_named_with_the_remedy() {
    let (dir, [used, other]) = dirs();
    fs::create_dir_all(used.join("version-2")).unwrap();
    fs::write(used.join("version-2/log.1"), "").unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (dirs, length, reason, part) in [
        (vec![], 0, "SeedDirInvalid", "name the dataDir of every server"),
        (
            vec![other.clone(), other.clone()],
            0,
            "SeedDirInvalid",
            "named twice",
        ),
        (vec![used.clone()], 0, "SeedDirNotEmpty", "version-2/log.1"),
        (vec![used.join("version-2")], 0, "SeedDirInvalid", "the one above"),
        (vec![file.clone()], 0, "SeedDirInvalid", "is no folder"),
        (vec![file.join("data")], 0, "SeedDirInvalid", "is no folder"),
        (
            vec!["/proc/seed".into()],
            0,
            "SeedDirFull",
            "/proc has 0 bytes free",
        ),
        (vec![other.clone()], 1 << 60, "SeedDirFull", "bytes free"),
    ] {
        let error = check_dirs(&dirs, length).unwrap_err();
        assert_eq!(error.reason(), reason, "{dirs:?}: {error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!other.exists(), "a check has written");
    let high = write(
        &tree(i32::MAX.cast_unsigned() - 10_000, 1),
        &[other],
        Options::default(),
    );
    assert_eq!(high.unwrap_err().reason(), "EpochTooHigh");
}

/// Prints its figures; run with `--release --ignored --nocapture`.
#[test]
#[ignore = "takes a gigabyte"]
fn a_million_nodes() {
    let (_dir, dirs) = dirs();
    let source = tree(7, 1_000_000);
    for _ in 0..3 {
        let begun = std::time::Instant::now();
        let seeded = write(&source, &dirs[..1], Options::default()).unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{} nodes, {} bytes written in {seconds:.2} s: {:.0} nodes/s",
            seeded.nodes,
            seeded.bytes,
            seeded.nodes as f64 / seconds
        );
    }
}
