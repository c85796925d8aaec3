//! Scripts that loop, swallow errors, eat memory, recurse: each ends with an error that says so,
//! many at once on many connections.

use quorate_compat_tests::resp::{Resp, command};

/// What the error begins with, and the script.
type Case = (&'static str, &'static str);

const TIME: &str = "-ERR Script ran ";
const MEMORY: &str = "-ERR not enough memory";

/// Each of these takes all the time that a script may take.
const ENDLESS: &[Case] = &[
    (TIME, "while true do end"),
    (
        TIME,
        "while true do pcall(function() while true do end end) end",
    ),
    (
        TIME,
        "return string.find(string.rep('a', 30000), string.rep('a-', 200) .. 'b')",
    ),
    (
        TIME,
        "while true do redis.pcall('nosuch') pcall(string.rep, 'x', 1e9) end",
    ),
];

const GREEDY: &[Case] = &[
    (MEMORY, "return string.rep('x', 1e9)"),
    (MEMORY, "local s = 'x' while true do s = s .. s end"),
    (MEMORY, "local t = {} while true do t[#t + 1] = {} end"),
    (
        MEMORY,
        "return string.gsub(string.rep('x', 1e6), 'x', string.rep('y', 1000))",
    ),
    (
        MEMORY,
        "local t, s = {}, string.rep('x', 1e6) for i = 1, 1000 do t[i] = s end \
              return table.concat(t)",
    ),
    (
        MEMORY,
        "local s = string.rep('/', 7e6) return cjson.encode({s, s})",
    ),
    (
        MEMORY,
        "return cjson.decode('[' .. string.rep('1,', 5e6) .. '1]')",
    ),
    (
        MEMORY,
        "return cmsgpack.pack(string.rep('x', 9e6), string.rep('y', 7e6))",
    ),
    (
        "-ERR user_script:1: Cannot serialise, excessive nesting",
        "local t = {} local top = t for i = 1, 1e5 do t[1] = {} t = t[1] end \
      return cjson.encode(top)",
    ),
    (
        "-ERR user_script:1: Found too many nested data structures",
        "return cjson.decode(string.rep('[', 1e6))",
    ),
    (
        "-ERR user_script:1: invalid format",
        "return string.format('%999999999d', 1)",
    ),
    (
        "-ERR user_script:1: stack overflow",
        "local function f(n) return 1 + f(n + 1) end return f(1)",
    ),
    (
        "-ERR The reply of the script is too large",
        "local t, s = {}, string.rep('x', 1e6) for i = 1, 1000 do t[i] = s end return t",
    ),
    (
        "-ERR request is too large",
        "local v = string.rep('x', 1e6) for i = 1, 1000 do redis.call('set', 'k' .. i, v) end",
    ),
    (
        "-ERR too much is read and written at once",
        "local k = string.rep('k', 1e5) for i = 1, 1e7 do redis.call('get', i .. k) end",
    ),
    (
        "-ERR request is too large",
        "local v = string.rep('x', 1e6) for i = 1, 4 do redis.call('set', 'k' .. i, v) end",
    ),
    (
        "-ERR string exceeds maximum allowed size",
        "local v = string.rep('x', 1e6) for i = 1, 9 do redis.call('append', 'a', v) end",
    ),
];

/// Connections that have the same greedy script at once.
const AT_ONCE: usize = 3;

pub fn greedy(port: u16) {
    let mut clients: Vec<Resp> = (0..AT_ONCE).map(|_| Resp::connect(port)).collect();
    for (said, script) in GREEDY {
        let eval = command(&[b"EVAL", script.as_bytes(), b"0"]);
        clients.iter_mut().for_each(|client| client.send(&eval));
        for client in &mut clients {
            let answer = client.answer();
            assert!(answer.starts_with(said), "{script}\nsaid {answer}");
        }
    }
    // What an error ends has written up to there, as in Redis; what is refused has not.
    assert_eq!(clients[0].ask(&[b"DEL", b"a"]), ":1|");
    assert_eq!(clients[0].ask(&[b"EXISTS", b"k1", b"k2"]), ":0|");
}

/// All at once: they share what threads there are, and end one after the other.
pub fn endless(port: u16) {
    let run = |(said, script): &Case| {
        let mut client = Resp::connect(port);
        client.send(&command(&[b"EVAL", script.as_bytes(), b"0"]));
        (client, *said, *script)
    };
    for (mut client, said, script) in ENDLESS.iter().map(run).collect::<Vec<_>>() {
        let answer = client.answer();
        assert!(answer.starts_with(said), "{script}\nsaid {answer}");
    }
}

/// Scripts are kept for EVALSHA, but not without end.
pub fn many_texts(port: u16) {
    let mut client = Resp::connect(port);
    let padding = "x".repeat(1_000_000);
    for number in 0..40 {
        let text = format!("return {number} --{padding}");
        let loaded = client.ask(&[b"SCRIPT", b"LOAD", text.as_bytes()]);
        assert!(loaded.starts_with("$40|"), "{loaded}");
        let sha1 = loaded[4..44].to_owned();
        let run = client.ask(&[b"EVALSHA", sha1.as_bytes(), b"0"]);
        assert_eq!(run, format!(":{number}|"), "the newest is always there");
    }
}
