//! What a call brings beside its message: counted while the call is under way, and bounded. More
//! ends the call with an error of gRPC's, up to what the listener takes at all; its connection and
//! what else goes on there are not touched.

use http::HeaderMap;
use tonic::Status;

use super::error;
use super::large_reply::room;
use crate::listen::Held;

/// Names and values of a call, gRPC's own among them (grpc-go: 16 MiB).
const BYTES_MAX: usize = 1024 * 1024 + OWN_BYTES;
/// Room for gRPC's own, so that a client has all of the rest.
const OWN_BYTES: usize = 16 * 1024;
/// What a field takes in memory beside them.
const FIELD_BYTES: usize = 128;
/// So little needs no counting: nearly every call.
const SMALL_BYTES: usize = 2048;

/// Counts the metadata of a call in `held`, once there is room.
///
/// # Errors
/// If it is too much, or there is too much under way for others.
pub async fn take(headers: &HeaderMap, held: &mut Held) -> Result<(), Status> {
    let fields = headers.iter();
    let bytes: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > BYTES_MAX {
        return Err(error::metadata_too_large(bytes, BYTES_MAX));
    }
    let memory = bytes + FIELD_BYTES * headers.len();
    if memory <= SMALL_BYTES {
        return Ok(());
    }
    match room(held, memory).await {
        true => Ok(()),
        false => Err(error::TOO_MANY_REQUESTS.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::HeaderValue;
    use tonic::Code;

    use super::*;
    use crate::listen::Load;

    #[tokio::test]
    async fn a_mebibyte_is_taken_and_counted_and_more_ends_the_call() {
        let load = Arc::<Load>::default();
        let mut held = load.admit().expect("few connections").hold();
        let mut headers = HeaderMap::new();
        headers.insert("te", HeaderValue::from_static("trailers"));
        take(&headers, &mut held).await.expect("taken");
        assert_eq!(load.bytes(), 0);

        let baggage = |bytes| HeaderValue::from_str(&"x".repeat(bytes)).expect("a value");
        headers.insert("baggage", baggage(1024 * 1024));
        take(&headers, &mut held).await.expect("taken");
        assert!(load.bytes() > 1024 * 1024);
        headers.insert("more", baggage(OWN_BYTES));
        let refused = take(&headers, &mut held).await.expect_err("too much");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        drop(held);
        assert_eq!(load.bytes(), 0);
    }
}
