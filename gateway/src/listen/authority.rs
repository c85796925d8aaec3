//! Odd `:authority` values, made harmless before HTTP/2 sees them.
//!
//! clientv3 3.5.0 sends `#initially=[127.0.0.1:2379]` there, and clients of unix sockets a path.
//! grpc-go never looks at it; the h2 crate resets the stream. So each block of headers is looked
//! through as it comes in, and an authority that is none has its forbidden bytes replaced by
//! dashes: nothing here depends on it. The length stays, so that both ends' tables of headers
//! keep equal sizes, and later references to the entry find the harmless value.

use http::uri::Authority;

use super::frames::{self, FRAME_BYTES_MAX, FRAME_HEAD_BYTES};
use super::hpack;

const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// The block of headers with a harmless authority; None if it has no harmful one. It is looked for
/// in the block's first frame.
pub(super) fn harmless(block: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = block.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    let (payload, more) = rest.split_at_checked(frames::length(head))?;
    let flags = head[4];
    let (mut start, mut end) = (0, payload.len());
    if flags & PADDED != 0 {
        end = end.checked_sub(usize::from(*payload.first()?))?;
        start += 1;
    }
    if flags & PRIORITY != 0 {
        start += 5;
    }
    let literal = hpack::find_authority(payload.get(start..end)?)?;
    if literal.value.is_empty() || Authority::try_from(literal.value.as_slice()).is_ok() {
        return None;
    }
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let dashed = literal
        .value
        .iter()
        .map(|&byte| if is_kept(byte) { byte } else { b'-' });
    let dashed: Vec<u8> = dashed.collect();
    let mut frame = head.to_vec();
    frame.extend_from_slice(&payload[..start + literal.start]);
    hpack::plain_string(&dashed, &mut frame);
    frame.extend_from_slice(&payload[start + literal.end..]);
    let len = frame.len() - FRAME_HEAD_BYTES;
    if len > FRAME_BYTES_MAX {
        return None;
    }
    frame[..3].copy_from_slice(&(len as u32).to_be_bytes()[1..]);
    frame.extend_from_slice(more);
    Some(frame)
}
