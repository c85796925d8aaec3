//! What strangers say on the port for members, as bytes.

/// What a member says first, but for its end; then it is silent.
pub fn half_hello() -> Vec<u8> {
    vec![b'Q'; 8]
}

pub fn nonsense() -> Vec<u8> {
    b"nonsense".repeat(2_000)
}
