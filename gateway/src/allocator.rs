//! The allocator, mimalloc 2: it gives memory back that is no longer in use. With the system's the
//! process stays as large as what its clients once made it hold, all threads' peaks added up.

use libmimalloc_sys::{_mi_option_last, mi_option_set};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 (`mimalloc.h`), which the crate does not name.
const PURGE_DELAY: i32 = 15;
const _: () = assert!(
    _mi_option_last == 38,
    "the numbers of the options are others"
);

/// Milliseconds until pages that were freed go back to the system; ten times as long for large
/// ones. With mimalloc's own choice, 10, the worst moments of several clients one after another
/// are held at once.
const DELAY_MS: std::ffi::c_long = 1;

#[expect(unsafe_code, reason = "mimalloc has no safe way to set an option")]
pub fn give_back_soon() {
    // SAFETY: it writes a number to a table, in which the option has a place.
    unsafe { mi_option_set(PURGE_DELAY, DELAY_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "mimalloc has no safe way to read an option")]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: it reads a number from a table, in which the option has a place.
        let read = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(read(), 10, "as mimalloc documents");
        give_back_soon();
        assert_eq!(read(), DELAY_MS);
    }
}
