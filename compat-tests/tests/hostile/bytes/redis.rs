//! What hostile clients of Redis's protocol say, as bytes.

use quorate_compat_tests::resp::command;

const KIB: usize = 1024;

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

/// Reads of the small key.
pub fn small_reads() -> Vec<u8> {
    command(&[b"GET", b"small"]).repeat(20_000)
}

/// Writes that answer what was there.
pub fn swaps() -> Vec<u8> {
    command(&[b"SET", b"swapped", &[b'x'; 4_000], b"GET"]).repeat(100)
}

/// Transactions of nothing, without end.
pub fn small_queue() -> Vec<u8> {
    [command(&[b"MULTI"]), command(&[b"PING"]).repeat(50_000)].concat()
}

pub fn pings() -> Vec<u8> {
    command(&[b"PING"]).repeat(4_000)
}

pub fn blank_lines() -> Vec<u8> {
    b"\r\n".repeat(30_000)
}

pub fn mistakes() -> Vec<u8> {
    b"nonsense\r\n".repeat(6_000)
}

pub fn hellos() -> Vec<u8> {
    command(&[b"HELLO", b"3", b"SETNAME", b"name"]).repeat(1_000)
}

pub fn passwords() -> Vec<u8> {
    command(&[b"AUTH", b"user", &[b'x'; 4_000]]).repeat(20)
}

/// As long as they may be, and longer.
pub fn names() -> Vec<u8> {
    let name = [b'n'; 100_000];
    [
        command(&[b"CLIENT", b"SETNAME", &name]),
        command(&[b"CLIENT", b"SETINFO", b"LIB-NAME", &name]),
        command(&[b"CLIENT", b"SETINFO", b"LIB-VER", &name]),
    ]
    .concat()
}

/// 50,000 watched keys.
pub fn watched_keys() -> Vec<u8> {
    let key = |number: usize| format!("key-{number}").into_bytes();
    let watch = |first: usize| {
        let keys: Vec<Vec<u8>> = (first..first + 1_000).map(key).collect();
        let words: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        command(&[&[&b"WATCH"[..]], &words[..]].concat())
    };
    (0..50).flat_map(|round| watch(round * 1_000)).collect()
}

/// A subscriber of RESP3, which may say more.
pub fn pushed() -> Vec<u8> {
    let publish = command(&[b"PUBLISH", b"own", &[b'x'; 10_000]]).repeat(50);
    let begin = [command(&[b"HELLO", b"3"]), command(&[b"SUBSCRIBE", b"own"])];
    [begin.concat(), publish].concat()
}
