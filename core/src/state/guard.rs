//! Judging guards (server/etcdserver/txn: applyCompare): every key of the range must pass; without
//! any key numbers are held against 0 and values never match.

use super::apply::State;
use super::draft::Draft;
use crate::command::{Guard, Relation, Test};
use crate::types::{KeyRange, KeyValue, LeaseId};

/// Where a guard looks: the state, or a write view over it.
trait Records {
    fn each(&self, range: &KeyRange, visit: &mut dyn FnMut(&KeyValue) -> bool);
}

impl Records for State {
    fn each(&self, range: &KeyRange, visit: &mut dyn FnMut(&KeyValue) -> bool) {
        self.index.iter(range).all(|record| visit(record));
    }
}

impl Records for Draft<'_> {
    fn each(&self, range: &KeyRange, visit: &mut dyn FnMut(&KeyValue) -> bool) {
        self.range(range).iter().all(|record| visit(record));
    }
}

impl State {
    /// Whether a guard holds here and now.
    pub fn judge(&self, guard: &Guard) -> bool {
        judge(self, self, guard)
    }
}

impl Draft<'_> {
    pub(super) fn judge(&self, guard: &Guard) -> bool {
        judge(self.state, self, guard)
    }
}

fn judge(state: &State, records: &dyn Records, guard: &Guard) -> bool {
    match &guard.test {
        Test::NotAfter(clock) => state.clock <= *clock,
        Test::Unchanged { count, newest } => {
            let mut found = 0;
            let mut unchanged = true;
            records.each(&guard.range, &mut |record| {
                found += 1;
                unchanged = record.modified.main <= *newest;
                unchanged
            });
            unchanged && found == *count
        }
        test => {
            let mut any = false;
            let mut holds = true;
            records.each(&guard.range, &mut |record| {
                any = true;
                holds = passes(test, record);
                holds
            });
            if any { holds } else { passes_without_key(test) }
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
        Test::Unchanged { .. } | Test::NotAfter(_) => false,
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
