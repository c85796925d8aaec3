//! What is no RESP, or no command: each gets Redis's own words, from redis-server too.

use quorate_compat_tests::resp::{Resp, command};

/// Bytes, and what the server says until it closes or, `+PONG` being the last, goes on.
type Case = (&'static [u8], &'static str);

const BROKEN: &[Case] = &[
    (
        b"*2147483648\r\n",
        "-ERR Protocol error: invalid multibulk length|<closed>",
    ),
    (
        b"*99999999999999999999\r\n",
        "-ERR Protocol error: invalid multibulk length|<closed>",
    ),
    (
        b"*x\r\n",
        "-ERR Protocol error: invalid multibulk length|<closed>",
    ),
    (
        b"*1\r\n$2147483647\r\n",
        "-ERR Protocol error: invalid bulk length|<closed>",
    ),
    (
        b"*1\r\n$-7\r\n",
        "-ERR Protocol error: invalid bulk length|<closed>",
    ),
    (
        b"*1\r\n$x\r\n",
        "-ERR Protocol error: invalid bulk length|<closed>",
    ),
    (
        b"*1\r\n:5\r\n",
        "-ERR Protocol error: expected '$', got ':'|<closed>",
    ),
    (
        b"GET \"a\r\n",
        "-ERR Protocol error: unbalanced quotes in request|<closed>",
    ),
    (b"POST / HTTP/1.1\r\n", "<closed>"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "<closed>"),
];

/// The beginning of a client's hello.
pub const TLS_HELLO: &[u8] = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03";

/// Each is followed by a PING.
const ANSWERED: &[Case] = &[
    (b"*-5\r\n", "+PONG|"),
    (b"*0\r\n\r\n", "+PONG|"),
    (
        b"NOSUCH a b\r\n",
        "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' |+PONG|",
    ),
    (
        b"GET\r\n",
        "-ERR wrong number of arguments for 'get' command|+PONG|",
    ),
    (
        b"SET a\r\n",
        "-ERR wrong number of arguments for 'set' command|+PONG|",
    ),
    (
        b"CLIENT NOSUCH\r\n",
        "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.|+PONG|",
    ),
    (
        b"SET a b EX x\r\n",
        "-ERR value is not an integer or out of range|+PONG|",
    ),
    (
        b"SET a b EX 0\r\n",
        "-ERR invalid expire time in 'set' command|+PONG|",
    ),
    (
        b"SET a b EX 99999999999999999\r\n",
        "-ERR invalid expire time in 'set' command|+PONG|",
    ),
    (b"SET a b NX XX\r\n", "-ERR syntax error|+PONG|"),
    (
        b"DEL h\r\nHSET h f v\r\nINCR h\r\n",
        ":0|:1|-WRONGTYPE Operation against a key holding the wrong kind of value|+PONG|",
    ),
    (
        b"SET s x\r\nHGET s f\r\nINCR s\r\nDEL s h\r\n",
        "+OK|-WRONGTYPE Operation against a key holding the wrong kind of value|\
      -ERR value is not an integer or out of range|:2|+PONG|",
    ),
    (b"SELECT 99999\r\n", "-ERR DB index is out of range|+PONG|"),
    (
        b"SETRANGE k 536870912 x\r\n",
        "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|+PONG|",
    ),
    (
        b"EVAL \"return 1\" -1\r\n",
        "-ERR Number of keys can't be negative|+PONG|",
    ),
    (
        b"EVAL \"return 1\" 5 a\r\n",
        "-ERR Number of keys can't be greater than number of args|+PONG|",
    ),
    (
        b"EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nNOSUCH\r\nEXEC\r\n",
        "-ERR EXEC without MULTI|-ERR DISCARD without MULTI|+OK|-ERR MULTI calls can not be nested|\
      -ERR unknown command 'NOSUCH', with args beginning with: |\
      -EXECABORT Transaction discarded because of previous errors.|+PONG|",
    ),
    (
        b"\xff\xfe\x80\r\n",
        "-ERR unknown command '\u{fffd}\u{fffd}\u{fffd}', with args beginning with: |+PONG|",
    ),
    (
        b"SET \xff\xfe \xc3\x28\r\nGET \xff\xfe\r\nDEL \xff\xfe\r\n",
        "+OK|$2|\u{fffd}(|:1|+PONG|",
    ),
    (
        b"EVAL \"return '\xff\xfe'\" 0\r\n",
        "$2|\u{fffd}\u{fffd}|+PONG|",
    ),
    (
        b"EVAL \"\xff\xfe\" 0\r\n",
        "-ERR Error compiling script (new function): user_script:1: unexpected symbol near \
      '\u{fffd}'|+PONG|",
    ),
];

