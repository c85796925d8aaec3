//! A random sequence of steps: the same seed makes the same one.
//!
//! Two connections work on data, transactions and scripts; in every other sequence a third one
//! listens to channels and to keyspace events.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::grammar::command;
use super::step::{Command, Step};

/// Steps of one sequence, those that set it up not counted.
pub const STEPS: usize = 80;
const WORKERS: usize = 2;
const LISTENER: usize = 2;
/// How often a command loses, gains or changes a word, in a hundred.
const SPOILED_PERCENT: u32 = 4;

/// What a spoiled command gets; none of these is a short life.
const ODD_WORDS: [&[u8]; 7] = [
    b"",
    b"abc",
    b"-1",
    b"0",
    b"NX",
    b"9223372036854775808",
    b"1.5",
];

/// The kinds of steps and how often each comes.
const KINDS: [(Kind, u32); 12] = [
    (Kind::Command("data"), 50),
    (Kind::Command("script"), 16),
    (Kind::Command("session"), 10),
    (Kind::Command("begin"), 8),
    (Kind::Command("publish"), 4),
    (Kind::Pipeline, 6),
    (Kind::Brief, 4),
    (Kind::Walk, 3),
    (Kind::Inline, 3),
    (Kind::Watched, 3),
    (Kind::Shared, 3),
    (Kind::Reopen, 1),
];

#[derive(Clone, Copy)]
enum Kind {
    Command(&'static str),
    /// Several commands in one write.
    Pipeline,
    /// A key whose life ends at once.
    Brief,
    /// A cursor's way through the keys or the fields.
    Walk,
    Inline,
    /// WATCH, perhaps a change by the other connection, MULTI, EXEC.
    Watched,
    /// Both connections work on the same keys under MULTI.
    Shared,
    /// QUIT: the next step opens a new connection.
    Reopen,
}

/// The sequence of a seed.
pub fn sequence(seed: u64) -> Vec<Step> {
    let mut maker = Maker {
        dice: StdRng::seed_from_u64(seed),
        steps: Vec::new(),
        open: [false; WORKERS],
        listens: false,
    };
    maker.set_up();
    let end = maker.steps.len() + STEPS;
    while maker.steps.len() < end {
        maker.step();
    }
    maker.steps
}

struct Maker {
    dice: StdRng,
    steps: Vec<Step>,
    /// Whether a MULTI of this connection was sent and nothing that ends it.
    open: [bool; WORKERS],
    listens: bool,
}

impl Maker {
    fn set_up(&mut self) {
        for connection in 0..=LISTENER {
            if self.dice.random_bool(0.5) {
                self.say(connection, &["HELLO", "3"]);
            }
        }
        self.listens = self.dice.random_bool(0.5);
        if self.listens {
            let wanted = ["KEA", "AKE", "Kg$", "Eghx", "KEx", "Kh$", "KEg$hx", "KEA"];
            let wanted = wanted[self.dice.random_range(0..wanted.len())];
            self.say(0, &["CONFIG", "SET", "notify-keyspace-events", wanted]);
            self.say(LISTENER, &["PSUBSCRIBE", "__key*__:*"]);
            self.say(LISTENER, &["SUBSCRIBE", "news"]);
        }
    }

    fn say(&mut self, connection: usize, words: &[&str]) {
        self.steps
            .push(Step::Send(connection, vec![Command::of(words)]));
    }

    fn step(&mut self) {
        if self.listens && self.dice.random_ratio(1, 20) {
            return self.command(LISTENER, "subscribe");
        }
        let connection = self.dice.random_range(0..WORKERS);
        if self.open[connection] {
            return self.queue(connection);
        }
        match self.kind() {
            Kind::Command(symbol) => self.command(connection, symbol),
            Kind::Pipeline => self.pipeline(connection),
            Kind::Brief => self.brief(connection),
            Kind::Walk => self.walk(connection),
            Kind::Inline => self.inline(connection),
            Kind::Watched => self.watched(connection),
            Kind::Shared => (0..WORKERS).for_each(|connection| self.multi(connection)),
            Kind::Reopen => self.say(connection, &["QUIT"]),
        }
    }

    fn kind(&mut self) -> Kind {
        let sum = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut at = self.dice.random_range(0..sum);
        for (kind, weight) in KINDS {
            if at < weight {
                return kind;
            }
            at -= weight;
        }
        Kind::Command("data")
    }

