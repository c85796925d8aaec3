//! The store as the checker plays it.

use porcupine_rs::Model;
use quorate_compat_tests::cross::redis::reply::Reply;

use crate::call::Act;
use crate::store::Store;

/// What a client did, and what it was told.
#[derive(Clone, Debug)]
pub struct Op {
    pub act: Act,
    pub reply: Reply,
}

#[derive(Clone, Debug)]
pub struct OneOrder;

impl Model for OneOrder {
    type State = Store;
    type Op = Op;
    type Metadata = ();

    fn init() -> Store {
        Store::default()
    }

    fn step(state: &Store, op: &Op) -> (bool, Store) {
        let mut next = state.clone();
        if let Act::Watched { key, seen, .. } = &op.act {
            if op.reply == Reply::NullArray {
                // Somebody had touched the key: whoever it was has an operation of its own.
                return (true, next);
            }
            if state.seen(*key) != *seen {
                return (false, next);
            }
        }
        let fits = next.carry_out(&op.act) == op.reply;
        (fits, next)
    }
}
