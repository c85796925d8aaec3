//! One row per command: what COMMAND tells of it, and what runs it.

use bytes::Bytes;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::plan::{Place, Plan};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// A command that reads data, or none: the one implementation for lone calls, MULTI and scripts.
/// The arity has been checked.
pub type Data = fn(&mut View, Args<'_>) -> Result<Reply, Fault>;

/// A command that writes data, likewise: what it is in the core's ops. A fault is what Redis says
/// of the arguments before it looks at the key; what it says then is told by the plan's rule.
pub type Write = fn(Place<'_>, Args<'_>) -> Result<Plan, Fault>;

/// Which arguments are keys, as COMMAND shows it: positions count from the command's name as 0;
/// a negative last counts from the end. All 0: none, or known only by reading the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    pub first: i32,
    pub last: i32,
    pub step: i32,
}

impl Keys {
    pub const NONE: Keys = Keys {
        first: 0,
        last: 0,
        step: 0,
    };
    pub const ONE: Keys = Keys {
        first: 1,
        last: 1,
        step: 1,
    };
    pub const ALL: Keys = Keys {
        first: 1,
        last: -1,
        step: 1,
    };
    pub const TWO: Keys = Keys {
        first: 1,
        last: 2,
        step: 1,
    };
    /// Key and value in turn.
    pub const PAIRS: Keys = Keys {
        first: 1,
        last: -1,
        step: 2,
    };

    /// The keys among `args` (the name first).
    pub fn of(self, args: &[Bytes]) -> Vec<Bytes> {
        let step = usize::try_from(self.step).unwrap_or(1).max(1);
        self.span(args).iter().step_by(step).cloned().collect()
    }

    /// Whether any of them is a key.
    pub fn any(self, args: &[Bytes]) -> bool {
        !self.span(args).is_empty()
    }

    /// From the first key to the last.
    fn span(self, args: &[Bytes]) -> &[Bytes] {
        let Ok(first @ 1..) = usize::try_from(self.first) else {
            return &[];
        };
        let len = i64::try_from(args.len()).unwrap_or(i64::MAX);
        let last = i64::from(self.last) + if self.last < 0 { len } else { 0 };
        let end = usize::try_from(last + 1).unwrap_or(0).min(args.len());
        args.get(first..end).unwrap_or_default()
    }
}

/// What runs a command.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Reads data through a view, or none, quickly; or speaks to subscribers.
    Data(Data),
    /// Changes data by ops.
    Write(Write),
    /// Reads and writes through a view, but may take long, and then on a thread of its own (EVAL).
    Script(Data),
    /// Concerns the connection or this member.
    Session(Session),
}

/// The commands that a connection carries out itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    Auth,
    Client,
    Config,
    Discard,
    Exec,
    Function,
    Hello,
    Multi,
    Psubscribe,
    Pubsub,
    Punsubscribe,
    Quit,
    Reset,
    Role,
    Script,
    Subscribe,
    Unsubscribe,
    Unwatch,
    Wait,
    Watch,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Lower case.
    pub name: &'static str,
    /// Arguments with the name; negative: at least so many.
    pub arity: i32,
    /// Redis's flags, separated by blanks, in its order (`write denyoom fast`).
    pub flags: &'static str,
    pub keys: Keys,
    /// Redis's key specification flags of those keys (`RW access update`); with a `;` between, of
    /// each key.
    pub key_flags: &'static str,
    /// Redis's ACL categories without `@`, separated by blanks, in its order.
    pub categories: &'static str,
    /// Redis's command tips.
    pub tips: &'static str,
    /// What COMMAND DOCS says: group, first version, and a sentence of ours.
    pub group: &'static str,
    pub since: &'static str,
    pub summary: &'static str,
    pub run: Run,
}

impl Row {
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|own| own == flag)
    }

    /// Whether it is refused where there is no room.
    pub fn needs_room(&self) -> bool {
        self.has_flag("denyoom")
    }

    pub fn is_write(&self) -> bool {
        self.has_flag("write")
    }

    /// The keys that a command (its name first) names, those of a script included.
    pub fn keys_of(&self, args: &[Bytes]) -> Vec<Bytes> {
        if !matches!(self.run, Run::Script(_)) {
            return self.keys.of(args);
        }
        let count = args.get(2).and_then(|count| parse_i64(count));
        let count = count.and_then(|count| usize::try_from(count).ok());
        let keys = args.iter().skip(3).take(count.unwrap_or(0));
        keys.cloned().collect()
    }

    /// Whether so many arguments (the name counted) are allowed.
    pub fn takes(&self, count: usize) -> bool {
        takes(self.arity, count)
    }
}

/// Whether an arity allows so many arguments; a negative one is the least.
pub fn takes(arity: i32, count: usize) -> bool {
    let least = usize::try_from(arity.unsigned_abs()).unwrap_or(usize::MAX);
    if arity < 0 {
        count >= least
    } else {
        count == least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(keys: Keys, args: &[&'static str]) -> Vec<Bytes> {
        let args: Vec<Bytes> = args
            .iter()
            .map(|arg| Bytes::from_static(arg.as_bytes()))
            .collect();
        keys.of(&args)
    }

    #[test]
    fn key_positions() {
        assert_eq!(keys_of(Keys::ONE, &["get", "a"]), ["a"]);
        assert_eq!(keys_of(Keys::ALL, &["del", "a", "b"]), ["a", "b"]);
        assert_eq!(
            keys_of(Keys::PAIRS, &["mset", "a", "1", "b", "2"]),
            ["a", "b"]
        );
        assert!(keys_of(Keys::NONE, &["ping", "a"]).is_empty());
        assert!(keys_of(Keys::ALL, &[]).is_empty());
    }
}
