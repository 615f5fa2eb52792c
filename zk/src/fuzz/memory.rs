//! Measures the memory that decoders take, from outside and in a process of its own, so that nothing else is counted.

use std::path::Path;
use std::process::Command;

use super::*;

/// The decoded form may take this many times its bytes. The most that was seen is 28: names and values of two
/// letters, each a string of its own in a table that has just grown.
const FACTOR: usize = 48;

/// The value of a line of `/proc/self/status` in kilobytes.
fn kilobytes(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
    let number = line.trim_matches(|c: char| !c.is_ascii_digit());
    number.parse().unwrap()
}

/// Runs an ignored test in a process of its own, with a file for a target.
fn alone(test: &str, target: usize, input: &Path) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args([
            "--exact",
            &format!("fuzz::memory::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env(TARGET, target.to_string())
        .env(INPUT, input)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

const TARGET: &str = "FUZZ_TARGET";
const INPUT: &str = "FUZZ_INPUT";

#[test]
fn lengths_are_not_believed() {
    alone("many_lies", 0, Path::new(""));
}

#[test]
fn memory_follows_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for (name, target, bytes) in dense_inputs() {
        let input = dir.path().join(name);
        std::fs::write(&input, bytes).unwrap();
        alone("dense_bytes", target, &input);
    }
}

/// A vector whose elements are as small as possible.
fn dense(element: impl Fn(i32) -> Vec<u8>, head: impl FnOnce(&mut Writer)) -> Vec<u8> {
    const COUNT: i32 = 1 << 18;
    let mut writer = Writer::new();
    head(&mut writer);
    writer.int(COUNT);
    (0..COUNT).for_each(|n| writer.raw(&element(n)));
    writer.finish().to_vec()
}

/// Name, target and bytes, some megabytes each.
fn dense_inputs() -> Vec<(&'static str, usize, Vec<u8>)> {
    let header = |kind: i32| move |w: &mut Writer| (0..7).chain([kind]).for_each(|n| w.int(n));
    let zeros = |n: usize| move |_| vec![0; n];
    // Numbers that are all different, each with a null or an int.
    let numbered = |number: i32, last: i32| [[0; 4], number.to_be_bytes(), last.to_be_bytes()].concat();
    let node = |n: i32| {
        let mut writer = Writer::new();
        writer.string(Some(&format!("/{n:x}")));
        writer.buffer(None);
        writer.long(-1);
        writer.raw(&[0; 60]);
        writer.finish().to_vec()
    };
    let directives: String = (0..1 << 17).map(|n| format!("{n:x}=,")).collect();
    vec![
        ("multi", 0, dense(|_| [[0xff; 4], [0; 4]].concat(), header(14))),
        ("closed paths", 0, dense(zeros(4), header(-11))),
        (
            "one ACL",
            0,
            dense(zeros(12), |w| {
                header(7)(w);
                w.string(Some("/a"));
            }),
        ),
        (
            "identities",
            1,
            dense(zeros(8), |w| (0..4).for_each(|_| w.int(0))),
        ),
        ("sessions", 2, dense(|n| numbered(n, 1), |_| ())),
        ("lists", 2, dense(|n| numbered(n, -1), |w| w.int(0))),
        ("nodes", 2, {
            // Without sessions and lists; the count that `dense` writes is cut off.
            let nodes = dense(node, |w| (0..2).for_each(|_| w.int(0)));
            [&nodes[..8], &nodes[12..]].concat()
        }),
        ("members", 5, "server.1=a:1:2\n".repeat(1 << 17).into_bytes()),
        (
            "addresses",
            5,
            format!("server.1={}a:1:2", "a:1:2|".repeat(1 << 18)).into_bytes(),
        ),
        ("directives", 6, directives.into_bytes()),
    ]
}

/// Inputs of some hundred bytes that claim up to two thousand million elements. The address space also shows memory
/// that was reserved and never touched.
#[test]
#[ignore = "run by the test above in a process of its own"]
fn many_lies() {
    run(200);
    let before = kilobytes("VmPeak:");
    run(3000);
    let more = kilobytes("VmPeak:") - before;
    println!("{more} kB more address space");
    assert!(more < 128 * 1024, "{more} kB for inputs of a few kB");
}

#[test]
#[ignore = "run by the test above in processes of its own"]
fn dense_bytes() {
    let target: usize = std::env::var(TARGET).unwrap().parse().unwrap();
    let input = std::env::var(INPUT).unwrap();
    let bytes = std::fs::read(&input).unwrap();
    // Resets the peak to the memory that is used now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kilobytes("VmRSS:");
    TARGETS[target].1(&bytes);
    let more = kilobytes("VmHWM:").saturating_sub(before) * 1024;
    println!(
        "{input}: {} times its {} kB",
        more / bytes.len(),
        bytes.len() / 1024
    );
    assert!(
        more < FACTOR * bytes.len(),
        "{input}: {more} bytes for {}",
        bytes.len()
    );
}