    fn command(&mut self, connection: usize, symbol: &str) {
        let made = self.made(symbol);
        if connection < WORKERS && made.name() == "multi" && made.0.len() == 1 {
            self.open[connection] = true;
        }
        self.steps.push(Step::Send(connection, vec![made]));
    }

    /// A command, perhaps spoiled, in either case.
    fn made(&mut self, symbol: &str) -> Command {
        let mut made = command(&mut self.dice, symbol);
        if self.dice.random_bool(0.5)
            && let Some(name) = made.0.first_mut()
        {
            name.make_ascii_lowercase();
        }
        if made.0.len() > 1 && self.dice.random_ratio(SPOILED_PERCENT, 100) {
            let at = self.dice.random_range(1..made.0.len());
            let odd = ODD_WORDS[self.dice.random_range(0..ODD_WORDS.len())].to_vec();
            match self.dice.random_range(0..3) {
                0 => drop(made.0.remove(at)),
                1 => made.0.push(odd),
                _ => made.0[at] = odd,
            }
        }
        made
    }

    fn queue(&mut self, connection: usize) {
        match self.dice.random_range(0..20) {
            0..5 => {
                self.open[connection] = false;
                self.say(connection, &["EXEC"]);
            }
            5 => {
                self.open[connection] = false;
                self.say(connection, &["DISCARD"]);
            }
            6 => {
                self.open[connection] = false;
                self.say(connection, &["EXEC", "spoiled"]);
            }
            _ => self.command(connection, "queued"),
        }
    }

    fn multi(&mut self, connection: usize) {
        if !self.open[connection] {
            self.open[connection] = true;
            self.say(connection, &["MULTI"]);
        }
    }

    fn pipeline(&mut self, connection: usize) {
        let count = self.dice.random_range(2..8);
        let commands = (0..count).map(|_| {
            let symbol = if self.dice.random_ratio(1, 8) {
                "script"
            } else {
                "data"
            };
            self.made(symbol)
        });
        let commands = commands.collect();
        self.steps.push(Step::Send(connection, commands));
    }

    fn brief(&mut self, connection: usize) {
        let Command(mut words) = command(&mut self.dice, "brief");
        let key = words.remove(0);
        self.steps
            .push(Step::Send(connection, vec![Command(words)]));
        self.steps.push(Step::AwaitEnd(connection, key));
    }

    fn walk(&mut self, connection: usize) {
        let count = ["1", "2", "3", "100"][self.dice.random_range(0..4)];
        let words: &[&str] = match self.dice.random_range(0..6) {
            0 => &["SCAN", "0", "COUNT", count],
            1 => &["SCAN", "0", "MATCH", "[sn]*", "COUNT", count],
            2 => &["SCAN", "0", "TYPE", "hash", "COUNT", count],
            3 => &["SCAN", "0"],
            4 => &["HSCAN", "h1", "0", "COUNT", count],
            _ => &["HSCAN", "h2", "0", "MATCH", "f[1-3]"],
        };
        self.steps.push(Step::Walk(connection, Command::of(words)));
    }

    fn inline(&mut self, connection: usize) {
        let lines: [&[u8]; 8] = [
            b"PING\r\n",
            b"  set   s1  \"two words\" \r\n",
            b"GET s1\n",
            b"SET s2 'it\\'s'\r\n",
            b"SET s3 \"\\x41\\n\\t\"\r\n",
            b"INCR n1\r\n",
            b"\r\nPING again\r\n",
            b"EXISTS s1 s2 s3\r\n",
        ];
        let line = lines[self.dice.random_range(0..lines.len())];
        self.steps.push(Step::Raw(connection, 1, line.to_vec()));
    }

    fn watched(&mut self, connection: usize) {
        let keys = command(&mut self.dice, "keys");
        let mut watch = vec![b"WATCH".to_vec()];
        watch.extend(keys.0);
        self.steps
            .push(Step::Send(connection, vec![Command(watch)]));
        let other = (connection + 1) % WORKERS;
        if !self.open[other] && self.dice.random_bool(0.6) {
            self.command(other, "data");
        }
        self.multi(connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_sequence() {
        assert_eq!(sequence(7), sequence(7));
        assert_ne!(sequence(7), sequence(8));
        assert!(sequence(7).len() >= STEPS);
    }
}
