//! Faults that there were once, put back one at a time, so that a test can see that the simulator
//! finds them. They are compiled under a feature that only the tests of this package have.

use std::sync::atomic::{AtomicU8, Ordering};

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutant {
    /// What is proposed again has new numbers, as if it were something else.
    SentAgainAsNew = 1,
    /// What was under way to a leader that has gone is sent to the next one in turned order.
    TurnedOrder,
    /// A member is taken for itself whatever disk it has.
    AnyDisk,
    /// A snapshot that comes in shares the slot of the one before it.
    TwoInstalls,
    /// Appends hold as many entries as there are, however large.
    EndlessAppends,
    /// A connection on which nothing is heard is kept.
    SilentConnections,
    /// A log is taken as it is found, whatever had been synced.
    NoLogMark,
    /// A life is over when the clock shows its deadline, which may be a millisecond early.
    EarlyEnds,
}

pub const ALL: [Mutant; 8] = [
    Mutant::SentAgainAsNew,
    Mutant::TurnedOrder,
    Mutant::AnyDisk,
    Mutant::TwoInstalls,
    Mutant::EndlessAppends,
    Mutant::SilentConnections,
    Mutant::NoLogMark,
    Mutant::EarlyEnds,
];

/// Stands in every program that has them; CI looks for it in the one that is released.
#[used]
static MARK: &str = "old faults can be put back";

static ON: AtomicU8 = AtomicU8::new(0);

/// From now on this process has the fault.
pub fn put_back(mutant: Mutant) {
    ON.store(mutant as u8, Ordering::Relaxed);
}

pub(crate) fn is_on(mutant: Mutant) -> bool {
    ON.load(Ordering::Relaxed) == mutant as u8
}
