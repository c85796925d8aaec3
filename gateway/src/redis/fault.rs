//! The errors of the Redis protocol: the exact texts clients look for (those of Redis 7.0.15).
//!
//! A fault's text begins with its code (`ERR`, `WRONGTYPE`, ...) and has no leading `-`. The
//! encoder turns CR and LF inside it into spaces, as Redis does.

use bytes::Bytes;

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub Bytes);

impl Fault {
    pub const SYNTAX: Fault = Fault::fixed("ERR syntax error");
    pub const NOT_AN_INTEGER: Fault = Fault::fixed("ERR value is not an integer or out of range");
    pub const NOT_A_FLOAT: Fault = Fault::fixed("ERR value is not a valid float");
    pub const WRONG_TYPE: Fault =
        Fault::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const NO_SUCH_KEY: Fault = Fault::fixed("ERR no such key");
    pub const OVERFLOW: Fault = Fault::fixed("ERR increment or decrement would overflow");
    pub const DB_RANGE: Fault = Fault::fixed("ERR DB index is out of range");
    pub const OUT_OF_RANGE: Fault = Fault::fixed("ERR value is out of range");
    pub const TOO_LONG: Fault =
        Fault::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

    /// The space quota (Redis: `maxmemory`).
    pub const FULL: Fault = Fault::fixed("OOM the space quota is used up, command not executed");

    /// A text known at compile time.
    pub const fn fixed(text: &'static str) -> Fault {
        Fault(Bytes::from_static(text.as_bytes()))
    }

    pub fn new(text: impl Into<String>) -> Fault {
        Fault(Bytes::from(text.into()))
    }

    /// `name` in lower case, a subcommand as `client|setname`.
    pub fn arity(name: &str) -> Fault {
        Fault::new(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// What EXEC answers that was itself refused with this.
    pub fn aborts_exec(&self) -> Fault {
        let mut text = b"EXECABORT Transaction discarded because of: ".to_vec();
        text.extend_from_slice(self.0.strip_prefix(b"ERR ").unwrap_or(&self.0));
        Fault(Bytes::from(text))
    }

    /// A time to live that is not possible.
    pub fn invalid_expire(name: &str) -> Fault {
        Fault::new(format!("ERR invalid expire time in '{name}' command"))
    }

    pub fn unknown_subcommand(container: &str, given: &[u8]) -> Fault {
        let given = String::from_utf8_lossy(&given[..given.len().min(128)]).into_owned();
        let container = container.to_ascii_uppercase();
        Fault::new(format!(
            "ERR unknown subcommand '{given}'. Try {container} HELP."
        ))
    }

    /// Names the command and the beginning of its arguments, as Redis does: at most 128 bytes
    /// each of the name and of all arguments.
    pub fn unknown_command(args: &[Bytes]) -> Fault {
        let mut text = b"ERR unknown command '".to_vec();
        let (name, rest) = args
            .split_first()
            .map_or((&[][..], args), |(n, r)| (n.as_ref(), r));
        text.extend_from_slice(&c_string(name)[..c_string(name).len().min(128)]);
        text.extend_from_slice(b"', with args beginning with: ");
        let mut listed = 0;
        for arg in rest {
            if listed >= 128 {
                break;
            }
            let arg = c_string(arg);
            let shown = &arg[..arg.len().min(128 - listed)];
            text.push(b'\'');
            text.extend_from_slice(shown);
            text.extend_from_slice(b"' ");
            listed += shown.len() + 3;
        }
        Fault(Bytes::from(text))
    }

    #[cfg(test)]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// Redis prints these words as strings of C, which end at a zero.
fn c_string(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or_default()
}
