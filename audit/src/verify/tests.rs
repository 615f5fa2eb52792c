//! Logs that were changed in every way that we could think of, and in random ones.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::entry::{Entry, append};

fn entry(n: i64) -> Entry {
    Entry {
        time: Timestamp::from_second(1_700_000_000 + n).unwrap(),
        user: "alice@example.com".to_owned(),
        cause: "Approved".to_owned(),
        phase: (n % 2 == 0).then(|| "DeployZk".to_owned()),
        what: format!("approved evidence {n}: \"quorum 3/3\"\n\u{1} ü\u{7f}\u{2028}"),
        uid: "0d2f6c1e-0000-4000-8000-000000000001".to_owned(),
    }
}

fn log(entries: &[Entry]) -> (Vec<String>, Head) {
    let mut head = Head::start();
    let mut lines = Vec::new();
    for entry in entries {
        let line = append(&head, entry);
        lines.push(format!("{}\n", line.text));
        head = line.head;
    }
    (lines, head)
}

fn five() -> (Vec<String>, Head) {
    log(&[1, 2, 3, 4, 5].map(entry))
}

fn check(lines: &[String], expected: Option<&Head>) -> Result<Summary, Broken> {
    check_bytes(lines.concat().as_bytes(), expected)
}

fn check_bytes(text: &[u8], expected: Option<&Head>) -> Result<Summary, Broken> {
    match verify(text, Head::start(), expected.cloned()) {
        Ok(summary) => Ok(summary),
        Err(Error::Broken(broken)) => Err(broken),
        Err(Error::Read(error)) => panic!("{error}"),
    }
}

#[test]
fn a_line_is_what_other_programs_make_of_it() {
    // The hash was made with Python: sha256(json.dumps(entry, sort_keys=True, separators=(",", ":"),
    // ensure_ascii=False).encode()).
    let (lines, head) = log(&[entry(2)]);
    assert_eq!(
        lines[0],
        concat!(
            r#"{"cause":"Approved","hash":"HASH","#,
            r#""phase":"DeployZk","previous":"0000000000000000000000000000000000000000000000000000000000000000","#,
            r#""sequence":1,"time":"2023-11-14T22:13:22Z","uid":"0d2f6c1e-0000-4000-8000-000000000001","#,
            r#""user":"alice@example.com","what":"approved evidence 2: \"quorum 3/3\"\n\u0001 ü"#,
            "\u{7f}\u{2028}\"}\n"
        )
        .replace("HASH", &head.hash)
    );
    assert_eq!(
        head.hash,
        "17e2195eb550a59ff180c098b59614b1ebb9c36de04b109dbb8fb448862a6312"
    );
}

#[test]
fn a_whole_log_is_summed_up() {
    let (lines, head) = five();
    let summary = check(&lines, Some(&head)).unwrap();
    assert_eq!(summary.entries, 5);
    assert_eq!(summary.head, head);
    assert_eq!(
        (summary.first, summary.last),
        (Some(entry(1).time), Some(entry(5).time))
    );
    let empty = check(&[], None).unwrap();
    assert_eq!((empty.entries, empty.head), (0, Head::start()));
    // A log that has grown since its end was noted is whole.
    let (_, earlier) = log(&[1, 2, 3].map(entry));
    assert_eq!(check(&lines, Some(&earlier)).unwrap(), summary);
}

#[test]
fn a_later_part_is_checked_after_the_end_of_the_part_before() {
    let (lines, head) = five();
    let (_, after) = log(&[1, 2, 3].map(entry));
    let part = lines[3..].concat();
    let summary = verify(part.as_bytes(), after.clone(), Some(head)).unwrap();
    assert_eq!((summary.entries, summary.head.sequence), (2, 5));
    let wrong = Head {
        hash: "1".repeat(64),
        ..after.clone()
    };
    let Err(Error::Broken(broken)) = verify(part.as_bytes(), wrong, None) else {
        panic!("another beginning must be found");
    };
    assert_eq!((broken.line, broken.why), (1, Why::NotLinked));
    // Nothing came after it, and that is what was expected.
    assert!(verify(&b""[..], after.clone(), Some(after.clone())).is_ok());
    // What was expected is in the part before.
    let (_, first) = log(&[entry(1)]);
    let Err(Error::Broken(broken)) = verify(part.as_bytes(), after, Some(first)) else {
        panic!("an entry that is not in this part cannot be found in it");
    };
    assert_eq!((broken.line, broken.why), (3, Why::Earlier { expected: 1 }));
}

#[rstest]
#[case::changed(|l: &mut Vec<String>| l[2] = l[2].replace("alice", "mallory"), 3, Why::Changed)]
#[case::removed(|l: &mut Vec<String>| drop(l.remove(2)), 3, Why::Missing { expected: 3, found: 4 })]
#[case::first_removed(|l: &mut Vec<String>| drop(l.remove(0)), 1, Why::Missing { expected: 1, found: 2 })]
#[case::swapped(|l: &mut Vec<String>| l.swap(1, 2), 2, Why::Missing { expected: 2, found: 3 })]
#[case::repeated(|l: &mut Vec<String>| l.insert(3, l[2].clone()), 4, Why::Repeated { expected: 4, found: 3 })]
#[case::spaces(|l: &mut Vec<String>| l[0] = l[0].replace(r#","phase""#, r#", "phase""#).replace(r#","previous""#, r#", "previous""#), 1, Why::NotCanonical)]
#[case::windows_line_end(|l: &mut Vec<String>| l[1] = l[1].replace('\n', "\r\n"), 2, Why::NotCanonical)]
#[case::no_line_end(|l: &mut Vec<String>| l[4] = l[4].trim_end().to_owned(), 5, Why::Unfinished)]
#[case::truncated(|l: &mut Vec<String>| drop(l.pop()), 5, Why::Truncated { expected: 5, found: 4 })]
#[case::emptied(Vec::clear, 1, Why::Truncated { expected: 5, found: 0 })]
#[case::too_long(|l: &mut Vec<String>| l[1] = "x".repeat(LINE + 10), 2, Why::TooLong)]
fn every_change_is_found(#[case] change: fn(&mut Vec<String>), #[case] line: u64, #[case] why: Why) {
    let (mut lines, head) = five();
    change(&mut lines);
    assert_eq!(check(&lines, Some(&head)), Err(Broken { line, why }));
}

