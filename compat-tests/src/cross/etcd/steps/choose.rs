//! How often each kind of step is made.

use super::draw::Draw;
use super::step::Step;
use crate::cross::etcd::context::Context;
use crate::cross::etcd::wire::Call;

type Make = fn(&mut Draw) -> Step;

/// Weights and kinds.
const KINDS: &[(u32, Make)] = &[
    (200, |draw| {
        Step::Call(Call::new("KV/Put", &draw.put_request()))
    }),
    (180, |draw| {
        Step::Call(Call::new("KV/Range", &draw.range_request()))
    }),
    (180, |draw| {
        Step::Call(Call::new("KV/Txn", &draw.txn_request()))
    }),
    (40, |draw| {
        Step::Call(Call::new("KV/Txn", &draw.read_txn_request()))
    }),
    (60, |draw| {
        Step::Call(Call::new("KV/DeleteRange", &draw.delete_request()))
    }),
    (40, |draw| {
        Step::Call(Call::new("KV/RangeStream", &draw.stream_request()))
    }),
    (60, Draw::grant),
    (30, Draw::revoke),
    (40, Draw::time_to_live),
    (25, Draw::keep_alive),
    (15, Draw::leases),
    (12, Draw::passing_lease),
    (60, Draw::watch),
    (30, Draw::cancel_watch),
    (20, Draw::ask_progress),
    (20, Draw::compact),
    (40, Draw::hash),
    (20, Draw::about),
    (6, Draw::nonsense),
    (5, Draw::odd_put),
    (6, Draw::wide),
    (2, Draw::large_events),
    (1, Draw::expire),
];

/// The step that `number` stands for in this state.
pub fn step(number: u64, now: &Context) -> Step {
    let mut draw = Draw::new(number, now);
    let total: u32 = KINDS.iter().map(|(weight, _)| weight).sum();
    let mut at = draw.up_to(total as usize - 1) as u32;
    for (weight, make) in KINDS {
        if at < *weight {
            return make(&mut draw);
        }
        at -= weight;
    }
    unreachable!("a number below the sum falls into a weight")
}
