//! Who holds much, and since when: the list from which one is chosen that must go.
//!
//! Connections stand in classes, each for twice the bytes of the one before, and in a class by
//! when they began to hold. Of those that have held for long enough the one in the highest class
//! goes first, and in it the oldest. So it costs a look at each class, however many there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::load::{Account, FREE_BYTES};

const CLASSES: usize = usize::BITS as usize;

/// Who is on the list, by class and then by age.
pub(super) struct Hoards {
    classes: [BTreeMap<u64, Hoard>; CLASSES],
    next: u64,
}

struct Hoard {
    since: Instant,
    account: Arc<Account>,
}

/// Where somebody stands on the list.
#[derive(Clone, Copy)]
pub(super) struct Place {
    class: usize,
    number: u64,
}

impl Place {
    /// Whether somebody with so many bytes stands right there.
    pub(super) fn is_for(self, bytes: usize) -> bool {
        self.class == class(bytes)
    }
}

impl Default for Hoards {
    fn default() -> Self {
        Hoards {
            classes: std::array::from_fn(|_| BTreeMap::new()),
            next: 0,
        }
    }
}

impl Hoards {
    /// Begins to count how long this one holds.
    pub(super) fn add(&mut self, bytes: usize, account: Arc<Account>) -> Place {
        let place = Place {
            class: class(bytes),
            number: self.next,
        };
        self.next += 1;
        let since = Instant::now();
        self.classes[place.class].insert(place.number, Hoard { since, account });
        place
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.classes[place.class].remove(&place.number);
    }

    /// Puts it where it belongs with so many bytes. Its age stays, unless it begins to be a hoard.
    pub(super) fn sort(&mut self, place: Place, bytes: usize) -> Place {
        // One that was chosen to go is not on the list any more.
        let hoard = self.classes[place.class].remove(&place.number);
        let sorted = Place {
            class: class(bytes),
            ..place
        };
        match hoard {
            Some(hoard) if place.class == 0 && sorted.class > 0 => self.add(bytes, hoard.account),
            Some(hoard) => {
                self.classes[sorted.class].insert(sorted.number, hoard);
                sorted
            }
            None => sorted,
        }
    }

    /// Takes off the list who has held the most, of those that have held for so long.
    pub(super) fn take_greediest(&mut self, age_min: Duration) -> Option<Arc<Account>> {
        let mut hoarders = self.classes.iter_mut().skip(1).rev();
        hoarders.find_map(|class| {
            let oldest = class.first_entry()?;
            let is_old = oldest.get().since.elapsed() >= age_min;
            is_old.then(|| oldest.remove().account)
        })
    }
}

/// The first is of those that hold no more than each may.
fn class(bytes: usize) -> usize {
    (bytes / FREE_BYTES)
        .checked_ilog2()
        .map_or(0, |log| log as usize + 1)
}
