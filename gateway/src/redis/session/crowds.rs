//! Scripts of this member that wait for the same keys, in order of arrival, until they are carried
//! out together (`company`).
//!
//! A crowd is there from the first that comes until its carrier finds that nobody waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::types::Principal;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::exec::Queued;
use crate::redis::program::Failure;
use crate::redis::reply::Reply;

/// Carried out together.
const MEMBERS_MAX: usize = 1024;

/// What those of a crowd have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    pub principal: Principal,
    pub db: u32,
    /// Each once, in order.
    pub keys: Vec<Bytes>,
}

impl Group {
    pub fn new(principal: &Principal, db: u32, keys: &[Bytes]) -> Group {
        // They outlive the buffer that they arrived in.
        let own = |key: &Bytes| Bytes::copy_from_slice(key);
        let mut keys: Vec<Bytes> = keys.iter().map(own).collect();
        keys.sort_unstable();
        keys.dedup();
        Group {
            principal: principal.clone(),
            db,
            keys,
        }
    }
}

/// A script, and who is told what came of it.
pub struct Waiting {
    pub command: Queued,
    pub told: oneshot::Sender<Told>,
    /// By then its last run has begun, or it was not carried out.
    pub deadline: Instant,
}

impl Waiting {
    /// Who went away needs no word.
    pub fn tell(self, what: Told) {
        drop(self.told.send(what));
    }

    /// Nothing of it has happened, and it can't be among others.
    pub fn send_away(self) {
        drop(self.told.send(Told::Alone(self.command)));
    }
}

#[derive(Debug)]
pub enum Told {
    Done(Reply),
    Failed(Failure),
    /// It is to be carried out by itself.
    Alone(Queued),
}

/// Each connection has at most one script here.
#[derive(Default)]
pub struct Crowds {
    crowds: Mutex<HashMap<Group, Crowd>>,
}

#[derive(Default)]
struct Crowd {
    waiting: VecDeque<Waiting>,
    /// Rung when one more waits.
    grown: Arc<Notify>,
}

impl Crowds {
    /// True: it is the first of its crowd, for which a carrier has to be found.
    pub fn join(&self, group: &Group, one: Waiting) -> bool {
        let mut crowds = self.crowds.lock();
        if let Some(crowd) = crowds.get_mut(group) {
            crowd.waiting.push_back(one);
            crowd.grown.notify_one();
            return false;
        }
        let crowd = crowds.entry(group.clone()).or_default();
        crowd.waiting.push_back(one);
        true
    }

    /// The last deadline of those who wait. None: nobody waits, and the crowd is no more.
    pub fn deadline(&self, group: &Group) -> Option<Instant> {
        let mut crowds = self.crowds.lock();
        let waiting = crowds.get(group).map(|crowd| crowd.waiting.iter());
        let deadline = waiting.and_then(|ones| ones.map(|one| one.deadline).max());
        if deadline.is_none() {
            crowds.remove(group);
        }
        deadline
    }

    /// How many wait now.
    pub fn size(&self, group: &Group) -> usize {
        let crowds = self.crowds.lock();
        crowds.get(group).map_or(0, |crowd| crowd.waiting.len())
    }

    /// Resolves once so many wait.
    pub async fn gathered(&self, group: &Group, number: usize) {
        let grown = self
            .crowds
            .lock()
            .get(group)
            .map(|crowd| crowd.grown.clone());
        let Some(grown) = grown else { return };
        while self.size(group) < number {
            grown.notified().await;
        }
    }

    /// Those at the front. Who went away meanwhile is left out: nothing of it has happened.
    pub fn take(&self, group: &Group) -> Vec<Waiting> {
        self.take_while(group, |_| true)
    }

    /// Those of them whose time is over by then.
    pub fn take_until(&self, group: &Group, deadline: Instant) -> Vec<Waiting> {
        self.take_while(group, |one| one.deadline <= deadline)
    }

    fn take_while(&self, group: &Group, belongs: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut crowds = self.crowds.lock();
        let Some(crowd) = crowds.get_mut(group) else {
            return Vec::new();
        };
        let front = crowd.waiting.iter().take(MEMBERS_MAX);
        let number = front.take_while(|one| belongs(one)).count();
        let taken = crowd.waiting.drain(..number);
        taken.filter(|one| !one.told.is_closed()).collect()
    }

