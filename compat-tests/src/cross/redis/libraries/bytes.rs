//! Random bytes to be read: MessagePack and JSON, whole or broken.

use rand::Rng;
use rand::rngs::StdRng;

use super::values::one_of;

/// How deep arrays and maps are nested at most.
const NESTING_MAX: usize = 4;

const JSON_NUMBERS: [&str; 32] = [
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "1e5",
    "1E+2",
    "1e-3",
    "0x10",
    "01",
    "-",
    "+1",
    ".5",
    "5.",
    "1e",
    "1e400",
    "NaN",
    "nan",
    "-nan",
    "Infinity",
    "-Infinity",
    "inf",
    "-inf",
    "0x1p3",
    "1_0",
    "123456789012345678901234567890",
    "9007199254740993",
    "-9223372036854775808",
    "1.7976931348623157e308",
    "4.9e-324",
    "0.1",
    "2.5e-5",
];
const JSON_WORDS: [&str; 7] = ["true", "false", "null", "tru", "True", "nullx", ""];
const JSON_LETTERS: [&str; 22] = [
    "a",
    "b",
    "\\n",
    "\\t",
    "\\u0041",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\udc00",
    "\\u12",
    "\\x",
    "\\/",
    "\\\\",
    "\\\"",
    "é",
    "\u{1}",
    "\u{7f}",
    " ",
    "\\b",
    "\\f",
    "\\r",
    "\\u0000",
];

pub fn random(dice: &mut StdRng, most: usize) -> Vec<u8> {
    let count = dice.random_range(0..=most);
    (0..count).map(|_| dice.random()).collect()
}

/// Some values of MessagePack; one in five ends too early.
pub fn messages(dice: &mut StdRng) -> Vec<u8> {
    let mut all = Vec::new();
    (0..dice.random_range(0..4)).for_each(|_| message(dice, 0, &mut all));
    if dice.random_ratio(1, 5) {
        all.pop();
    }
    all
}

fn message(dice: &mut StdRng, depth: usize, out: &mut Vec<u8>) {
    let few: u8 = dice.random_range(0..4);
    let deeper = |dice: &mut StdRng, count: u8, out: &mut Vec<u8>| {
        (0..count).for_each(|_| message(dice, depth + 1, out));
    };
    match dice.random_range(0..20) {
        0..3 => out.push(dice.random()),
        3 => fixed(dice, 0xca, 4, out),
        4 => fixed(dice, 0xcb, 8, out),
        5..9 => {
            let kind: u8 = dice.random_range(0..8);
            fixed(dice, 0xcc + kind, 1 << (kind % 4), out);
        }
        9 => fixed(dice, 0xa0 | few, few.into(), out),
        10 => {
            out.push(0xd9);
            fixed(dice, few, few.into(), out);
        }
        11 => {
            out.extend([0xda, 0]);
            fixed(dice, few, few.into(), out);
        }
        // Longer than all that there is.
        12 => out.extend([0xdb, dice.random(), dice.random(), dice.random(), few]),
        _ if depth == NESTING_MAX => out.push(0xc0),
        13 => {
            out.push(0x90 | few);
            deeper(dice, few, out);
        }
        14 => {
            out.push(0x80 | few);
            deeper(dice, 2 * few, out);
        }
        15 => {
            out.extend([0xdc, 0, few]);
            deeper(dice, few, out);
        }
        16 => {
            out.extend([0xdd, 0, 0, 0, few]);
            deeper(dice, few, out);
        }
        17 => {
            out.extend([0xde, 0, few]);
            deeper(dice, 2 * few, out);
        }
        18 => {
            out.extend([0xdf, 0, 0, 0, few]);
            deeper(dice, 2 * few, out);
        }
        _ => out.push(0xc0),
    }
}

fn fixed(dice: &mut StdRng, tag: u8, count: usize, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend((0..count).map(|_| dice.random::<u8>()));
}

/// JSON, in which one in twenty has a mistake.
pub fn json(dice: &mut StdRng) -> Vec<u8> {
    let mut text = String::new();
    json_value(dice, 0, &mut text);
    let mut bytes = text.into_bytes();
    if !bytes.is_empty() && dice.random_ratio(1, 20) {
        let at = dice.random_range(0..bytes.len());
        bytes[at] = *b",}]:x\"".get(dice.random_range(0..6)).expect("six");
    }
    bytes
}

fn json_value(dice: &mut StdRng, depth: usize, out: &mut String) {
    match dice.random_range(0..12) {
        0..3 => out.push_str(one_of(dice, &JSON_NUMBERS)),
        3 => out.push_str(&format!("{:?}", dice.random_range(-1e9..1e9))),
        4 => out.push_str(one_of(dice, &JSON_WORDS)),
        5 | 6 => json_text(dice, out),
        _ if depth == NESTING_MAX => out.push('1'),
        kind => {
            let is_map = kind > 9;
            out.push(if is_map { '{' } else { '[' });
            for at in 0..dice.random_range(0..4) {
                out.push_str(if at > 0 { "," } else { "" });
                blank(dice, out);
                if is_map {
                    json_text(dice, out);
                    blank(dice, out);
                    out.push(':');
                }
                json_value(dice, depth + 1, out);
                blank(dice, out);
            }
            out.push(if is_map { '}' } else { ']' });
        }
    }
}

fn blank(dice: &mut StdRng, out: &mut String) {
    out.push_str(one_of(dice, &["", "", "", " ", "\n", "\t\r"]));
}

fn json_text(dice: &mut StdRng, out: &mut String) {
    out.push('"');
    (0..dice.random_range(0..5)).for_each(|_| out.push_str(one_of(dice, &JSON_LETTERS)));
    out.push('"');
}
