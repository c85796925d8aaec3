//! Every invariant of the state, asserted; for tests, after each entry.

use std::collections::{BTreeMap, BTreeSet};

use super::value::State;
use crate::types::LeaseId;

impl State {
    /// # Panics
    /// If an invariant does not hold.
    pub fn check(&self) {
        let forgetful = self.forgetful();
        self.lives.check();
        self.taken.check();
        let mut by_lease: BTreeMap<LeaseId, BTreeSet<_>> = BTreeMap::new();
        let mut own = 0;
        self.index.check();
        for slot in self.index.all() {
            let past: Vec<_> = slot.visible(-1).map(|(version, _)| version).collect();
            assert!(past.is_sorted_by(|a, b| a < b), "versions rise");
            assert!(
                past.last()
                    .is_none_or(|last| *last < slot.newest().modified)
            );
            assert!(
                past.is_empty() || !forgetful.holds(slot.key()),
                "no history is kept"
            );
            assert!(
                slot.is_live() || !forgetful.holds(slot.key()),
                "nor tombstones"
            );
            let Some(record) = slot.current() else {
                continue;
            };
            let key = &record.key;
            assert!(record.modified.main <= self.revision);
            assert!(record.life_generation <= self.life_counter);
            match (record.lease.is_derived(), record.deadline) {
                (true, Some(deadline)) => {
                    own += 1;
                    let life = self.lives.get(record.lease).expect("a deadline is indexed");
                    assert_eq!((life.deadline, life.ttl_ms), (deadline, record.ttl_ms));
                    assert_eq!(self.lives.keys(record.lease), std::slice::from_ref(key));
                }
                (false, None) if record.lease == LeaseId::NONE => {}
                (false, None) => {
                    by_lease
                        .entry(record.lease)
                        .or_default()
                        .insert(key.clone());
                }
                _ => panic!("a derived id goes with a deadline"),
            }
        }
        let lives = self.lives.own().filter(|(id, ..)| !self.is_stale(*id));
        assert_eq!(lives.count(), own, "no deadlines without keys");
        for id in self.lives.granted().keys() {
            let keys = by_lease.remove(id).unwrap_or_default();
            assert!(keys.iter().eq(&self.keys_on(*id)), "keys of {id:?}");
        }
        assert!(by_lease.is_empty(), "keys hang on leases that are there");
    }
}
