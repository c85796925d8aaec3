//! The rows a store keeps of the state, following `Effects` alone, and a state rebuilt from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::outcome::{Effects, LeaseChange};
use quorate_core::state::{Builder, History, State, Unreadable};
use quorate_core::types::{ClusterMillis, KeyValue, LeaseId, Version};

#[derive(Clone, Default)]
pub struct Rows {
    pub versions: BTreeMap<Version, Arc<KeyValue>>,
    /// Newer lives of current versions.
    lives: BTreeMap<Bytes, Arc<KeyValue>>,
    latest: BTreeMap<Bytes, Arc<KeyValue>>,
    leases: BTreeMap<LeaseId, (u64, ClusterMillis)>,
    items: BTreeMap<Bytes, Bytes>,
    scalars: Bytes,
}

impl Rows {
    pub fn new(state: &State) -> Rows {
        Rows {
            scalars: state.scalars(),
            ..Rows::default()
        }
    }

    pub fn keep(&mut self, state: &State, effects: &Effects) {
        let forgetful = state.forgetful();
        for event in effects.revisions.iter().flat_map(|all| all.all()) {
            let kv = event.kv.clone();
            self.lives.remove(&kv.key);
            match (forgetful.holds(&kv.key), event.is_delete()) {
                (true, true) => drop(self.latest.remove(&kv.key)),
                (true, false) => drop(self.latest.insert(kv.key.clone(), kv)),
                (false, _) => drop(self.versions.insert(kv.modified, kv)),
            }
        }
        for life in &effects.lives {
            let place = match forgetful.holds(&life.key) {
                true => &mut self.latest,
                false => &mut self.lives,
            };
            place.insert(life.key.clone(), life.clone());
        }
        for change in &effects.leases {
            match *change {
                LeaseChange::Kept {
                    id,
                    ttl_ms,
                    deadline,
                } => drop(self.leases.insert(id, (ttl_ms, deadline))),
                LeaseChange::Gone(id) => drop(self.leases.remove(&id)),
            }
        }
        for (name, row) in &effects.items {
            match row {
                Some(row) => drop(self.items.insert(name.clone(), row.clone())),
                None => drop(self.items.remove(name)),
            }
        }
        self.scalars = state.scalars();
    }

    pub fn restore(&self) -> State {
        let mut builder = Builder::default();
        builder.scalars(self.scalars.clone()).expect("own scalars");
        for (name, row) in &self.items {
            builder.item(name, row.clone()).expect("own item");
        }
        let leases = self.leases.iter();
        leases.for_each(|(id, (ttl_ms, end))| builder.lease(*id, *ttl_ms, *end));
        self.versions.values().for_each(|kv| builder.version(kv));
        for life in self.lives.values() {
            let now = builder.get(&life.key).expect("a life is of a current key");
            assert_eq!(now.modified, life.modified);
            builder.life(life);
        }
        self.latest.values().for_each(|kv| builder.version(kv));
        builder.build()
    }
}

impl History for Rows {
    fn version(&self, key: &[u8], version: Version) -> Result<Arc<KeyValue>, Unreadable> {
        let kv = self.versions.get(&version);
        kv.filter(|kv| kv.key == key).cloned().ok_or(Unreadable)
    }
}