/// Plays it on a server, ours or Redis.
pub fn play(port: u16) {
    let mut wrong = Vec::new();
    let mut check = |bytes: &[u8], got: String, said: &str| {
        if got != said {
            wrong.push(format!("{}\n  {got}\n  {said}", bytes.escape_ascii()));
        }
    };
    for (bytes, said) in BROKEN {
        let mut client = Resp::connect(port);
        client.send(bytes);
        check(bytes, client.rest(), said);
    }
    let mut client = Resp::connect(port);
    for (bytes, said) in ANSWERED {
        client.send(&[bytes, &b"PING\r\n"[..]].concat());
        let mut answers = client.answer();
        while !answers.ends_with("+PONG|") {
            answers += &client.answer();
        }
        check(bytes, answers, said);
    }
    assert!(
        wrong.is_empty(),
        "sent, said, expected:\n{}",
        wrong.join("\n")
    );
    too_long_a_line(port);
}

/// Neither a command nor a header goes on for ever.
fn too_long_a_line(port: u16) {
    let lines: [(&[u8], &str); 3] = [
        (b"", "-ERR Protocol error: too big inline request|<closed>"),
        (
            b"*",
            "-ERR Protocol error: too big mbulk count string|<closed>",
        ),
        (
            b"*1\r\n$",
            "-ERR Protocol error: too big bulk count string|<closed>",
        ),
    ];
    for (begin, said) in lines {
        let mut client = Resp::connect(port);
        client.send(&[begin, &vec![b'1'; 70 * 1024]].concat());
        assert_eq!(client.rest(), said);
    }
}

/// Not RESP at all, and of no use to wait for: told and closed. Redis waits for the end of a line.
pub fn tls(port: u16) {
    let mut client = Resp::connect(port);
    client.send(TLS_HELLO);
    let said = "-ERR Protocol error: a TLS handshake, but TLS is not spoken here|<closed>";
    assert_eq!(client.rest(), said);
}

/// Keys and values over what a request may hold: refused, and the connection goes on. Redis takes
/// them.
pub fn too_large(port: u16) {
    let large = vec![b'x'; 1_700_000];
    let refused = "-ERR request is too large (at most 1572864 bytes)|";
    let mut client = Resp::connect(port);
    let large = &large[..];
    let refused_words: [&[&[u8]]; 3] = [
        &[b"SET", b"k", large],
        &[b"SET", large, b"v"],
        &[b"GET", large],
    ];
    for words in refused_words {
        assert_eq!(client.ask(words), refused);
        assert_eq!(client.ask(&[b"PING"]), "+PONG|");
    }
    let just = vec![b'x'; 1_500_000];
    assert_eq!(client.ask(&[b"SET", b"k", &just]), "+OK|");
    assert_eq!(client.ask(&[b"STRLEN", b"k"]), ":1500000|");
    assert_eq!(
        client.ask(&[b"APPEND", b"k", &just]),
        "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|"
    );
    assert_eq!(client.ask(&[b"DEL", b"k"]), ":1|");
}

/// A frame cut at every byte, and the connection closed or left open.
pub fn cut(port: u16) -> Vec<Resp> {
    let whole = command(&[b"SET", b"cut", b"never"]);
    let mut left_open = Vec::new();
    for end in 1..whole.len() {
        for closes in [true, false] {
            let mut client = Resp::connect(port);
            client.send(&whole[..end]);
            if !closes {
                left_open.push(client);
            }
        }
    }
    assert_eq!(Resp::connect(port).ask(&[b"EXISTS", b"cut"]), ":0|");
    left_open
}
