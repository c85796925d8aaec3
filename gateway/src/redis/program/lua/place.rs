//! Scripts in place: on the thread of their caller, as long as they are short.
//!
//! A script has no effects before it has ended, so one that turns out to be long is given up and
//! runs from its beginning on a thread for scripts. It is remembered and goes there at once the
//! next time.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::limits::{
    COMPILED_MAX, IN_PLACE_INSTRUCTIONS_MAX, IN_PLACE_TEXT_MAX, IN_PLACE_TIME_MAX,
};
use super::processor;
use super::script::Script;

/// What the scripts of one call may still take together.
#[derive(Clone, Copy)]
struct Allowance {
    /// Before it, nobody asks for the thread's time.
    deadline: Instant,
    /// Of the thread's time.
    end: Duration,
    instructions: u64,
    /// They took too much.
    is_over: bool,
}

thread_local! {
    static ALLOWANCE: Cell<Option<Allowance>> = const { Cell::new(None) };
    /// The long ones, by SHA-1.
    static LONG: RefCell<HashSet<Bytes>> = RefCell::default();
}

/// Runs `work`, which runs scripts, here and now. None: they take too long, nothing of what was
/// done may be kept, and it is to be done again on one of `Threads`.
pub fn in_place<T>(work: impl FnOnce() -> T) -> Option<T> {
    ALLOWANCE.set(Some(Allowance {
        deadline: Instant::now() + IN_PLACE_TIME_MAX,
        end: processor::time_used() + IN_PLACE_TIME_MAX,
        instructions: IN_PLACE_INSTRUCTIONS_MAX,
        is_over: false,
    }));
    let done = work();
    let is_over = ALLOWANCE.take().is_none_or(|allowance| allowance.is_over);
    (!is_over).then_some(done)
}

/// Whether a script may begin here: always, but for long ones in place.
pub fn admits(script: &Script) -> bool {
    let Some(mut allowance) = ALLOWANCE.get() else {
        return true;
    };
    let is_long = script.body.len() > IN_PLACE_TEXT_MAX
        || LONG.with_borrow(|long| long.contains(&script.sha1));
    allowance.is_over |= is_long;
    ALLOWANCE.set(Some(allowance));
    !allowance.is_over
}

/// Takes instructions from what is left in place; false if it is used up. True elsewhere.
pub fn allows(instructions: u32) -> bool {
    let Some(mut allowance) = ALLOWANCE.get() else {
        return true;
    };
    let left = allowance.instructions.checked_sub(u64::from(instructions));
    allowance.instructions = left.unwrap_or(0);
    // A thread that waited for a processor has not used it: a lock's short script must not end up
    // behind the long ones that kept it waiting.
    let took_time = Instant::now() >= allowance.deadline && processor::time_used() >= allowance.end;
    allowance.is_over |= left.is_none() || took_time;
    ALLOWANCE.set(Some(allowance));
    !allowance.is_over
}

/// Whether what is done between scripts may go on here.
pub fn may_go_on() -> bool {
    allows(0)
}

/// The script ended. One that used up the instructions is long; time proves less, since what it
/// was given may have been large this once.
pub fn ended(script: &Script) {
    let Some(allowance) = ALLOWANCE.get() else {
        return;
    };
    if allowance.is_over && allowance.instructions == 0 {
        LONG.with_borrow_mut(|long| {
            if long.len() >= COMPILED_MAX {
                long.clear();
            }
            long.insert(script.sha1.clone());
        });
    }
}
