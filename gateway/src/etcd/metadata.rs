//! What a call brings beside its message: counted while the call is under way, and bounded. More
//! ends the call with an error of gRPC's, up to what the listener takes at all; its connection and
//! what else goes on there are not touched.

use http::HeaderMap;
use tonic::Status;

use super::error;

/// Names and values of a call, gRPC's own among them (grpc-go: 16 MiB).
const BYTES_MAX: usize = 1024 * 1024 + OWN_BYTES;
/// Room for gRPC's own, so that a client has all of the rest.
const OWN_BYTES: usize = 16 * 1024;
/// What a field takes in memory beside them.
const FIELD_BYTES: usize = 128;

/// About the memory of a call's metadata.
///
/// # Errors
/// If it is too much.
pub fn memory(headers: &HeaderMap) -> Result<usize, Status> {
    let fields = headers.iter();
    let bytes: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    match bytes > BYTES_MAX {
        true => Err(error::metadata_too_large(bytes, BYTES_MAX)),
        false => Ok(bytes + FIELD_BYTES * headers.len()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tonic::Code;

    use super::*;

    #[test]
    fn a_mebibyte_is_taken_and_counted_and_more_ends_the_call() {
        let mut headers = HeaderMap::new();
        headers.insert("te", HeaderValue::from_static("trailers"));
        assert!(memory(&headers).expect("taken") < 1024);

        let baggage = |bytes| HeaderValue::from_str(&"x".repeat(bytes)).expect("a value");
        headers.insert("baggage", baggage(1024 * 1024));
        assert!(memory(&headers).expect("taken") > 1024 * 1024);
        headers.insert("more", baggage(OWN_BYTES));
        let refused = memory(&headers).expect_err("too much");
        assert_eq!(refused.code(), Code::ResourceExhausted);
    }
}
