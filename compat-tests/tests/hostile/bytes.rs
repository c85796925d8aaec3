//! What hostile clients say, as bytes.

use quorate_compat_tests::http2::{
    ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, header, request,
};
use quorate_compat_tests::resp::command;

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

/// 960 KB of a command of 1.5 MB.
pub fn half_command() -> Vec<u8> {
    let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1500000\r\n".to_vec();
    bytes.resize(bytes.len() + 960 * KIB, b'x');
    bytes
}

pub fn half_line() -> Vec<u8> {
    [b"SET k ".to_vec(), vec![b'x'; 6 * KIB]].concat()
}

/// Of a million arguments, 100 KB.
pub fn half_list() -> Vec<u8> {
    [b"*1000000\r\n".to_vec(), b"$1\r\nx\r\n".repeat(15_000)].concat()
}

/// A transaction of 200 KB that is never carried out.
pub fn queue() -> Vec<u8> {
    let set = command(&[b"SET", b"k", &[b'x'; 2 * KIB]]);
    [command(&[b"MULTI"]), set.repeat(100)].concat()
}

/// Reads of the large key.
pub fn reads(count: usize) -> Vec<u8> {
    command(&[b"GET", b"large"]).repeat(count)
}

pub fn subscription() -> Vec<u8> {
    command(&[b"SUBSCRIBE", b"news"])
}

/// What a member says first, but for its end; then it is silent.
pub fn half_hello() -> Vec<u8> {
    vec![b'Q'; 8]
}
