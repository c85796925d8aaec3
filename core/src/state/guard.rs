//! Judging guards (server/etcdserver/txn: applyCompare): every key of the range must pass; without
//! any key numbers are held against 0 and values never match.

use super::value::State;
use crate::command::{Guard, Relation, Test};
use crate::types::{KeyValue, LeaseId};

impl State {
    /// Whether a guard holds here and now.
    pub fn judge(&self, guard: &Guard) -> bool {
        let mut records = self.index.iter(&guard.range).peekable();
        match &guard.test {
            Test::WallBefore(point) => self.wall < *point,
            Test::Script { sha1, kept } => self.script(sha1).is_some() == *kept,
            Test::Unchanged { count, newest } => {
                self.index.count(&guard.range) == *count
                    && records.all(|record| record.modified.main <= *newest)
            }
            Test::SameNames { count, newest } => {
                self.index.count(&guard.range) == *count
                    && records.all(|record| record.create_revision <= *newest)
            }
            test if records.peek().is_none() => passes_without_key(test),
            test => records.all(|record| passes(test, record)),
        }
    }
}

fn passes_without_key(test: &Test) -> bool {
    !matches!(test, Test::Value(..)) && passes(test, &KeyValue::default())
}

fn passes(test: &Test, record: &KeyValue) -> bool {
    match test {
        Test::Version(relation, than) => related(&record.version, *relation, than),
        Test::CreateRevision(relation, than) => related(&record.create_revision, *relation, than),
        Test::ModRevision(relation, than) => related(&record.modified.main, *relation, than),
        Test::Lease(relation, LeaseId(than)) => related(&record.lease.0, *relation, than),
        Test::Value(relation, than) => record
            .value
            .as_bytes()
            .is_some_and(|value| related(value, *relation, than)),
        Test::LifeGeneration(generation) => record.life_generation == *generation,
        Test::LivesUnchanged(generation) => record.life_generation <= *generation,
        Test::Unchanged { .. }
        | Test::SameNames { .. }
        | Test::WallBefore(_)
        | Test::Script { .. } => false,
    }
}

fn related<T: Ord>(left: &T, relation: Relation, right: &T) -> bool {
    match relation {
        Relation::Equal => left == right,
        Relation::NotEqual => left != right,
        Relation::Greater => left > right,
        Relation::Less => left < right,
    }
}
