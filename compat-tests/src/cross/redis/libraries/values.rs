//! Random Lua values, as the text that makes them.

use rand::Rng;
use rand::rngs::StdRng;

/// Where the forms of integers and floats change.
const EDGES: [&str; 38] = [
    "0",
    "-0",
    "1",
    "-1",
    "31",
    "32",
    "127",
    "128",
    "255",
    "256",
    "-32",
    "-33",
    "-128",
    "-129",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "65535",
    "65536",
    "2^31-1",
    "2^31",
    "-2^31",
    "-2^31-1",
    "2^32-1",
    "2^32",
    "2^53",
    "2^53+2",
    "-2^53",
    "2^63-1024",
    "2^63",
    "2^63+2048",
    "-2^63",
    "-2^63-4096",
    "2^64",
    "1e19",
    "1e20",
    "0.1",
];
const ODD: [&str; 12] = [
    "0/0",
    "-(0/0)",
    "1/0",
    "-1/0",
    "0*-1",
    "1e308",
    "5e-324",
    "1e-45",
    "3.4028234663852886e38",
    "3.4028235677973366e38",
    "1.17549435e-38",
    "-0.5",
];
const LENGTHS: [usize; 6] = [31, 32, 255, 256, 65_535, 65_536];

/// How deep tables are nested at most.
const NESTING_MAX: usize = 6;

pub fn one_of<'a>(dice: &mut StdRng, all: &[&'a str]) -> &'a str {
    all[dice.random_range(0..all.len())]
}

pub fn number(dice: &mut StdRng) -> String {
    match dice.random_range(0..12) {
        0..5 => format!("({})", one_of(dice, &EDGES)),
        5 => format!("({})", one_of(dice, &ODD)),
        6 => format!("({:?})", dice.random_range(-1e6..1e6)),
        7 => format!("({})", dice.random_range(-(1_i64 << 40)..1 << 40)),
        8 => format!("({:?})", f64::from(dice.random::<f32>() * 1e9)),
        9 => match f64::from_bits(dice.random()) {
            number if number.is_finite() => format!("({number:e})"),
            _ => "(0/0)".to_owned(),
        },
        _ => format!("({})", dice.random_range(-300..70_000)),
    }
}

pub fn text(dice: &mut StdRng) -> String {
    if dice.random_ratio(1, 30) {
        let length = LENGTHS[dice.random_range(0..LENGTHS.len())];
        return format!("('a'):rep({length})");
    }
    let bytes: String = (0..dice.random_range(0..6))
        .map(|_| format!("\\{:03}", dice.random::<u8>()))
        .collect();
    format!("'{bytes}'")
}

pub fn value(dice: &mut StdRng) -> String {
    nested(dice, 0)
}

fn nested(dice: &mut StdRng, depth: usize) -> String {
    match dice.random_range(0..11) {
        0..4 => number(dice),
        4 | 5 => text(dice),
        6 => one_of(dice, &["true", "false", "nil", "cjson.null", "redis.call"]).to_owned(),
        _ if depth == NESTING_MAX => number(dice),
        7 | 8 => {
            let most = if depth < 2 { 18 } else { 4 };
            let parts = (0..dice.random_range(0..most)).map(|_| nested(dice, depth + 1));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        _ => {
            let pairs = (0..dice.random_range(0..5)).map(|_| {
                let key = key(dice);
                format!("[{key}]={}", nested(dice, depth + 1))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

fn key(dice: &mut StdRng) -> String {
    match dice.random_range(0..6) {
        0..3 => dice.random_range(-1..8).to_string(),
        3 => one_of(dice, &["1.5", "2^31", "2^53", "1e300", "true", "false"]).to_owned(),
        _ => text(dice),
    }
}
