//! Calls into the storage engine, which may panic on a damaged file. That must become an error
//! which names the file; so such a panic is foreseen, and the program's panic hook, which ends the
//! process at any other, must let it pass.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::VersionsError;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// What is said of a panic; its own text is in the log.
pub(super) const NONSENSE: &str = "it makes no sense to the storage engine";

/// The engine panicked.
pub(super) struct Panicked;

/// Runs what calls the engine. What it borrows must not be used after a panic.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|_| Panicked)
}

/// As `guarded`; a panic is told as damage, and so is whatever else shows it.
///
/// # Errors
/// Those of `call`, and what names the file and what to do.
pub(crate) fn or_damaged<T>(
    call: impl FnOnce() -> Result<T, VersionsError>,
) -> Result<T, VersionsError> {
    let result = guarded(call).unwrap_or_else(|Panicked| Err(VersionsError::damaged(NONSENSE)));
    result.map_err(VersionsError::judged)
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
