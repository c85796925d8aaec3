//! Pipelines with scripts, and EXEC with subscriptions, beside the real redis-server: the bytes of
//! all replies are the same, and a pipeline of many pairs costs few entries of the log.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha1::{Digest, Sha1};

const LIMIT: Duration = Duration::from_secs(60);

const UNLOCK: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then \
                      return redis.call('del', KEYS[1]) else return 0 end";

/// Scripts that write, read, fail before and after they wrote, look at the time that is left, and
/// take long.
const SCRIPTS: [&str; 10] = [
    UNLOCK,
    "return redis.call('incr', KEYS[1])",
    "redis.call('set', KEYS[1], ARGV[1]); return redis.call('get', KEYS[1])",
    "redis.call('append', KEYS[1], 'x'); error('after a write')",
    "return redis.pcall('hset', KEYS[1], 'f', ARGV[1])",
    "return {redis.call('exists', KEYS[1]), redis.call('type', KEYS[1])}",
    "return redis.call('pttl', KEYS[1]) > 0",
    "redis.call('select', 3); return redis.call('set', KEYS[1], ARGV[1])",
    "return nosuch(",
    "local n = 0; for i = 1, 300000 do n = n + i end; redis.call('set', KEYS[1], n); return n",
];

fn words(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

fn sha1(script: &str) -> String {
    let digest = Sha1::digest(script.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends all of it and reads what comes before the answer to a last ECHO.
fn ask(address: &str, requests: &[u8]) -> Vec<u8> {
    const END: &str = "the end of it";
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut writer = stream.try_clone().expect("another handle");
    let requests = [requests, &words(&["ECHO", END])].concat();
    let end = format!("${}\r\n{END}\r\n", END.len()).into_bytes();
    std::thread::scope(|threads| {
        threads.spawn(move || writer.write_all(&requests).expect("it is sent"));
        let (mut got, mut part) = (Vec::new(), [0; 65_536]);
        while !got.ends_with(&end) {
            let count = stream.read(&mut part).expect("it answers in time");
            assert!(count > 0, "closed after {}", got.escape_ascii());
            got.extend_from_slice(&part[..count]);
        }
        got.truncate(got.len() - end.len());
        got
    })
}

fn address(servers: &Cluster) -> String {
    format!("127.0.0.1:{}", servers.ports()[0].redis)
}

fn both() -> Option<(Cluster, Cluster)> {
    let redis = have(Cluster::start_with(
        Kind::Redis,
        1,
        &["--appendfsync", "no"],
    ))?;
    Some((redis, have(Cluster::start(Kind::Quorate, 1))?))
}

/// A pipeline that is the same for the same seed.
fn pipeline(seed: u64) -> Vec<Vec<u8>> {
    let mut dice = StdRng::seed_from_u64(seed);
    let count = dice.random_range(2..400);
    // Long ones are rare: they take their time.
    let scripts = if seed.is_multiple_of(4) {
        SCRIPTS.len()
    } else {
        SCRIPTS.len() - 1
    };
    (0..count).map(|_| command(&mut dice, scripts)).collect()
}

fn command(dice: &mut StdRng, scripts: usize) -> Vec<u8> {
    let key = format!("k{}", dice.random_range(0..6));
    let value = dice.random_range(0..3).to_string();
    let script = SCRIPTS[dice.random_range(0..scripts)];
    let (key, value) = (key.as_str(), value.as_str());
    match dice.random_range(0..24) {
        0..3 => words(&["SET", key, value]),
        3 => words(&["SET", key, value, "NX", "PX", "1000000"]),
        4 => words(&["GET", key]),
        5 => words(&["INCR", key]),
        6 => words(&["HSET", key, "f", value]),
        7 => words(&["DEL", key, "k0"]),
        8 => words(&["MGET", key, "k1"]),
        9 => words(&["GET"]),
        10 => words(&["APPEND", key, value]),
        11 => words(&["EXPIRE", key, "1000"]),
        12 => words(&["EVALSHA", &sha1("return 'unknown'"), "1", key, value]),
        13 => words(&["SCRIPT", "LOAD", UNLOCK]),
        14 if dice.random_bool(0.2) => words(&["SCRIPT", "FLUSH"]),
        15 if dice.random_bool(0.3) => [
            words(&["MULTI"]),
            words(&["INCR", key]),
            words(&["EVAL", script, "1", key, value]),
            words(&["EXEC"]),
        ]
        .concat(),
        14..18 => words(&["EVALSHA", &sha1(script), "1", key, value]),
        _ => words(&["EVAL", script, "1", key, value]),
    }
}

#[test]
fn pipelines_with_scripts_are_answered_as_by_redis() {
    let Some((redis, quorate)) = both() else {
        return;
    };
    for seed in 0..60 {
        let commands = pipeline(seed);
        let requests = commands.concat();
        let start = [words(&["FLUSHALL"]), words(&["SCRIPT", "FLUSH"])].concat();
        let end = (0..6).flat_map(|n| words(&["TYPE", &format!("k{n}")]));
        let requests = [start, requests, end.collect()].concat();
        let theirs = ask(&address(&redis), &requests);
        let ours = ask(&address(&quorate), &requests);
        let at = theirs.iter().zip(&ours).take_while(|(a, b)| a == b).count();
        let around = |bytes: &[u8]| bytes[at.saturating_sub(60)..bytes.len().min(at + 60)].to_vec();
        assert_eq!(
            ours.escape_ascii().to_string().len(),
            theirs.escape_ascii().to_string().len(),
            "seed {seed}: {:?} and {:?}",
            around(&ours).escape_ascii().to_string(),
            around(&theirs).escape_ascii().to_string()
        );
        assert!(ours == theirs, "seed {seed}, byte {at}");
    }
}

/// Entries of the log so far.
fn entries(servers: &Cluster) -> u64 {
    let info = ask(&address(servers), &words(&["INFO", "replication"]));
    let info = String::from_utf8_lossy(&info).into_owned();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("master_repl_offset:"));
    line.and_then(|count| count.trim().parse().ok())
        .expect("a count")
}

#[test]
fn a_lock_and_its_script_again_and_again_cost_few_entries() {
    const PAIRS: usize = 20_000;
    let redis = have(Cluster::start(Kind::Redis, 1));
    let Some((redis, quorate)) = redis.zip(have(Cluster::start(Kind::Quorate, 1))) else {
        return;
    };
    let sha1 = sha1(UNLOCK);
    let mut requests = words(&["SCRIPT", "LOAD", UNLOCK]);
    for pair in 0..PAIRS {
        let (key, token) = (format!("lock:{}", pair % 100), format!("token:{pair}"));
        requests.extend(words(&["SET", &key, &token, "NX", "PX", "30000"]));
        requests.extend(words(&["EVALSHA", &sha1, "1", &key, &token]));
    }
    let before = entries(&quorate);
    for (name, servers) in [("redis-server", &redis), ("quorate", &quorate)] {
        let started = Instant::now();
        let replies = ask(&address(servers), &requests);
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{name}: {:.0} commands a second",
            2.0 * PAIRS as f64 / seconds
        );
        let each = b"+OK\r\n:1\r\n".repeat(PAIRS);
        assert!(
            replies.ends_with(&each),
            "each lock is taken and given back"
        );
    }
    let made = entries(&quorate) - before;
    assert!(made < PAIRS as u64 / 10, "{made} entries");
}

/// The token of a lock is known once the lock is; no pipeline with a script in it must be quicker.
#[test]
fn the_token_of_a_lock_taken_in_the_same_pipeline_is_told() {
    let Some(quorate) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let requests = [
        words(&["SET", "lock", "me", "NX", "PX", "30000"]),
        words(&["LOCK.TOKEN", "lock", "me"]),
        words(&["EVAL", UNLOCK, "1", "lock", "me"]),
    ];
    let replies = ask(&address(&quorate), &requests.concat());
    let replies = String::from_utf8_lossy(&replies).into_owned();
    let lines: Vec<&str> = replies.lines().collect();
    let ["+OK", token, ":1"] = lines.as_slice() else {
        panic!("{replies}");
    };
    let token = token.strip_prefix(':').and_then(|token| token.parse().ok());
    assert!(token.is_some_and(|token: i64| token > 0), "{replies}");
}

/// What stands between MULTI and EXEC.
const SUBSCRIBING: &[&[&[&str]]] = &[
    &[&["SUBSCRIBE", "c"], &["PUBLISH", "c", "m"], &["GET", "k"]],
    &[
        &["PUBLISH", "c", "a"],
        &["SUBSCRIBE", "c"],
        &["PUBLISH", "c", "b"],
    ],
    &[
        &["SUBSCRIBE", "c", "d"],
        &["PUBLISH", "c", "b"],
        &["UNSUBSCRIBE", "c"],
        &["PUBLISH", "c", "no"],
        &["PUBLISH", "d", "yes"],
    ],
    &[
        &["PSUBSCRIBE", "c*"],
        &["SUBSCRIBE", "c"],
        &["PUBLISH", "c", "b"],
        &[
            "EVAL",
            "redis.call('publish', 'c', 'x'); return redis.call('publish', 'cc', 'y')",
            "0",
        ],
    ],
    &[
        &["SUBSCRIBE", "c"],
        &["UNSUBSCRIBE", "c"],
        &["PUBLISH", "c", "no"],
    ],
    &[
        &["SUBSCRIBE", "c"],
        &["SET", "k", "v"],
        &["INCR", "k"],
        &["PUBLISH", "c", "m"],
    ],
    &[
        &["PUBLISH", "c", "m"],
        &["PUBLISH", "c", "m"],
        &["SUBSCRIBE", "c"],
        &["PUBLISH", "c", "m"],
    ],
    &[
        &["PUBLISH", "before", "heard"],
        &["UNSUBSCRIBE", "before"],
        &["PUBLISH", "before", "not"],
    ],
];

/// Each script takes long enough to let others have their turn behind it. There is nothing to send
/// then, and nothing comes any more: who waits for one of the two waits for ever.
#[test]
fn what_stands_behind_slow_commands_without_answers_is_carried_out() {
    let Some((redis, quorate)) = both() else {
        return;
    };
    let slow = words(&["EVAL", SCRIPTS[9], "1", "slow"]);
    let silent = [words(&["CLIENT", "REPLY", "SKIP"]), slow.clone()].concat();
    let requests = [silent.repeat(5), words(&["SET", "last", "1"])].concat();
    for servers in [&redis, &quorate] {
        let mut stream = TcpStream::connect(address(servers)).expect("a server");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        stream.write_all(&requests).expect("it is sent");
        let mut told = [0; 5];
        stream.read_exact(&mut told).expect("it answers in time");
        assert_eq!(&told, b"+OK\r\n");
        // Who says that it has no more to say is answered all the same.
        let requests = [slow.repeat(3), words(&["GET", "last"])].concat();
        stream.write_all(&requests).expect("it is sent");
        stream.shutdown(std::net::Shutdown::Write).expect("it ends");
        let mut told = Vec::new();
        stream.read_to_end(&mut told).expect("it answers in time");
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(told.ends_with("$1\r\n1\r\n"), "{told:?}");
        assert_eq!(told.matches(':').count(), 3, "{told:?}");
    }
}

#[test]
fn subscriptions_in_exec_take_effect_at_their_place() {
    let Some((redis, quorate)) = both() else {
        return;
    };
    for protocol in ["2", "3"] {
        for case in SUBSCRIBING {
            let mut requests = Vec::new();
            if protocol == "3" {
                requests.extend(words(&["HELLO", "3"]));
                requests.extend(words(&["SUBSCRIBE", "before"]));
            }
            requests.extend(words(&["MULTI"]));
            case.iter()
                .for_each(|command| requests.extend(words(command)));
            requests.extend(words(&["EXEC"]));
            requests.extend(words(&["UNSUBSCRIBE", "c", "d"]));
            requests.extend(words(&["PUNSUBSCRIBE", "c*"]));
            let told = |servers: &Cluster| {
                let bytes = ask(&address(servers), &requests);
                let text = bytes.escape_ascii().to_string();
                // HELLO tells ids.
                let start = text.find("+QUEUED").expect("it is queued");
                text[start..].to_owned()
            };
            assert_eq!(told(&quorate), told(&redis), "RESP{protocol}: {case:?}");
        }
    }
}

#[test]
fn what_a_script_reads_is_not_counted_as_written() {
    let Some(quorate) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let looks = "local n = 0 for i = 1, 100000 do \
                 n = n + redis.call('exists', 'some:long:prefix:key:' .. i) end \
                 redis.call('set', 'sum', n) return n";
    let lives = "local n = 0 for i = 1, 50000 do \
                 if redis.call('ttl', 'some:long:prefix:key:' .. i) == -2 then n = n + 1 end end \
                 redis.call('set', 'sum', n) return n";
    let mut requests = Vec::new();
    for key in 1..=1_000 {
        requests.extend(words(&[
            "SET",
            &format!("some:long:prefix:key:{key}"),
            "v",
            "EX",
            "1000",
        ]));
    }
    requests.extend(words(&["EVAL", looks, "0"]));
    requests.extend(words(&["EVAL", lives, "0"]));
    let replies = ask(&address(&quorate), &requests);
    let tail = replies[replies.len().saturating_sub(40)..]
        .escape_ascii()
        .to_string();
    assert!(replies.ends_with(b":1000\r\n:49000\r\n"), "{tail}");
}

/// Writers add 1 to two keys at once; who reads all keys at one instant finds an even sum.
#[test]
fn what_a_script_reads_of_many_keys_is_of_one_instant() {
    const ROUNDS: usize = 100;
    let Some(quorate) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let sum = "local n = 0 for i = 1, 4000 do n = n + (redis.call('get', 'count:' .. i) or 0) end \
               redis.call('set', 'sum', n) return n";
    let address = address(&quorate);
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for round in 0..ROUNDS {
                let key = |step: usize| format!("count:{}", 1 + (round * step) % 4_000);
                let add = [
                    words(&["MULTI"]),
                    words(&["INCR", &key(7)]),
                    words(&["INCR", &key(1_999)]),
                    words(&["EXEC"]),
                ];
                ask(&address, &add.concat());
            }
        });
        let mut is_over = false;
        while !is_over {
            is_over = writer.is_finished();
            let reply = ask(&address, &words(&["EVAL", sum, "0"]));
            let told = String::from_utf8_lossy(&reply).into_owned();
            let number: Option<u64> = told.trim().strip_prefix(':').and_then(|n| n.parse().ok());
            let number = number.unwrap_or_else(|| panic!("{told}"));
            assert_eq!(number % 2, 0, "torn");
            assert!(!is_over || number == 2 * ROUNDS as u64, "{number}");
        }
    });
}
