//! A source file as the rules see it: its lines, and the same lines without comments and the
//! contents of strings, so that a rule about code does not stumble over prose.

use std::fs;
use std::path::{Path, PathBuf};

pub struct Source {
    /// From the workspace's root, with `/`.
    pub path: String,
    pub lines: Vec<String>,
    /// As many lines; comments and the insides of literals are blank.
    pub code: Vec<String>,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

/// Every file below `folder` that passes, build output left out.
pub fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the workspace can be read");
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                files(&path, wanted, found);
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

impl Source {
    /// All Rust sources of the workspace.
    pub fn all() -> Vec<Source> {
        let root = root();
        let mut paths = Vec::new();
        files(
            &root,
            &|path| path.extension().is_some_and(|end| end == "rs"),
            &mut paths,
        );
        paths.sort();
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).expect("sources are UTF-8");
            let name = path.strip_prefix(&root).expect("found below it");
            Source::new(&name.to_string_lossy(), &text)
        };
        paths.iter().map(read).collect()
    }

    pub fn new(path: &str, text: &str) -> Source {
        let own = |text: &str| text.lines().map(str::to_owned).collect();
        Source {
            path: path.to_owned(),
            lines: own(text),
            code: own(&code_of(text)),
        }
    }

    /// Whether it is a test through and through; tests inside other files are not looked for.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.starts_with("compat-tests/")
    }
}

/// What the scanner is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Code,
    Line,
    /// Nested so deep.
    Block(usize),
    Text,
    /// With so many hashes.
    Raw(usize),
}

/// The text with everything that is not code blanked out, line for line.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut state) = (0, In::Code);
    while at < chars.len() {
        let (taken, next) = step(&chars[at..], state, out.chars().next_back());
        for &char in &chars[at..at + taken] {
            let visible = char == '\n' || (state == In::Code && next == In::Code);
            out.push(if visible { char } else { ' ' });
        }
        (at, state) = (at + taken, next);
    }
    out
}

/// How many characters belong together at the start of `rest`, and what follows them.
fn step(rest: &[char], state: In, before: Option<char>) -> (usize, In) {
    let starts = |what: &str| {
        what.chars()
            .eq(rest.iter().copied().take(what.chars().count()))
    };
    match state {
        In::Code if starts("//") => (2, In::Line),
        In::Code if starts("/*") => (2, In::Block(1)),
        In::Code if starts("\"") => (1, In::Text),
        In::Code if !before.is_some_and(is_word) && raw_hashes(rest).is_some() => {
            let (length, hashes) = raw_hashes(rest).unwrap_or_default();
            (length, In::Raw(hashes))
        }
        In::Code => (character(rest), In::Code),
        In::Line if starts("\n") => (1, In::Code),
        In::Block(1) if starts("*/") => (2, In::Code),
        In::Block(depth) if starts("*/") => (2, In::Block(depth - 1)),
        In::Block(depth) if starts("/*") => (2, In::Block(depth + 1)),
        In::Text if starts("\\") => (2.min(rest.len()), In::Text),
        In::Text if starts("\"") => (1, In::Code),
        In::Raw(hashes) if starts(&format!("\"{}", "#".repeat(hashes))) => (1 + hashes, In::Code),
        other => (1, other),
    }
}

/// `r"`, `r#"`, `br##"` …: their length and hashes.
fn raw_hashes(rest: &[char]) -> Option<(usize, usize)> {
    let prefix = rest.iter().take_while(|c| **c == 'b' || **c == 'r').count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let raw = (1..=2).contains(&prefix) && rest[prefix - 1] == 'r';
    let quote = rest.get(prefix + hashes) == Some(&'"');
    (raw && quote).then_some((prefix + hashes + 1, hashes))
}

/// One character of code, or a whole character literal, whose quote must not open a string.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', tail @ ..] => {
            let end = tail.iter().skip(1).position(|c| *c == '\'');
            end.map_or(1, |end| end + 4)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

pub fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[test]
fn code_is_told_from_prose() {
    let text = r##"let a = "b // \" c"; // d
/* e /* f */ g */ let h = '"'; let i = r#"j " k"#; let l = 'm';"##;
    let code = code_of(text);
    let words: Vec<&str> = code
        .split(|c| !is_word(c))
        .filter(|w| !w.is_empty())
        .collect();
    assert_eq!(words, ["let", "a", "let", "h", "let", "i", "let", "l", "m"]);
    assert_eq!(code.lines().count(), 2);
}
