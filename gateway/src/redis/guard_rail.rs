//! Notices Redlock clients that were given the members of one cluster as independent nodes.
//!
//! Such a client sets the same key to the same value through several members at once; over one
//! keyspace it never gets its quorum. Seen from one member: a SET NX PX is refused by a key that
//! holds just its value, that was made within the last second (its deadline tells), and that this
//! member did not make. Semantics don't change; it is counted, and said once.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::types::{KeyValue, Now, Value};

const WINDOW: Duration = Duration::from_secs(1);
/// Locks remembered as made here.
const MADE_MAX: usize = 4096;

/// A SET key value NX PX that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub key: Bytes,
    pub value: Bytes,
    pub life_ms: u64,
}

#[derive(Default)]
pub struct GuardRail {
    made_here: Mutex<VecDeque<(Instant, u64)>>,
    seen: AtomicU64,
    told: AtomicBool,
}

impl GuardRail {
    /// How often it was seen.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// The attempt made the key.
    pub fn made(&self, attempt: &Attempt) {
        let mut made = self.made_here.lock();
        if made.len() >= MADE_MAX {
            made.pop_front();
        }
        made.push_back((Instant::now(), name(attempt)));
    }

    /// The attempt was refused because of `held`. `now` may lag a little.
    pub fn refused(&self, attempt: &Attempt, held: &KeyValue, now: Now) {
        if !is_fresh_twin(attempt, held, now) || self.was_made_here(attempt) {
            return;
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                key = %attempt.key.escape_ascii(),
                "the same SET NX came through several members at once: a Redlock client seems to \
                 list members of one cluster as independent nodes and will not get its quorum; \
                 give it one address instead"
            );
        }
    }

    fn was_made_here(&self, attempt: &Attempt) -> bool {
        let wanted = name(attempt);
        let made = self.made_here.lock();
        let recent = made
            .iter()
            .rev()
            .take_while(|(at, _)| at.elapsed() <= WINDOW * 2);
        recent.into_iter().any(|(_, name)| *name == wanted)
    }
}

/// Whether the key holds the very value and was set within the window.
fn is_fresh_twin(attempt: &Attempt, held: &KeyValue, now: Now) -> bool {
    let Some(deadline) = held.deadline else {
        return false;
    };
    let left = deadline.left_ms(now);
    let age = attempt.life_ms.saturating_sub(left);
    held.value == Value::Bytes(attempt.value.clone()) && u128::from(age) <= WINDOW.as_millis()
}

fn name(attempt: &Attempt) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&attempt.key, &attempt.value).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use quorate_core::types::{ClusterMillis, Deadline};

    use super::*;

    fn at(clock: u64) -> Now {
        Now {
            clock: ClusterMillis(clock),
            ..Now::default()
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            key: Bytes::from("k"),
            value: Bytes::from("v"),
            life_ms: 8000,
        }
    }

    fn held(value: &'static str) -> KeyValue {
        let value = Value::Bytes(Bytes::from(value));
        KeyValue {
            value,
            deadline: Some(Deadline::Clock(ClusterMillis(18_000))),
            ..KeyValue::default()
        }
    }

    #[test]
    fn a_twin_through_another_member_is_counted() {
        let rail = GuardRail::default();
        rail.refused(&attempt(), &held("other"), at(10_500));
        rail.refused(&attempt(), &held("v"), at(12_000));
        assert_eq!(rail.seen(), 0, "another value, or an old lock");
        rail.refused(&attempt(), &held("v"), at(10_500));
        assert_eq!(rail.seen(), 1);
    }

    #[test]
    fn a_retry_at_the_same_member_is_not() {
        let rail = GuardRail::default();
        rail.made(&attempt());
        rail.refused(&attempt(), &held("v"), at(10_500));
        assert_eq!(rail.seen(), 0);
    }
}
