//! Where the frames of HTTP/2 begin and end in what a client sends.
//!
//! The unit is what can be worked on: a frame, or a whole block of headers, which may go on over
//! several frames. Of what is not whole nothing is made, whatever length it announces.

use super::http::HEADERS_BYTES_MAX;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(super) const FRAME_HEAD_BYTES: usize = 9;

/// HTTP/2's frame size unless raised, which we never do.
pub(super) const FRAME_BYTES_MAX: usize = 16_384;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Frames of one block of headers; the largest block fits into a third of them.
const BLOCK_FRAMES_MAX: usize = 3 * (HEADERS_BYTES_MAX as usize / FRAME_BYTES_MAX) + 8;

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A unit of so many bytes.
    Whole(usize),
    /// It can't be told before there are so many bytes.
    Needs(usize),
    /// No HTTP/2, or too large for any: for others to judge.
    Foreign,
}

/// What a client begins with.
pub(super) fn preface(bytes: &[u8]) -> Front {
    if bytes.starts_with(PREFACE) {
        return Front::Whole(PREFACE.len());
    }
    match PREFACE.starts_with(bytes) {
        true => Front::Needs(bytes.len() + 1),
        false => Front::Foreign,
    }
}

/// The frame, or the block of headers.
pub(super) fn unit(bytes: &[u8]) -> Front {
    let Some(first) = Head::of(bytes) else {
        return Front::Needs(FRAME_HEAD_BYTES);
    };
    if first.length > FRAME_BYTES_MAX {
        return Front::Foreign;
    }
    let mut end = FRAME_HEAD_BYTES + first.length;
    let mut is_open = first.kind == HEADERS && !first.ends_headers;
    for _ in 0..BLOCK_FRAMES_MAX {
        if bytes.len() < end {
            return Front::Needs(end);
        }
        if !is_open {
            return Front::Whole(end);
        }
        let Some(next) = Head::of(&bytes[end..]) else {
            return Front::Needs(end + FRAME_HEAD_BYTES);
        };
        // Something else in the middle of a block is an error, and not ours.
        if next.kind != CONTINUATION || next.length > FRAME_BYTES_MAX {
            return Front::Foreign;
        }
        end += FRAME_HEAD_BYTES + next.length;
        is_open = !next.ends_headers;
    }
    Front::Foreign
}

/// Whether the unit is a block of headers.
pub(super) fn is_headers(unit: &[u8]) -> bool {
    Head::of(unit).is_some_and(|head| head.kind == HEADERS)
}

/// What a frame's head says of the bytes behind it.
pub(super) fn length(head: &[u8; FRAME_HEAD_BYTES]) -> usize {
    let [high, middle, low, ..] = *head;
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

struct Head {
    length: usize,
    kind: u8,
    ends_headers: bool,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Head> {
        let head = bytes.first_chunk::<FRAME_HEAD_BYTES>()?;
        let [_, _, _, kind, flags, ..] = *head;
        Some(Head {
            length: length(head),
            kind,
            ends_headers: flags & END_HEADERS != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut frame = (length as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.resize(FRAME_HEAD_BYTES + length, 0);
        frame
    }

    #[test]
    fn a_block_of_headers_is_one_unit_and_needs_what_it_lacks() {
        let parts = [
            frame(HEADERS, 0, 100),
            frame(CONTINUATION, 0, 20),
            frame(CONTINUATION, END_HEADERS, 3),
            frame(0, 0, 5),
        ];
        let bytes = parts.concat();
        let block = bytes.len() - parts[3].len();
        assert_eq!(unit(&bytes), Front::Whole(block));
        assert_eq!(unit(&bytes[block..]), Front::Whole(parts[3].len()));
        for end in 0..block {
            let Front::Needs(needed) = unit(&bytes[..end]) else {
                panic!("{end} bytes are no unit");
            };
            assert!(end < needed && needed <= block, "{needed} at {end}");
        }
    }

    #[test]
    fn what_can_be_no_block_is_left_to_others() {
        let endless = [
            frame(HEADERS, 0, 1),
            frame(CONTINUATION, 0, 0).repeat(BLOCK_FRAMES_MAX),
        ]
        .concat();
        assert_eq!(unit(&endless), Front::Foreign);
        let broken = [frame(HEADERS, 0, 1), frame(0, 0, 1)].concat();
        assert_eq!(unit(&broken), Front::Foreign);
        assert_eq!(unit(&frame(0, 0, FRAME_BYTES_MAX + 1)), Front::Foreign);
    }
}
