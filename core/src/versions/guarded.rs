//! Calls into the storage engine, which may panic on a damaged file. That must become an error
//! which names the file; so such a panic is foreseen, and the program's panic hook, which ends the
//! process at any other, must let it pass.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The engine panicked.
pub(super) struct Panicked;

/// Runs what calls the engine. What it borrows must not be used after a panic.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|_| Panicked)
}

/// Whether a panic of this thread is foreseen now: for a panic hook.
pub fn is_panic_foreseen() -> bool {
    DEPTH.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_foreseen_just_inside() {
        assert!(!is_panic_foreseen());
        let inner = guarded(|| guarded(|| panic!("on purpose")).is_err() && is_panic_foreseen());
        assert!(matches!(inner, Ok(true)));
        assert!(guarded(|| panic!("on purpose")).is_err());
        assert!(!is_panic_foreseen());
    }
}
