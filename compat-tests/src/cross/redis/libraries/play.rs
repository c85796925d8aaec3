//! Plays the calls of some seeds.

use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::calls::call;
use crate::cross::redis::connection::{Connection, Frame};
use crate::cross::redis::side::PATIENCE;

/// Differences after which it stops.
const DIFFERENCES_MAX: usize = 20;

/// The calls to which the servers at these addresses answer differently, with both answers.
///
/// # Errors
/// A server can't be reached.
pub fn differing(theirs: &str, ours: &str, seeds: Range<u64>) -> Result<Vec<String>, String> {
    let mut servers = [Connection::open(theirs)?, Connection::open(ours)?];
    let mut found = Vec::new();
    for seed in seeds {
        let call = call(&mut StdRng::seed_from_u64(seed));
        let mut bytes = Vec::new();
        call.encode(&mut bytes);
        let [theirs, ours] = servers.each_mut().map(|server| -> Frame {
            server.send(&bytes);
            server.next(PATIENCE)
        });
        if theirs != ours {
            found.push(format!(
                "seed {seed}: {call}\n  redis  {theirs}\n  ours   {ours}"
            ));
        }
        if found.len() == DIFFERENCES_MAX {
            break;
        }
    }
    Ok(found)
}
