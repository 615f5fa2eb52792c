//! Logs survive writing and reading; a torn or damaged one ends with its error.

use proptest::prelude::*;

use super::*;
use crate::record::{Op, TxnHeader, Zxid};

fn sample() -> Vec<Txn> {
    let op = |n| match n % 3 {
        0 => Op::CreateSession { timeout: 4000 },
        1 => Op::Delete { path: "/a".into() },
        _ => Op::Error { code: -101 },
    };
    (1..20)
        .map(|n| Txn {
            header: TxnHeader {
                zxid: Zxid(n),
                kind: op(n).code(),
                ..TxnHeader::default()
            },
            op: op(n),
            digest: None,
        })
        .collect()
}

pub(crate) fn file() -> Vec<u8> {
    let mut writer = LogWriter::new(Vec::new()).unwrap();
    sample().iter().for_each(|txn| writer.append(txn).unwrap());
    writer.finish().unwrap()
}

#[test]
fn zeros_end_it() {
    let mut file = file();
    for zeros in [0, 1, 1000] {
        file.extend(vec![0; zeros]);
        let read: Result<Vec<_>, _> = LogReader::new(&*file).unwrap().collect();
        assert!(zeros == 1 || read.unwrap() == sample());
    }
}

#[test]
fn half_an_entry_is_torn() {
    let file = file();
    let read: Vec<_> = LogReader::new(&file[..file.len() - 3]).unwrap().collect();
    assert_eq!(read.len(), sample().len());
    assert!(matches!(read.last(), Some(Err(Error::Torn { .. }))), "{read:?}");
}

proptest! {
    #[test]
    fn damage_ends_it_and_never_panics(at in 16..300usize, flip in 1..=255u8) {
        let mut file = file();
        file[at] ^= flip;
        let read: Vec<_> = LogReader::new(&*file).unwrap().collect();
        let whole = read.iter().flatten().count();
        prop_assert!(whole < sample().len());
        prop_assert!(read.into_iter().flatten().eq(sample().into_iter().take(whole)));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let mut file = file()[..16].to_vec();
        file.extend(bytes);
        LogReader::new(&*file).unwrap().for_each(drop);
    }
}
