//! One step of a sequence, and its text form: what a failure prints can be put into
//! `cross/redis-corners.txt` as it is.
//!
//! ```text
//! 0> SET k v              connection 0 sends a command
//! 0> GET k ;; GET x       two commands in one write
//! 0| 1 "PING\r\n"         these bytes as they are; one reply (or end of the connection) is awaited
//! 0~ k                    waits until the key, in whatever database, has no short life any more
//! 0@ HSCAN h 0 COUNT 2    walks with the cursor to the end; the third word, or second, is 0
//! ```

use std::fmt;

use super::reply::quoted;

/// Words of one command; the first is its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Vec<Vec<u8>>);

/// What is done next. Connections are numbered from 0 and opened when they are first used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Commands in one write; their replies are read one after the other.
    Send(usize, Vec<Command>),
    /// Bytes that may be no command, and how many replies they have; the end counts as one.
    Raw(usize, usize, Vec<u8>),
    /// Polls until the key's end, or until it is seen to have none soon.
    AwaitEnd(usize, Vec<u8>),
    /// SCAN or HSCAN from cursor 0 until it is 0 again; what was found is compared.
    Walk(usize, Command),
}

impl Command {
    pub fn of(words: &[&str]) -> Self {
        Self(words.iter().map(|word| word.as_bytes().to_vec()).collect())
    }

    /// The name in lower case; for commands with subcommands `name|sub`.
    pub fn name(&self) -> String {
        let word = |at: usize| {
            let word = self.0.get(at).map_or(&[][..], Vec::as_slice);
            String::from_utf8_lossy(word).to_lowercase()
        };
        let name = word(0);
        let container = ["client", "config", "command", "script", "pubsub"];
        if container.contains(&name.as_str()) && self.0.len() > 1 {
            return format!("{name}|{}", word(1));
        }
        name
    }

    /// The command that `EVAL "… unpack(ARGV) …" 0 command…` calls, or that of a text that calls
    /// HGETALL on its key.
    pub fn called_by_script(&self) -> Option<Self> {
        let [name, body, keys, rest @ ..] = self.0.as_slice() else {
            return None;
        };
        let body = String::from_utf8_lossy(body);
        if !name.to_ascii_lowercase().starts_with(b"eval") {
            return None;
        }
        if body.contains("'hgetall'") {
            return Some(Self::of(&["hgetall"]));
        }
        let calls = body.contains("unpack(ARGV)") && keys == b"0" && !rest.is_empty();
        calls.then(|| Self(rest.to_vec()))
    }

    /// The commands that a script of the grammar calls one after the other, each answer an element
    /// of its own: `EVAL "… unpack(call) …" 0 command… -- command…`.
    pub fn called_in_turn(&self) -> Vec<Self> {
        let [name, body, keys, rest @ ..] = self.0.as_slice() else {
            return Vec::new();
        };
        let calls = String::from_utf8_lossy(body).contains("unpack(call)") && keys == b"0";
        if !calls || !name.eq_ignore_ascii_case(b"eval") {
            return Vec::new();
        }
        let commands = rest.split(|word| word == b"--");
        commands.map(|words| Self(words.to_vec())).collect()
    }

    /// As an array of bulk strings.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("*{}\r\n", self.0.len()).as_bytes());
        for word in &self.0 {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|word| written(word)).collect();
        write!(f, "{}", words.join(" "))
    }
}

/// A word as `words` reads it.
fn written(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#');
    if !word.is_empty() && word.iter().all(plain) && word != b";;" {
        return String::from_utf8_lossy(word).into_owned();
    }
    quoted(word)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(connection, commands) => {
                let commands: Vec<String> = commands.iter().map(Command::to_string).collect();
                write!(f, "{connection}> {}", commands.join(" ;; "))
            }
            Self::Raw(connection, replies, bytes) => {
                write!(f, "{connection}| {replies} {}", quoted(bytes))
            }
            Self::AwaitEnd(connection, key) => write!(f, "{connection}~ {}", written(key)),
            Self::Walk(connection, command) => write!(f, "{connection}@ {command}"),
        }
    }
}

