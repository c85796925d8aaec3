//! Clients: each asks one thing at a time of a member chosen anew, as its dice say; but for those
//! that stay on a connection, and send several writes on it without waiting for answers.

use std::sync::Arc;

use parking_lot::Mutex;
use quorate_core::types::Revision;

use crate::entropy::Dice;
use crate::history::{Answer, Request};
use crate::leaseholder::Leaseholder;
use crate::network::MemberNumber;

/// Where an answer is left.
pub type Slot = Arc<Mutex<Option<Answer>>>;

/// Revisions that a compaction leaves.
const KEPT: Revision = 60;
/// Half of the keys keep their history, half forget it.
const PREFIXES: [&str; 2] = ["w/", "redis/0/"];

pub struct Client {
    pub dice: Dice,
    pub number: usize,
    asked: u64,
    /// The newest revision it was told.
    newest: Revision,
    /// The lock it holds, as it believes, and its token.
    held: Option<(String, Revision)>,
    leaseholder: Leaseholder,
    role: Role,
    /// Whom it asked last, and how many connections it has given up.
    member: MemberNumber,
    pub given_up: u64,
}

#[derive(Clone, Copy)]
enum Role {
    Keys,
    Locks,
    Leases,
    Pipelines,
}

const ROLES: [Role; 11] = [
    Role::Locks,
    Role::Keys,
    Role::Leases,
    Role::Locks,
    Role::Keys,
    Role::Leases,
    Role::Locks,
    Role::Keys,
    Role::Leases,
    Role::Pipelines,
    Role::Pipelines,
];

impl Client {
    pub fn new(number: usize, dice: Dice) -> Client {
        Client {
            dice,
            number,
            asked: 0,
            newest: 0,
            held: None,
            leaseholder: Leaseholder::default(),
            role: ROLES[number],
            member: 0,
            given_up: 0,
        }
    }

    /// One of so many members.
    pub fn choose(&mut self, members: usize) -> MemberNumber {
        let stays = matches!(self.role, Role::Pipelines) && !self.dice.once_in(8);
        if !stays {
            self.member = self.dice.range(0, members as u64) as usize;
        }
        self.member
    }

    /// What it asks for, and the time in milliseconds from one to the next.
    pub fn next_requests(&mut self) -> (Vec<Request>, u64) {
        let (requests, gap_ms) = match self.role {
            Role::Pipelines => (self.dice.range(2, 8), self.dice.range(0, 5)),
            _ => (1, 0),
        };
        ((0..requests).map(|_| self.next_request()).collect(), gap_ms)
    }

    fn next_request(&mut self) -> Request {
        self.asked += 1;
        let unique = format!("{}-{}", self.number, self.asked);
        match self.role {
            Role::Locks => self.lock_request(unique),
            Role::Keys => self.key_request(unique),
            Role::Pipelines => Request::Put {
                key: format!("{}p{}", PREFIXES[self.number % 2], self.dice.range(0, 4)),
                value: unique,
            },
            Role::Leases => self.leaseholder.next_request(&mut self.dice, unique),
        }
    }

    fn key_request(&mut self, value: String) -> Request {
        let prefix = PREFIXES[self.dice.range(0, 2) as usize];
        let key = format!("{prefix}k{}", self.dice.range(0, 4));
        match self.dice.range(0, 10) {
            // What a watcher that lags far may then miss, and must be told.
            1 if self.newest > 2 * KEPT && self.dice.once_in(4) => Request::Compact {
                revision: self.newest - KEPT,
            },
            0 => Request::Delete { key },
            1..5 => Request::Read { key },
            _ => Request::Put { key, value },
        }
    }

    fn lock_request(&mut self, owner: String) -> Request {
        let ttl_ms = self.dice.range(100, 3_000);
        let Some((lock, token)) = self.held.clone() else {
            let prefix = ["locks/", "redis/0/lock"][self.dice.range(0, 2) as usize];
            let lock = format!("{prefix}{}", self.dice.range(0, 2));
            return Request::Acquire {
                lock,
                owner,
                ttl_ms,
            };
        };
        match self.dice.range(0, 4) {
            // Lets it end by itself.
            0 => {
                self.held = None;
                self.lock_request(owner)
            }
            1 => Request::Release { lock, token },
            _ => Request::Renew {
                lock,
                token,
                ttl_ms,
            },
        }
    }

    /// Learns from an answer.
    pub fn told(&mut self, request: &Request, answer: &Answer) {
        self.leaseholder.told(request, answer);
        self.given_up += u64::from(*answer == Answer::Unknown);
        if let Answer::Done { revision, .. } | Answer::Value { revision, .. } = answer {
            self.newest = *revision;
        }
        let happened = match answer {
            Answer::Done { happened, revision } => happened.then_some(*revision),
            _ => None,
        };
        match (request, happened) {
            (Request::Acquire { lock, .. }, Some(token)) => {
                self.held = Some((lock.clone(), token));
            }
            (Request::Renew { .. }, Some(_)) => {}
            _ => self.held = None,
        }
    }
}
