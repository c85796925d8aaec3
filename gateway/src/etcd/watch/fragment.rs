//! Splitting a response that is too large for clients that asked for it; one event is never split.

use prost::Message;
use quorate_proto::etcdserverpb as pb;

/// The pieces, in order, each below `bytes_max` unless it has one event; all but the last say
/// that more follows. A small response is its own only piece.
pub fn split(response: pb::WatchResponse, bytes_max: usize) -> Vec<pb::WatchResponse> {
    if response.events.len() < 2 || response.encoded_len() < bytes_max {
        return vec![response];
    }
    let mut shell = response;
    let events = std::mem::take(&mut shell.events);
    shell.fragment = true;
    let shell_bytes = shell.encoded_len();
    let (mut pieces, mut piece, mut bytes) = (Vec::new(), shell.clone(), shell_bytes);
    for event in events {
        let event_bytes = field_len(event.encoded_len());
        if !piece.events.is_empty() && bytes + event_bytes >= bytes_max {
            pieces.push(std::mem::replace(&mut piece, shell.clone()));
            bytes = shell_bytes;
        }
        bytes += event_bytes;
        piece.events.push(event);
    }
    piece.fragment = false;
    pieces.push(piece);
    pieces
}

/// Bytes of an embedded message with its tag (one byte) and length.
fn field_len(message_len: usize) -> usize {
    1 + prost::length_delimiter_len(message_len) + message_len
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use quorate_proto::mvccpb;

    use super::*;

    fn event(value_len: usize) -> mvccpb::Event {
        let kv = mvccpb::KeyValue {
            key: "k".into(),
            value: Bytes::from(vec![b'v'; value_len]),
            ..Default::default()
        };
        mvccpb::Event {
            kv: Some(kv),
            ..Default::default()
        }
    }

    fn response(events: Vec<mvccpb::Event>) -> pb::WatchResponse {
        pb::WatchResponse {
            watch_id: 3,
            events,
            ..Default::default()
        }
    }

    #[test]
    fn pieces_keep_order_and_mark_all_but_the_last() {
        let whole = response((1..=10).map(|n| event(100 + n)).collect());
        let pieces = split(whole.clone(), 400);
        assert!(pieces.len() > 1);
        assert!(pieces.iter().all(|piece| piece.encoded_len() < 400));
        let (last, others) = pieces.split_last().expect("pieces");
        assert!(!last.fragment && others.iter().all(|piece| piece.fragment));
        let events: Vec<_> = pieces.into_iter().flat_map(|piece| piece.events).collect();
        assert_eq!(events, whole.events);
    }

    #[test]
    fn what_is_small_or_one_event_is_whole() {
        let one = response(vec![event(1000)]);
        assert_eq!(split(one.clone(), 10), vec![one]);
        let small = response(vec![event(1), event(1)]);
        assert_eq!(split(small.clone(), 1000), vec![small]);
    }

    #[test]
    fn an_event_above_the_bound_stands_alone() {
        let pieces = split(response(vec![event(1), event(1000), event(1)]), 100);
        let counts: Vec<_> = pieces.iter().map(|piece| piece.events.len()).collect();
        assert_eq!(counts, [1, 1, 1]);
    }
}
