//! Keys that are made anew within one txn.
//!
//! A key's fencing token is the revision that made it, and what is carried out together has one
//! revision. A lock that one client makes, a second breaks and a third makes again would have one
//! token for two holders. So the third is not carried out together with them.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::{DataOp, Life, Op};
use quorate_core::types::KeyRange;

/// What became of keys that were written: whether they may be gone.
#[derive(Default)]
pub struct Remade {
    keys: BTreeMap<Bytes, bool>,
}

impl Remade {
    /// Follows the ops of the next command. True: one of them may write a key that was written
    /// before, and is gone; there is nothing to follow then.
    pub fn follow(&mut self, ops: &[Op]) -> bool {
        ops.iter().any(|op| self.one(op))
    }

    fn one(&mut self, op: &Op) -> bool {
        match op {
            Op::Put(put) => self.write(&put.key, may_be_past(put.life)),
            Op::SetLife(set) => self.change(&set.key, may_be_past(set.life)),
            Op::Delete(delete) => self.delete(&delete.range),
            Op::Data(data) => self.data(data),
            Op::Txn(_) | Op::Range(_) | Op::Because(_) | Op::Publish { .. } | Op::Turn(_) => false,
        }
    }

    fn data(&mut self, op: &DataOp) -> bool {
        match op {
            DataOp::Take { key }
            | DataOp::DeleteIf { key, .. }
            | DataOp::HashDelete { key, .. } => self.change(key, true),
            DataOp::Revive { key, life } => self.change(key, may_be_past(*life)),
            DataOp::Set { key, life, .. } => self.write(key, may_be_past(*life)),
            DataOp::Rename { key, to, .. } => {
                self.change(key, true);
                self.write(to, false)
            }
            DataOp::Add { .. }
            | DataOp::Append { .. }
            | DataOp::HashSet { .. }
            | DataOp::HashAdd { .. }
            | DataOp::SetMissing { .. }
            | DataOp::SetRange { .. }
            | DataOp::AddFloat { .. }
            | DataOp::HashAddFloat { .. } => op.keys().any(|key| self.write(key, false)),
        }
    }

    fn write(&mut self, key: &Bytes, may_be_gone: bool) -> bool {
        let before = self.keys.insert(key.clone(), may_be_gone);
        before == Some(true)
    }

    /// What does not make a key.
    fn change(&mut self, key: &Bytes, may_be_gone: bool) -> bool {
        if let Some(is_gone) = self.keys.get_mut(key) {
            *is_gone |= may_be_gone;
        }
        false
    }

    fn delete(&mut self, range: &KeyRange) -> bool {
        let within = self.keys.iter_mut().filter(|(key, _)| range.contains(key));
        within.for_each(|(_, is_gone)| *is_gone = true);
        false
    }
}

fn may_be_past(life: Life) -> bool {
    matches!(life, Life::Until(_) | Life::For(0))
}

#[cfg(test)]
mod tests {
    use quorate_core::command::{DeleteOp, PutOp, PutValue};

    use super::*;

    fn put(key: &'static str) -> Op {
        Op::Put(PutOp {
            key: Bytes::from_static(key.as_bytes()),
            value: PutValue::Keep,
            life: Life::Forever,
            want_prev: false,
        })
    }

    fn delete(key: &'static str) -> Op {
        DeleteOp::key(key.into()).into()
    }

    #[test]
    fn only_what_was_made_and_has_gone_is_made_again() {
        let mut remade = Remade::default();
        assert!(
            !remade.follow(&[delete("lock"), put("lock")]),
            "another's was broken"
        );
        assert!(
            !remade.follow(&[put("lock"), put("other")]),
            "it is still there"
        );
        assert!(!remade.follow(&[delete("lock")]));
        assert!(!remade.follow(&[put("other")]));
        assert!(remade.follow(&[put("lock")]));
    }

    #[test]
    fn what_ends_a_key_by_what_it_holds_may_have_ended_it() {
        let key = Bytes::from_static(b"hash");
        let add = || {
            Op::Data(DataOp::HashAdd {
                key: key.clone(),
                field: Bytes::from_static(b"f"),
                by: 1,
            })
        };
        let remove = DataOp::HashDelete {
            key: key.clone(),
            fields: vec![Bytes::from_static(b"f")],
        };
        let mut remade = Remade::default();
        assert!(!remade.follow(&[Op::Data(remove.clone()), add(), add()]));
        assert!(!remade.follow(&[Op::Data(remove)]));
        assert!(remade.follow(&[add()]));
    }
}
