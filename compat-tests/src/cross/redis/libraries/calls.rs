//! Random calls of the libraries.

use rand::Rng;
use rand::rngs::StdRng;

use super::bytes::{json, messages, random};
use super::values::{number, one_of, text, value};
use crate::cross::redis::step::Command;

/// Sets what lasts from script to script on the real server, and shows values in full: tables in
/// the order of their keys, since in their own order nobody promises anything.
const PRELUDE: &str = "
cjson.encode_sparse_array(false, 2, 10) cjson.encode_max_depth(1000) cjson.decode_max_depth(1000)
cjson.encode_number_precision(14) cjson.encode_invalid_numbers(false)
cjson.decode_invalid_numbers(true) cjson.encode_keep_buffer(true)
local function show(v, depth)
  local kind = type(v)
  if kind == 'number' then
    if v ~= v then return 'nan' end
    if v == 0 and 1 / v < 0 then return '-0' end
    return string.format('%.17g', v)
  end
  if kind == 'string' then return string.format('%q', v) end
  if v == cjson.null then return 'null' end
  if kind ~= 'table' then return tostring(v) end
  if depth > 20 then return 'deep' end
  local all = {}
  for k, x in pairs(v) do all[#all + 1] = show(k, depth + 1) .. '=' .. show(x, depth + 1) end
  table.sort(all)
  return '{' .. table.concat(all, ',') .. '}'
end
local function shown(...)
  local all = {}
  for at = 1, select('#', ...) do all[at] = show((select(at, ...)), 0) end
  return table.concat(all, ';')
end
local function packed(...)
  local bytes = cmsgpack.pack(...)
  return HAS_MAP and #bytes or bytes, cmsgpack.unpack(bytes)
end
local function encoded(v)
  local ok, made = pcall(cjson.encode, v)
  -- Which mistake is met first depends on the order.
  if not ok then return HAS_MAP and 'wrong' or made end
  return HAS_MAP and #made or made, pcall(cjson.decode, made)
end
";

const FORMATS: [&str; 40] = [
    "<", ">", "=", "!", "!1", "!2", "!4", "!8", "!16", "!3", "!0", "b", "B", "h", "H", "l", "L",
    "T", "f", "d", "s", "x", "i", "I", "c0", "c1", "c3", "c", "i1", "I3", "I5", "i8", "i9", "I16",
    "i32", "i33", "I0", " ", "j", "z",
];

/// A random call.
pub fn call(dice: &mut StdRng) -> Command {
    let (body, data) = match dice.random_range(0..12) {
        0..3 => (pack(dice), Vec::new()),
        3 => (pack_itself(dice), Vec::new()),
        4..6 => (unpack(dice), messages(dice)),
        6 => (encode(dice), Vec::new()),
        7 | 8 => (decode(dice), json_or_bytes(dice)),
        9 => (pack_struct(dice), Vec::new()),
        10 => (unpack_struct(dice), random(dice, 30)),
        _ => (bits(dice), Vec::new()),
    };
    let has_map = body.contains("]=");
    let script = format!("local HAS_MAP = {has_map}{PRELUDE}return shown(pcall({body}))");
    let words = [b"EVAL".to_vec(), script.into_bytes(), b"0".to_vec(), data];
    Command(words.to_vec())
}

fn list(dice: &mut StdRng, most: usize, make: fn(&mut StdRng) -> String) -> String {
    let count = dice.random_range(1..=most);
    let all: Vec<String> = (0..count).map(|_| make(dice)).collect();
    all.join(",")
}

fn pack(dice: &mut StdRng) -> String {
    format!("packed,{}", list(dice, 3, value))
}

/// A table that holds itself.
fn pack_itself(dice: &mut StdRng) -> String {
    let at = one_of(dice, &["1", "2", "3", "'x'"]);
    let (one, other) = (number(dice), text(dice));
    format!(
        "function() local t = {{{one},{{{other}}}}} t[{at}] = t \
             return cmsgpack.unpack(cmsgpack.pack(t, {{t}})) end"
    )
}

fn unpack(dice: &mut StdRng) -> String {
    let (limit, offset) = (dice.random_range(-1..4), dice.random_range(-2..6));
    match dice.random_range(0..6) {
        0..2 => "cmsgpack.unpack, ARGV[1]".to_owned(),
        2 => "cmsgpack.unpack_one, ARGV[1]".to_owned(),
        3 => format!("cmsgpack.unpack_one, ARGV[1], {offset}"),
        4 => format!("cmsgpack.unpack_limit, ARGV[1], {limit}"),
        _ => format!("cmsgpack.unpack_limit, ARGV[1], {limit}, {offset}"),
    }
}

fn encode(dice: &mut StdRng) -> String {
    let setting = match dice.random_range(0..8) {
        0 => "cjson.encode_sparse_array(true)".to_owned(),
        1 => format!(
            "cjson.encode_sparse_array(false, {})",
            dice.random_range(0..4)
        ),
        2 => format!("cjson.encode_max_depth({})", dice.random_range(1..6)),
        3 => format!(
            "cjson.encode_number_precision({})",
            dice.random_range(1..15)
        ),
        4 => format!(
            "cjson.encode_invalid_numbers({})",
            one_of(dice, &["true", "'null'"])
        ),
        _ => String::new(),
    };
    format!("function() {setting} return encoded({}) end", value(dice))
}

fn decode(dice: &mut StdRng) -> String {
    let setting = match dice.random_range(0..4) {
        0 => format!("cjson.decode_max_depth({})", dice.random_range(1..5)),
        1 => "cjson.decode_invalid_numbers(false)".to_owned(),
        _ => String::new(),
    };
    format!("function() {setting} return cjson.decode(ARGV[1]) end")
}

fn json_or_bytes(dice: &mut StdRng) -> Vec<u8> {
    match dice.random_ratio(1, 10) {
        true => random(dice, 6),
        false => json(dice),
    }
}

fn format(dice: &mut StdRng) -> String {
    let count = dice.random_range(1..5);
    (0..count).map(|_| one_of(dice, &FORMATS)).collect()
}

fn pack_struct(dice: &mut StdRng) -> String {
    let format = format(dice);
    let one = |dice: &mut StdRng| match dice.random_ratio(1, 3) {
        true => text(dice),
        false => number(dice),
    };
    let values = list(dice, 5, one);
    format!(
        "function() local p = struct.pack('{format}', {values}) \
             return p, struct.unpack('{format}', p) end"
    )
}

fn unpack_struct(dice: &mut StdRng) -> String {
    let (format, offset) = (format(dice), dice.random_range(-1..8));
    match dice.random_range(0..3) {
        0 => format!("struct.unpack, '{format}', ARGV[1]"),
        1 => format!("struct.unpack, '{format}', ARGV[1], {offset}"),
        _ => format!("struct.size, '{format}'"),
    }
}

fn bits(dice: &mut StdRng) -> String {
    let name = one_of(
        dice,
        &[
            "tobit", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror",
            "bswap", "tohex",
        ],
    );
    let one = |dice: &mut StdRng| match dice.random_range(0..10) {
        0 => one_of(dice, &["'12'", "'0x1f'", "'x'", "nil", "{}", "true"]).to_owned(),
        1..4 => dice.random_range(-40..40).to_string(),
        _ => number(dice),
    };
    let arguments = list(dice, 3, one);
    format!("bit.{name}, {arguments}")
}
