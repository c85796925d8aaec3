//! The commands that are played, in words and as what the model carries out.

use rand::Rng;
use rand::rngs::StdRng;

/// Which of the keys of a round.
pub type Key = usize;
pub const KEYS: usize = 3;

const VALUES: [&str; 4] = ["1", "7", "x", "2.5"];
const FIELDS: [&str; 2] = ["f", "g"];

/// One command on data.
#[derive(Clone, Debug)]
pub enum Call {
    Set(Key, &'static str),
    SetGet(Key, &'static str),
    SetNx(Key, &'static str),
    GetSet(Key, &'static str),
    GetDel(Key),
    GetEx(Key),
    Get(Key),
    Append(Key),
    SetRange(Key),
    StrLen(Key),
    IncrBy(Key, i64),
    /// By a half.
    IncrByFloat(Key),
    Del(Key, Key),
    Exists(Key, Key),
    MSet(Key, Key, &'static str),
    MSetNx(Key, Key, &'static str),
    MGet(Key, Key),
    Rename(Key, Key),
    HSet(Key, &'static str, &'static str),
    HSetNx(Key, &'static str, &'static str),
    HGet(Key, &'static str),
    HDel(Key, &'static str),
    HLen(Key),
    HIncrBy(Key, &'static str, i64),
    HIncrByFloat(Key, &'static str),
    /// A script: deletes the key if it holds the value, as locks are given back.
    DeleteIf(Key, &'static str),
    /// A script: the second key gets the first one's string, which goes.
    Move(Key, Key),
    /// A script: counts the keys of all that there are; it reads them, and writes how many.
    CountInto(Key),
}

/// What a client does at once.
#[derive(Clone, Debug)]
pub enum Act {
    Call(Call),
    Multi(Vec<Call>),
    /// WATCH and GET of a key, then MULTI: `seen` is what GET told.
    Watched {
        key: Key,
        seen: Option<Vec<u8>>,
        calls: Vec<Call>,
    },
}

fn one<T: Copy>(dice: &mut StdRng, of: &[T]) -> T {
    of[dice.random_range(0..of.len())]
}

fn one_call(dice: &mut StdRng) -> Call {
    let key = dice.random_range(0..KEYS);
    let other = dice.random_range(0..KEYS);
    let value = one(dice, &VALUES);
    let field = one(dice, &FIELDS);
    match dice.random_range(0..28) {
        0 => Call::Set(key, value),
        1 => Call::SetGet(key, value),
        2 => Call::SetNx(key, value),
        3 => Call::GetSet(key, value),
        4 => Call::GetDel(key),
        5 => Call::GetEx(key),
        6 => Call::Get(key),
        7 => Call::Append(key),
        8 => Call::SetRange(key),
        9 => Call::StrLen(key),
        10 => Call::IncrBy(key, dice.random_range(-3..4)),
        11 => Call::IncrByFloat(key),
        12 => Call::Del(key, other),
        13 => Call::Exists(key, other),
        14 => Call::MSet(key, other, value),
        15 => Call::MSetNx(key, other, value),
        16 => Call::MGet(key, other),
        17 => Call::Rename(key, other),
        18 => Call::HSet(key, field, value),
        19 => Call::HSetNx(key, field, value),
        20 => Call::HGet(key, field),
        21 => Call::HDel(key, field),
        22 => Call::HLen(key),
        23 => Call::HIncrBy(key, field, dice.random_range(-3..4)),
        24 => Call::HIncrByFloat(key, field),
        25 => Call::DeleteIf(key, value),
        26 => Call::Move(key, other),
        _ => Call::CountInto(key),
    }
}

/// Any command or MULTI; one that is watched has not been seen yet.
pub fn any(dice: &mut StdRng) -> Act {
    let calls = |dice: &mut StdRng| {
        let count = dice.random_range(1..4);
        (0..count).map(|_| one_call(dice)).collect()
    };
    match dice.random_range(0..10) {
        0 | 1 => Act::Multi(calls(dice)),
        2 => Act::Watched {
            key: dice.random_range(0..KEYS),
            seen: None,
            calls: calls(dice),
        },
        _ => Act::Call(one_call(dice)),
    }
}

/// A script, mostly; some wait for the same keys and are carried out together.
pub fn mostly_scripts(dice: &mut StdRng) -> Act {
    let key = dice.random_range(0..KEYS);
    let other = dice.random_range(0..KEYS);
    match dice.random_range(0..10) {
        0..3 => Act::Call(Call::DeleteIf(key, one(dice, &VALUES))),
        3..6 => Act::Call(Call::CountInto(key)),
        6..9 => Act::Call(Call::Move(key, other)),
        _ => any(dice),
    }
}

/// What is there, as a MULTI that reads it all.
pub fn everything() -> Act {
    let reads = |key| {
        let of_fields = FIELDS.map(|field| Call::HGet(key, field));
        [Call::Get(key), Call::HLen(key)]
            .into_iter()
            .chain(of_fields)
    };
    Act::Multi((0..KEYS).flat_map(reads).collect())
}

const DELETE_IF: &str = "local v = redis.pcall('get', KEYS[1]) \
    if v == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
const MOVE: &str = "local v = redis.call('get', KEYS[1]) if not v then return false end \
    redis.call('del', KEYS[1]) redis.call('set', KEYS[2], v) return v";
const COUNT_INTO: &str = "local n = 0 \
    for i = 1, #ARGV do n = n + redis.call('exists', ARGV[i]) end \
    redis.call('set', KEYS[1], n) return n";

impl Call {
    /// Its words, with the names that the keys have in a round.
    pub fn words(&self, round: usize) -> Vec<String> {
        let name = |key: &Key| format!("round{round}:{key}");
        let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Call::Set(key, value) => all(&["SET", &name(key), value]),
            Call::SetGet(key, value) => all(&["SET", &name(key), value, "GET"]),
            Call::SetNx(key, value) => all(&["SET", &name(key), value, "NX"]),
            Call::GetSet(key, value) => all(&["GETSET", &name(key), value]),
            Call::GetDel(key) => all(&["GETDEL", &name(key)]),
            Call::GetEx(key) => all(&["GETEX", &name(key), "EX", "1000"]),
            Call::Get(key) => all(&["GET", &name(key)]),
            Call::Append(key) => all(&["APPEND", &name(key), "x"]),
            Call::SetRange(key) => all(&["SETRANGE", &name(key), "1", "y"]),
            Call::StrLen(key) => all(&["STRLEN", &name(key)]),
            Call::IncrBy(key, by) => all(&["INCRBY", &name(key), &by.to_string()]),
            Call::IncrByFloat(key) => all(&["INCRBYFLOAT", &name(key), "0.5"]),
            Call::Del(key, other) => all(&["DEL", &name(key), &name(other)]),
            Call::Exists(key, other) => all(&["EXISTS", &name(key), &name(other)]),
            Call::MSet(key, other, value) => all(&["MSET", &name(key), value, &name(other), value]),
            Call::MSetNx(key, other, value) => {
                all(&["MSETNX", &name(key), value, &name(other), value])
            }
            Call::MGet(key, other) => all(&["MGET", &name(key), &name(other)]),
            Call::Rename(key, other) => all(&["RENAME", &name(key), &name(other)]),
            Call::HSet(key, field, value) => all(&["HSET", &name(key), field, value]),
            Call::HSetNx(key, field, value) => all(&["HSETNX", &name(key), field, value]),
            Call::HGet(key, field) => all(&["HGET", &name(key), field]),
            Call::HDel(key, field) => all(&["HDEL", &name(key), field]),
            Call::HLen(key) => all(&["HLEN", &name(key)]),
            Call::HIncrBy(key, field, by) => all(&["HINCRBY", &name(key), field, &by.to_string()]),
            Call::HIncrByFloat(key, field) => all(&["HINCRBYFLOAT", &name(key), field, "0.5"]),
            Call::DeleteIf(key, value) => all(&["EVAL", DELETE_IF, "1", &name(key), value]),
            Call::Move(key, other) => all(&["EVAL", MOVE, "2", &name(key), &name(other)]),
            Call::CountInto(key) => {
                let keys = [0, 1, 2].map(|key| name(&key));
                all(&[
                    "EVAL",
                    COUNT_INTO,
                    "1",
                    &name(key),
                    &keys[0],
                    &keys[1],
                    &keys[2],
                ])
            }
        }
    }
}