#[test]
fn a_log_is_gone_on_from_its_last_line() {
    assert_eq!(end_of(""), Ok(Head::start()));
    let (lines, head) = five();
    let mut text = lines.concat();
    assert_eq!(end_of(&text), Ok(head.clone()));
    text += &(append(&head, &entry(6)).text + "\n");
    assert_eq!(
        check_bytes(text.as_bytes(), None).map(|summary| summary.entries),
        Ok(6)
    );
    let torn = &text[..text.len() - 1];
    let why = Why::Unfinished;
    assert_eq!(end_of(torn), Err(Broken { line: 6, why }));
    let why = Why::Changed;
    assert_eq!(
        end_of(&lines.concat().replace("evidence 5", "evidence 4")),
        Err(Broken { line: 5, why })
    );
}

#[test]
fn a_line_of_another_log_does_not_fit() {
    let (mut lines, _) = five();
    let (other, _) = log(&[1, 9, 3].map(entry));
    lines[2] = other[2].clone();
    assert_eq!(
        check(&lines, None),
        Err(Broken {
            line: 3,
            why: Why::NotLinked
        })
    );
}

#[test]
fn a_log_that_was_written_again_is_found_by_its_end_only() {
    let (_, head) = five();
    let (forged, forged_head) = log(&[1, 2, 9, 4, 5].map(entry));
    assert!(
        check(&forged, None).is_ok(),
        "nobody can see it from the log alone"
    );
    let broken = check(&forged, Some(&head)).unwrap_err();
    let why = Why::OtherEntry {
        sequence: 5,
        expected: head.hash,
        found: forged_head.hash,
    };
    assert_eq!(broken, Broken { line: 5, why });
}

#[test]
fn what_is_no_entry_is_named() {
    for (text, says) in [
        ("\n", "line 1: it is no entry: EOF"),
        ("{}\n", "line 1: it is no entry: missing field `cause`"),
        ("{\"more\":1}\n", "line 1: it is no entry: unknown field `more`"),
    ] {
        let said = check_bytes(text.as_bytes(), None).unwrap_err().to_string();
        assert!(said.starts_with(says), "{said}");
    }
}

#[test]
fn no_line_is_longer_than_what_is_read() {
    let huge = "\u{1}".repeat(1 << 20);
    let entry = Entry {
        user: huge.clone(),
        cause: huge.clone(),
        phase: Some(huge.clone()),
        what: huge.clone(),
        uid: huge,
        ..entry(1)
    };
    let (lines, head) = log(&[entry]);
    assert!(check(&lines, Some(&head)).is_ok(), "{} bytes", lines[0].len());
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let text = "\\PC{0,12}|[\\x00-\\x7f]{0,12}";
    let one = (
        0..4_000_000_000i64,
        0..1_000_000_000i32,
        text,
        text,
        prop::option::of(text),
        text,
        text,
    );
    let one = one.prop_map(|(second, nano, user, cause, phase, what, uid)| Entry {
        time: Timestamp::new(second, nano).unwrap(),
        user,
        cause,
        phase,
        what,
        uid,
    });
    prop::collection::vec(one, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_was_written_is_whole(entries in entries()) {
        let (lines, head) = log(&entries);
        prop_assert_eq!(check(&lines, Some(&head)).unwrap().entries, entries.len() as u64);
    }

    #[test]
    fn any_other_byte_is_found(entries in entries(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (lines, head) = log(&entries);
        let mut text = lines.concat().into_bytes();
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        prop_assert!(check_bytes(&text, Some(&head)).is_err());
    }

    #[test]
    fn any_byte_more_or_less_is_found(entries in entries(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (lines, head) = log(&entries);
        let text = lines.concat().into_bytes();
        let at = at.index(text.len());
        let mut more = text.clone();
        more.insert(at, byte);
        prop_assert!(check_bytes(&more, Some(&head)).is_err());
        let mut less = text.clone();
        less.remove(at);
        prop_assert!(check_bytes(&less, Some(&head)).is_err());
        prop_assert!(check_bytes(&text[..at], Some(&head)).is_err());
    }

    #[test]
    fn any_other_order_of_lines_is_found(
        entries in entries(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let (lines, head) = log(&entries);
        let picked: Vec<String> = picks.iter().map(|pick| lines[pick.index(lines.len())].clone()).collect();
        prop_assume!(picked != lines);
        prop_assert!(check(&picked, Some(&head)).is_err());
    }
}

/// Not only random ones: every bit of a short log.
#[test]
fn every_bit_counts() {
    let (lines, head) = log(&[1, 2].map(entry));
    let text = lines.concat().into_bytes();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[at] ^= 1 << bit;
            assert!(
                check_bytes(&changed, Some(&head)).is_err(),
                "bit {bit} of byte {at}"
            );
        }
    }
}
