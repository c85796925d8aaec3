//! Programs of this member that have lately needed a turn: the next of the same kind asks for one
//! at once, instead of being disturbed first.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long one is remembered. Then it is found out anew whether it needs a turn still.
const LATELY: Duration = Duration::from_secs(2);
const REMEMBERED_MAX: usize = 1_024;

/// What a program that is disturbed loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// A few reads.
    Little,
    /// It runs for long, or looks through names.
    Much,
}

#[derive(Default)]
pub struct Contended {
    /// By a number that stands for what it does and the keys it names.
    noted: Mutex<HashMap<u64, (Instant, Cost)>>,
}

impl Contended {
    pub fn note(&self, what: u64, cost: Cost, now: Instant) {
        let mut noted = self.noted.lock();
        if noted.len() >= REMEMBERED_MAX {
            noted.retain(|_, (at, _)| now.saturating_duration_since(*at) < LATELY);
        }
        if noted.len() >= REMEMBERED_MAX {
            noted.clear();
        }
        noted.insert(what, (now, cost));
    }

    /// What it cost, if it needed a turn lately.
    pub fn recall(&self, what: u64, now: Instant) -> Option<Cost> {
        let (at, cost) = *self.noted.lock().get(&what)?;
        (now.saturating_duration_since(at) < LATELY).then_some(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_remembered_for_a_while() {
        let (contended, now) = (Contended::default(), Instant::now());
        contended.note(1, Cost::Much, now);
        assert_eq!(contended.recall(1, now), Some(Cost::Much));
        assert_eq!(contended.recall(2, now), None);
        assert_eq!(contended.recall(1, now + LATELY), None);
        let many = 2 * REMEMBERED_MAX as u64;
        (0..many).for_each(|what| contended.note(what, Cost::Little, now));
        assert!(contended.noted.lock().len() <= REMEMBERED_MAX);
        assert_eq!(contended.recall(many - 1, now), Some(Cost::Little));
    }
}