/// A line of the text form.
pub fn parse(line: &str) -> Result<Step, String> {
    let wrong = |why: &str| format!("{why}: {line}");
    let head: String = line.chars().take_while(char::is_ascii_digit).collect();
    let connection = head.parse().map_err(|_| wrong("no connection's number"))?;
    let mut rest = line[head.len()..].chars();
    let mark = rest.next();
    let spelled = spelled(rest.as_str()).map_err(|why| wrong(&why))?;
    let words = plain(&spelled);
    match (mark, words.as_slice()) {
        (Some('>'), [_, ..]) => {
            let commands = spelled.split(|word| !word.is_quoted && word.bytes == b";;");
            let commands = commands.map(|words| Command(plain(words)));
            Ok(Step::Send(connection, commands.collect()))
        }
        (Some('|'), [replies, bytes]) => {
            let replies = String::from_utf8_lossy(replies).parse();
            let replies = replies.map_err(|_| wrong("no number of replies"))?;
            Ok(Step::Raw(connection, replies, bytes.clone()))
        }
        (Some('~'), [key]) => Ok(Step::AwaitEnd(connection, key.clone())),
        (Some('@'), [_, ..]) => Ok(Step::Walk(connection, Command(words))),
        _ => Err(wrong("no step")),
    }
}

/// Splits a text at blanks; double quotes hold a word together, with \n, \r, \t, \\, \" and \xHH
/// in it.
pub fn words(text: &str) -> Result<Vec<Vec<u8>>, String> {
    spelled(text).map(|words| plain(&words))
}

struct Word {
    bytes: Vec<u8>,
    is_quoted: bool,
}

fn plain(words: &[Word]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.bytes.clone()).collect()
}

fn spelled(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b' ' {
            continue;
        }
        let mut word = Vec::new();
        if byte != b'"' {
            word.push(byte);
            while let Some(byte) = bytes.next_if(|byte| *byte != b' ') {
                word.push(byte);
            }
            let (bytes, is_quoted) = (word, false);
            words.push(Word { bytes, is_quoted });
            continue;
        }
        loop {
            match bytes.next() {
                None => return Err("a quote is not closed".to_owned()),
                Some(b'"') => break,
                Some(b'\\') => word.push(escaped(&mut bytes)?),
                Some(byte) => word.push(byte),
            }
        }
        let (bytes, is_quoted) = (word, true);
        words.push(Word { bytes, is_quoted });
    }
    Ok(words)
}

fn escaped(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, String> {
    match bytes.next() {
        Some(b'n') => Ok(b'\n'),
        Some(b'r') => Ok(b'\r'),
        Some(b't') => Ok(b'\t'),
        Some(b'x') => {
            let digits: Vec<u8> = bytes.take(2).collect();
            let digits = String::from_utf8_lossy(&digits).into_owned();
            u8::from_str_radix(&digits, 16).map_err(|_| format!("no byte: \\x{digits}"))
        }
        Some(byte @ (b'"' | b'\\' | b'\'')) => Ok(byte),
        other => Err(format!("no escape: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_step_is_the_step_again() {
        let odd = Command(vec![
            b"SET".to_vec(),
            b"a\"\\ b".to_vec(),
            vec![0, 255, 13, 10, 39],
        ]);
        let steps = [
            Step::Send(0, vec![odd.clone(), Command::of(&["GET", "", ";;"])]),
            Step::Raw(2, 1, b"*1\r\n$4\r\nPING\r\n".to_vec()),
            Step::AwaitEnd(1, b"k 1".to_vec()),
            Step::Walk(1, Command::of(&["SCAN", "0", "MATCH", "#*"])),
        ];
        for step in steps {
            assert_eq!(parse(&step.to_string()), Ok(step));
        }
    }

    #[test]
    fn what_a_script_calls_is_seen() {
        let body = "local call = {} return redis.pcall(unpack(call))";
        let script = Command::of(&["EVAL", body, "0", "SET", "k", "v", "--", "GET", "k"]);
        let called = [Command::of(&["SET", "k", "v"]), Command::of(&["GET", "k"])];
        assert_eq!(script.called_in_turn(), called);
        assert_eq!(Command::of(&["EVAL", body, "1"]).called_in_turn(), []);
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for line in ["", "> GET k", "0>", "0| x \"a\"", "0> \"a", "0> \"\\q\""] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
