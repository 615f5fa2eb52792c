//! The framing of event streams, in whatever pieces it arrives.

use bytes::{Bytes, BytesMut};
use mesolith_proto::recordio::{RecordError, RecordIo, encode};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

fn decode_all(codec: &mut RecordIo, buffer: &mut BytesMut) -> Vec<Bytes> {
    std::iter::from_fn(|| codec.decode(buffer).unwrap()).collect()
}

proptest! {
    #[test]
    fn records_survive_any_cutting(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        piece in 1usize..17,
    ) {
        let mut stream = BytesMut::new();
        let mut codec = RecordIo::default();
        for record in &records {
            codec.encode(record.as_slice(), &mut stream).unwrap();
        }
        let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
        for part in stream.chunks(piece) {
            buffer.extend_from_slice(part);
            seen.extend(decode_all(&mut codec, &mut buffer));
        }
        prop_assert_eq!(seen, records);
        prop_assert!(buffer.is_empty());
    }
}

#[test]
fn a_record_is_its_length_a_newline_and_its_bytes() {
    assert_eq!(
        encode(b"{\"type\":\"HEARTBEAT\"}"),
        "20\n{\"type\":\"HEARTBEAT\"}"
    );
    assert_eq!(encode(b""), "0\n");
}

#[test]
fn a_length_that_is_none_is_refused() {
    for bad in [
        "x\n",
        "-1\n",
        "\n",
        "1.5\nab",
        "1234567890123",
        "{\"type\"",
        "99999999999999999999\n",
    ] {
        let error = RecordIo::default().decode(&mut BytesMut::from(bad)).unwrap_err();
        assert!(matches!(error, RecordError::ParseLength { .. }), "{bad}: {error}");
    }
    let error = RecordIo::with_limit(10)
        .decode(&mut BytesMut::from("11\n"))
        .unwrap_err();
    assert_eq!(error.to_string(), "record of 11 bytes exceeds the limit of 10");
}

#[test]
fn half_a_length_or_record_is_waited_for() {
    let mut codec = RecordIo::default();
    for partial in ["", "1", "12"] {
        assert!(codec.decode(&mut BytesMut::from(partial)).unwrap().is_none());
    }
    let mut buffer = BytesMut::from("5\nab");
    assert!(codec.decode(&mut buffer).unwrap().is_none());
    buffer.extend_from_slice(b"cde1");
    assert_eq!(codec.decode(&mut buffer).unwrap().unwrap(), "abcde");
    assert_eq!(buffer, "1");
}
