//! Clients that contend, and what they were told, with the times.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use porcupine_rs::Operation;
use quorate_compat_tests::cross::redis::connection::{Connection, Frame};
use quorate_compat_tests::cross::redis::reply::Reply;
use quorate_compat_tests::server::Cluster;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::call::{self, Act, Call};
use crate::model::{OneOrder, Op};

const LIMIT: Duration = Duration::from_secs(60);
const CLIENTS: u32 = 6;
/// What each of them does in a round.
const ACTS: usize = 40;

pub struct Client {
    connection: Connection,
    number: u32,
}

impl Client {
    pub fn connect(port: u16, number: u32) -> Client {
        let connection = Connection::open(&format!("127.0.0.1:{port}")).expect("a server");
        Client { connection, number }
    }

    fn ask(&mut self, commands: &[Vec<String>]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for words in commands {
            let words = words.iter().map(|word| Reply::bulk(word)).collect();
            Reply::Array(words).encode(&mut bytes);
        }
        self.connection.send(&bytes);
        let replies = commands
            .iter()
            .map(|words| match self.connection.next(LIMIT) {
                Frame::Reply(reply) => reply,
                other => panic!("{other:?} to {words:?}"),
            });
        replies.collect()
    }

    /// What is said to the whole of it; of what is watched with what was seen first.
    fn act(&mut self, round: usize, act: &mut Act) -> Reply {
        let word = |word: &str| vec![word.to_owned()];
        let calls = match act {
            Act::Call(call) => {
                let mut replies = self.ask(&[call.words(round)]);
                return first_words(replies.remove(0));
            }
            Act::Multi(calls) => calls,
            Act::Watched { key, seen, calls } => {
                let get = Call::Get(*key).words(round);
                let watch = vec!["WATCH".to_owned(), get[1].clone()];
                *seen = match self.ask(&[watch, get]).pop() {
                    Some(Reply::Bulk(value)) => Some(value),
                    _ => None,
                };
                calls
            }
        };
        let calls = calls.iter().map(|call| call.words(round));
        let mut all = vec![word("MULTI")];
        all.extend(calls);
        all.push(word("EXEC"));
        first_words(self.ask(&all).pop().expect("EXEC's"))
    }

    pub fn carry_out(&mut self, round: usize, act: &Act) -> Reply {
        self.act(round, &mut act.clone())
    }
}

/// A script's errors tell where in it they happened, others do not.
fn first_words(reply: Reply) -> Reply {
    match reply {
        Reply::Error(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = text.split(" script: ").next().unwrap_or_default();
            Reply::Error(text.as_bytes().to_vec())
        }
        Reply::Array(all) => Reply::Array(all.into_iter().map(first_words).collect()),
        other => other,
    }
}

#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Vec<Operation<OneOrder>>>>);

impl History {
    pub fn add(&self, client: u32, call: i64, end: i64, act: Act, reply: Reply) {
        let operation = Operation {
            client_id: Some(client),
            call_time: call,
            return_time: end,
            op: Op { act, reply },
            metadata: None,
        };
        let mut operations = self.0.lock().expect("no holder of this lock panics");
        operations.push(operation);
    }

    pub fn take(&self) -> Vec<Operation<OneOrder>> {
        let operations = self.0.lock().expect("no holder of this lock panics");
        operations.clone()
    }
}

/// Lets all clients contend for the keys of a round, each with what `any` gives it, and reads what
/// is there at the end.
pub fn round(
    servers: &Cluster,
    round: usize,
    seed: u64,
    any: fn(&mut StdRng) -> Act,
) -> Vec<Operation<OneOrder>> {
    let (history, began) = (History::default(), Instant::now());
    let ports = servers.ports();
    let now = || i64::try_from(began.elapsed().as_nanos()).expect("a test ends within 292 years");
    let carry_out = |client: &mut Client, mut act: Act| {
        let call = now();
        let reply = client.act(round, &mut act);
        history.add(client.number, call, now(), act, reply);
    };
    std::thread::scope(|threads| {
        for number in 0..CLIENTS {
            let port = ports[number as usize % ports.len()].redis;
            let carry_out = &carry_out;
            threads.spawn(move || {
                let mut dice = StdRng::seed_from_u64(seed * u64::from(CLIENTS) + u64::from(number));
                let mut client = Client::connect(port, number);
                for _ in 0..ACTS {
                    carry_out(&mut client, any(&mut dice));
                }
            });
        }
    });
    carry_out(
        &mut Client::connect(ports[0].redis, CLIENTS),
        call::everything(),
    );
    history.take()
}
