//! What hostile clients of etcd's protocol say, as bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_compat_tests::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, header, request,
};

const KIB: usize = 1024;

/// A call's head, on the stream of that number.
fn call(number: usize, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream(number), &request(path))
}

fn stream(number: usize) -> u32 {
    u32::try_from(2 * number + 1).expect("few streams")
}

fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

fn message(announced: usize, bytes: &[u8]) -> Vec<u8> {
    let announced = u32::try_from(announced).expect("a length").to_be_bytes();
    [&[0][..], &announced, bytes].concat()
}

/// Calls of which six bytes have come.
pub fn half_calls(count: usize) -> Vec<u8> {
    let half = |number| {
        let six = message(1_572_863, &[0x0a]);
        [
            call(number, "/etcdserverpb.KV/Put"),
            frame(DATA, 0, stream(number), &six),
        ]
        .concat()
    };
    [greeting(), (0..count).flat_map(half).collect()].concat()
}

/// One call, and 960 KB of its message.
pub fn half_message() -> Vec<u8> {
    let head = frame(DATA, 0, 1, &message(1_500_000, &[]));
    let piece = frame(DATA, 0, 1, &[b'x'; 16 * KIB]).repeat(60);
    [greeting(), call(0, "/etcdserverpb.KV/Put"), head, piece].concat()
}

/// A frame of 16 KiB, of which all but one byte has come.
pub fn half_frame() -> Vec<u8> {
    let mut whole = frame(DATA, 0, 1, &[b'x'; 16 * KIB]);
    whole.pop();
    [greeting(), call(0, "/etcdserverpb.KV/Put"), whole].concat()
}

/// 12 KB of a block of headers.
pub fn half_headers() -> Vec<u8> {
    let block = [
        request("/etcdserverpb.KV/Put"),
        header("x", &[b'x'; 120]).repeat(100),
    ]
    .concat();
    [greeting(), frame(HEADERS, 0, 1, &block)].concat()
}

pub fn half_request() -> Vec<u8> {
    let head = b"GET /health HTTP/1.1\r\nHost: x\r\n".to_vec();
    [
        head,
        b"X-Pad: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(600),
    ]
    .concat()
}

/// Calls whose message is whole, and which nobody ends.
pub fn calls_left(count: usize) -> Vec<u8> {
    let left = |number| {
        let range = message(3, &[0x0a, 1, b'a']);
        let call = call(number, "/etcdserverpb.KV/Range");
        [call, frame(DATA, 0, stream(number), &range)].concat()
    };
    [no_window(), (0..count).flat_map(left).collect()].concat()
}

/// Streams with a watch each, on the key that is written meanwhile.
pub fn watches(count: usize) -> Vec<u8> {
    let watch = |number| {
        let create = message(7, &[0x0a, 5, 0x0a, 3, b'k', b'e', b'y']);
        let call = call(number, "/etcdserverpb.Watch/Watch");
        [call, frame(DATA, 0, stream(number), &create)].concat()
    };
    [greeting(), (0..count).flat_map(watch).collect()].concat()
}

/// Ranges of the large key, whose replies nobody lets come.
pub fn closed_windows(count: usize) -> Vec<u8> {
    let range = |number| {
        let range = message(7, &[0x0a, 5, b'l', b'a', b'r', b'g', b'e']);
        let call = call(number, "/etcdserverpb.KV/Range");
        [call, frame(DATA, END_STREAM, stream(number), &range)].concat()
    };
    [no_window(), (0..count).flat_map(range).collect()].concat()
}

/// A greeting that lets one byte of each stream come.
fn no_window() -> Vec<u8> {
    let window = [&[0, 4][..], &1_u32.to_be_bytes()].concat();
    [
        PREFACE,
        &frame(SETTINGS, 0, 0, &window),
        &frame(SETTINGS, ACK, 0, &[]),
    ]
    .concat()
}

/// A watch of a key of 30 KB on each of so many streams; no key twice.
pub fn long_watches(count: usize) -> Vec<u8> {
    static NAMED: AtomicUsize = AtomicUsize::new(0);
    // The fields create_request and key, each with its length in three bytes.
    let fields = [0x0a, 0xb4, 0xea, 1, 0x0a, 0xb0, 0xea, 1];
    let watch = |number| {
        let name = format!("{:030000}", NAMED.fetch_add(1, Ordering::Relaxed));
        let create = [&fields, name.as_bytes()].concat();
        let bytes = message(create.len(), &create);
        let (first, second) = bytes.split_at(16 * KIB);
        let call = call(number, "/etcdserverpb.Watch/Watch");
        let data = |part: &[u8]| frame(DATA, 0, stream(number), part);
        [call, data(first), data(second)].concat()
    };
    [greeting(), (0..count).flat_map(watch).collect()].concat()
}

/// Streams with a lease that is not there to keep alive, on each of them.
pub fn keep_alives(count: usize) -> Vec<u8> {
    let keep = |number| {
        let keep = message(2, &[8, 7]);
        let call = call(number, "/etcdserverpb.Lease/LeaseKeepAlive");
        [call, frame(DATA, 0, stream(number), &keep)].concat()
    };
    [greeting(), (0..count).flat_map(keep).collect()].concat()
}

/// Calls that wait for a lock that is held.
pub fn locks(count: usize) -> Vec<u8> {
    let lock = |number| {
        let lock = message(6, &[0x0a, 4, b'l', b'o', b'c', b'k']);
        let call = call(number, "/v3lockpb.Lock/Lock");
        [call, frame(DATA, END_STREAM, stream(number), &lock)].concat()
    };
    [greeting(), (0..count).flat_map(lock).collect()].concat()
}

/// Calls that are taken back at once.
pub fn resets() -> Vec<u8> {
    let reset = |number| {
        let range = message(3, &[0x0a, 1, b'a']);
        [
            call(number, "/etcdserverpb.KV/Range"),
            frame(DATA, END_STREAM, stream(number), &range),
            frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes()),
        ]
        .concat()
    };
    [greeting(), (0..2_000).flat_map(reset).collect()].concat()
}

/// A block of headers that goes on in frames with nothing in them.
pub fn continuations() -> Vec<u8> {
    let begun = frame(HEADERS, 0, 1, &request("/etcdserverpb.KV/Put"));
    let nothing = frame(CONTINUATION, 0, 1, &[]).repeat(10_000);
    [greeting(), begun, nothing].concat()
}

/// One put, and its end.
pub fn put() -> Vec<u8> {
    let put = message(6, &[0x0a, 1, b'k', 0x12, 1, b'v']);
    let call = call(0, "/etcdserverpb.KV/Put");
    [greeting(), call, frame(DATA, END_STREAM, 1, &put)].concat()
}

/// A greeting, and a call of which nothing has come.
pub fn begun() -> Vec<u8> {
    [greeting(), call(0, "/etcdserverpb.KV/Put")].concat()
}

pub fn pings() -> Vec<u8> {
    frame(PING, 0, 0, &[1; 8]).repeat(1_000)
}

pub fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]).repeat(1_000)
}

pub fn window_updates() -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(1_000)
}

pub fn empty_data() -> Vec<u8> {
    frame(DATA, 0, 1, &[]).repeat(1_000)
}

pub fn health_checks() -> Vec<u8> {
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500)
}
