//! Clients: each asks one thing at a time of a member chosen anew, as its dice say.

use std::sync::Arc;

use parking_lot::Mutex;
use quorate_core::types::Revision;

use crate::entropy::Dice;
use crate::history::{Answer, Request};
use crate::leaseholder::Leaseholder;

/// Where an answer is left.
pub type Slot = Arc<Mutex<Option<Answer>>>;

/// Revisions that a compaction leaves.
const KEPT: Revision = 60;

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
}

#[derive(Clone, Copy)]
enum Role {
    Keys,
    Locks,
    Leases,
}

impl Client {
    pub fn new(number: usize, dice: Dice) -> Client {
        Client {
            dice,
            number,
            asked: 0,
            newest: 0,
            held: None,
            leaseholder: Leaseholder::default(),
            role: [Role::Locks, Role::Keys, Role::Leases][number % 3],
        }
    }

    pub fn next_request(&mut self) -> Request {
        self.asked += 1;
        let unique = format!("{}-{}", self.number, self.asked);
        match self.role {
            Role::Locks => self.lock_request(unique),
            Role::Keys => self.key_request(unique),
            Role::Leases => self.leaseholder.next_request(&mut self.dice, unique),
        }
    }

    fn key_request(&mut self, value: String) -> Request {
        // Half of the keys forget their history, half keep it.
        let prefix = ["w/", "redis/0/"][self.dice.range(0, 2) as usize];
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
