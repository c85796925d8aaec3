//! WATCH, UNWATCH and the connection's barrier.

use std::collections::BTreeSet;

use bytes::Bytes;
use quorate_core::command::{Guard, Relation, Test};
use quorate_core::types::{KeyRange, Now};

use super::state::{KEPT_TOO_MUCH, Session};
use crate::listen::Kept;
use crate::redis::fault::Fault;
use crate::redis::program::{Failure, barrier};
use crate::redis::pubsub::Watch;
use crate::redis::reply::Reply;

/// Keys that must not be touched before EXEC: what this member sees of them, and guards for what
/// it has not yet seen.
pub struct Watching {
    pub watch: Watch,
    pub guards: Vec<Guard>,
    kept: Kept,
}

/// What a watched key takes besides its bytes: two guards in a list that was doubled, and its
/// places among the keys of the connection and of all.
const KEY_BYTES: usize = 4 * size_of::<Guard>() + 192;

impl Session {
    pub async fn watch(&mut self, args: &[Bytes]) -> Reply {
        if self.multi.is_some() {
            return Reply::Error(Fault::fixed("ERR WATCH inside MULTI is not allowed"));
        }
        let mut passed = None;
        if self.watching.is_none() {
            let (node, deadline) = (&self.context.node, self.context.deadline());
            let beginning = self.watch_turn.begin(node, &self.principal, deadline);
            passed = beginning.await;
        }
        let mut watching = self.watching.take().unwrap_or_else(|| Watching {
            watch: Watch::new(self.context.hub.touches.clone()),
            guards: Vec::new(),
            kept: Kept::new(self.context.load.clone()),
        });
        let full = |key: &Bytes| self.context.keyspace.key(self.db, key);
        let keys = args.iter().skip(1).map(full);
        let new: BTreeSet<Bytes> = keys.filter(|key| !watching.watch.contains(key)).collect();
        let more: usize = new.iter().map(|key| key.len() + KEY_BYTES).sum();
        if !watching.kept.try_set(watching.kept.bytes() + more) {
            return self.unwatched(watching, Reply::Error(KEPT_TOO_MUCH));
        }
        // Watched before they are read, so that no touch falls between.
        for key in &new {
            watching.watch.add(key.clone());
        }
        if passed.is_none()
            && let Err(failure) = self.barrier().await
        {
            let reply = self.failed(&failure);
            return self.unwatched(watching, reply);
        }
        for key in new {
            let record = self.context.reader.get(&key);
            let (modified, generation) = record.map_or((0, 0), |record| {
                (record.modified.main, record.life_generation)
            });
            let range = KeyRange::Key(key);
            let unchanged = Test::ModRevision(Relation::Equal, modified);
            watching.guards.push(Guard {
                range: range.clone(),
                test: unchanged,
            });
            watching.guards.push(Guard {
                range,
                test: Test::LifeGeneration(generation),
            });
        }
        self.watching = Some(watching);
        Reply::OK
    }

    /// A key could not be watched: a client that overlooks the error must not have its EXEC carried
    /// out as if it were.
    fn unwatched(&mut self, watching: Watching, error: Reply) -> Reply {
        watching.watch.fail();
        self.watching = Some(watching);
        error
    }

    pub async fn barrier(&self) -> Result<Now, Failure> {
        Ok(barrier(&self.context.node, self.context.deadline()).await?)
    }
}