    /// They go on waiting, before all who have come since.
    pub fn put_back(&self, group: &Group, ones: Vec<Waiting>) {
        if ones.is_empty() {
            return;
        }
        let mut crowds = self.crowds.lock();
        let crowd = crowds.entry(group.clone()).or_default();
        let waiting = &mut crowd.waiting;
        ones.into_iter()
            .rev()
            .for_each(|one| waiting.push_front(one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::commands::check;

    fn group() -> Group {
        Group::new(
            &Principal::default(),
            0,
            &["k".into(), "a".into(), "k".into()],
        )
    }

    fn waiting(name: &'static str, deadline: Instant) -> (Waiting, oneshot::Receiver<Told>) {
        let args: Vec<Bytes> = ["ECHO", name].map(Bytes::from).into();
        let row = check(&args).expect("a command");
        let (told, hears) = oneshot::channel();
        let command = Queued { row, args };
        let one = Waiting {
            command,
            told,
            deadline,
        };
        (one, hears)
    }

    fn names(taken: &[Waiting]) -> Vec<&[u8]> {
        taken.iter().map(|one| &one.command.args[1][..]).collect()
    }

    #[test]
    fn the_first_finds_a_carrier_and_the_last_ends_the_crowd() {
        let (crowds, now) = (Crowds::default(), Instant::now());
        let later = now + std::time::Duration::from_secs(1);
        assert_eq!(group().keys, ["a", "k"]);
        let ((first, _first), (second, _second)) = (waiting("1", now), waiting("2", later));
        assert!(crowds.join(&group(), first));
        assert!(!crowds.join(&group(), second));
        assert_eq!(crowds.deadline(&group()), Some(later));
        let taken = crowds.take(&group());
        assert_eq!(names(&taken), [b"1", b"2"]);
        let (third, _third) = waiting("3", now);
        assert!(!crowds.join(&group(), third), "it has a carrier still");
        crowds.put_back(&group(), taken);
        assert_eq!(names(&crowds.take(&group())), [b"1", b"2", b"3"]);
        assert_eq!(crowds.deadline(&group()), None);
        assert!(crowds.crowds.lock().is_empty());
        let (fourth, _fourth) = waiting("4", now);
        assert!(crowds.join(&group(), fourth));
    }

    #[tokio::test]
    async fn a_crowd_is_waited_for_until_it_is_as_large_as_wanted() {
        let (crowds, now) = (Crowds::default(), Instant::now());
        let ones = ["1", "2", "3"].map(|name| waiting(name, now));
        let (group, mut ones) = (group(), ones.into_iter());
        let mut join = || {
            let (one, hears) = ones.next().expect("one more");
            crowds.join(&group, one);
            hears
        };
        let _first = join();
        let gathered = crowds.gathered(&group, 3);
        tokio::pin!(gathered);
        assert!(futures_util::poll!(&mut gathered).is_pending());
        let _second = join();
        assert!(futures_util::poll!(&mut gathered).is_pending());
        let _third = join();
        assert!(futures_util::poll!(&mut gathered).is_ready());
    }

    #[test]
    fn who_came_later_is_not_told_what_stopped_those_before() {
        let (crowds, now) = (Crowds::default(), Instant::now());
        let later = now + std::time::Duration::from_secs(1);
        let ((early, _early), (late, _late)) = (waiting("early", now), waiting("late", later));
        crowds.join(&group(), early);
        crowds.join(&group(), late);
        assert_eq!(names(&crowds.take_until(&group(), now)), [b"early"]);
        assert_eq!(names(&crowds.take(&group())), [b"late"]);
    }

    #[test]
    fn who_went_away_is_left_out_and_nobody_with_it() {
        let (crowds, now) = (Crowds::default(), Instant::now());
        let [(first, _first), (gone, gone_hears), (last, _last)] =
            ["1", "gone", "2"].map(|name| waiting(name, now));
        for one in [first, gone, last] {
            crowds.join(&group(), one);
        }
        drop(gone_hears);
        assert_eq!(names(&crowds.take(&group())), [b"1", b"2"]);
    }
}
