//! What clients have the server keep for as long as they like: names of channels, watched keys,
//! names of their own. Each may always keep a little. Whoever wants more than there is room for is
//! refused; nobody is closed for it, since a client in good order keeps such things for hours.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::load::Load;

/// Bytes kept for all connections, those that keep little not counted.
pub const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes kept for one connection.
pub const KEPT_BYTES_EACH_MAX: usize = 16 * 1024 * 1024;

/// What may be kept uncounted.
const FREE_BYTES: usize = 8 * 1024;

/// Bytes kept for a connection; given back when dropped.
pub struct Kept {
    load: Arc<Load>,
    bytes: usize,
}

impl Kept {
    pub fn new(load: Arc<Load>) -> Kept {
        Kept { load, bytes: 0 }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is kept from now on, if there is room; else nothing changes. Less always goes.
    pub fn try_set(&mut self, bytes: usize) -> bool {
        let (before, after) = (counted(self.bytes), counted(bytes));
        if after > before && !self.try_grow(bytes, after - before) {
            self.load.kept_refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        if after < before {
            self.load.kept.fetch_sub(before - after, Ordering::Relaxed);
        }
        self.bytes = bytes;
        true
    }

    fn try_grow(&self, bytes: usize, more: usize) -> bool {
        let within = |kept: usize| Some(kept + more).filter(|sum| *sum <= KEPT_BYTES_MAX);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        bytes <= KEPT_BYTES_EACH_MAX && self.load.kept.fetch_update(set, fetch, within).is_ok()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.try_set(0);
    }
}

fn counted(bytes: usize) -> usize {
    if bytes <= FREE_BYTES { 0 } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_and_all_are_bounded_and_all_is_given_back() {
        let load = Arc::<Load>::default();
        let kept = || Kept::new(load.clone());
        let mut first = kept();
        assert!(first.try_set(FREE_BYTES));
        assert_eq!(load.kept(), 0, "a little is not counted");
        assert!(!first.try_set(KEPT_BYTES_EACH_MAX + 1));
        assert_eq!((first.bytes(), load.kept_refused()), (FREE_BYTES, 1));
        assert!(first.try_set(KEPT_BYTES_EACH_MAX));
        let mut others = Vec::new();
        for _ in 1..KEPT_BYTES_MAX / KEPT_BYTES_EACH_MAX {
            let mut other = kept();
            assert!(other.try_set(KEPT_BYTES_EACH_MAX));
            others.push(other);
        }
        let mut last = kept();
        assert!(last.try_set(FREE_BYTES), "a little is always free");
        assert!(!last.try_set(FREE_BYTES + 1));
        assert!(first.try_set(1));
        assert!(last.try_set(KEPT_BYTES_EACH_MAX));
        drop((first, others, last));
        assert_eq!((load.kept(), load.kept_refused()), (0, 2));
    }
}
