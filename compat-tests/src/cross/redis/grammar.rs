//! Random commands from the text in `cross/redis-grammar.txt`, which says how it is read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rand::Rng;
use rand::rngs::StdRng;

use super::step::{self, Command};

const TEXT: &str = include_str!("../../../cross/redis-grammar.txt");

/// One word of an alternative.
enum Word {
    Plain(Vec<u8>),
    Symbol(String),
}

type Rules = BTreeMap<String, Vec<Vec<Word>>>;

static RULES: LazyLock<Rules> = LazyLock::new(|| rules(TEXT));

/// A random command of the kind that `symbol` names.
pub fn command(dice: &mut StdRng, symbol: &str) -> Command {
    let mut words = Vec::new();
    expand(dice, symbol, &mut words);
    Command(words)
}

fn expand(dice: &mut StdRng, symbol: &str, out: &mut Vec<Vec<u8>>) {
    let alternatives = &RULES[symbol];
    let chosen = &alternatives[dice.random_range(0..alternatives.len())];
    for word in chosen {
        match word {
            Word::Plain(bytes) => out.push(bytes.clone()),
            Word::Symbol(symbol) => expand(dice, symbol, out),
        }
    }
}

/// # Panics
/// When the text is not as it should be, or names a symbol that it lacks.
fn rules(text: &str) -> Rules {
    let mut rules = Rules::new();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (symbol, words) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("no rule: {line}"));
        let words = step::words(words).unwrap_or_else(|why| panic!("{why}: {line}"));
        let words = words.into_iter().map(word).collect();
        rules.entry(symbol.to_owned()).or_default().push(words);
    }
    for word in rules.values().flatten().flatten() {
        if let Word::Symbol(symbol) = word {
            assert!(rules.contains_key(symbol), "no symbol ${symbol}");
        }
    }
    rules
}

fn word(bytes: Vec<u8>) -> Word {
    match bytes.strip_prefix(b"$") {
        Some(symbol) => Word::Symbol(String::from_utf8_lossy(symbol).into_owned()),
        None => Word::Plain(bytes),
    }
}
