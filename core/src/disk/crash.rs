//! What a power cut leaves of a simulated disk.
//!
//! Every choice comes from the seed, in a fixed order, so a seed replays bit by bit. Unsynced
//! writes are judged per 512-byte sector and in any order; unsynced names as a prefix of their
//! changes (a journal) or as any subset of them (what POSIX allows).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sim::{Content, NameChange, SimDisk, SimState, position, put};

/// The unit that a disk writes as a whole or not at all.
const SECTOR_BYTES: usize = 512;

/// SplitMix64: small, and the same on every version of every library.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

impl SimDisk {
    /// A power cut. Each write and each name change that was not synced is kept, dropped, or (for
    /// writes) kept in some of its 512-byte sectors only; `seed` decides. Handles and locks from
    /// before are dead.
    pub fn crash(&self, seed: u64) {
        let mut state = self.state.lock();
        settle(&mut state, seed);
        state.end_of_process();
    }
}

/// Turns the running state into the one that the next start finds.
fn settle(state: &mut SimState, seed: u64) {
    let mut dice = Dice(seed);
    settle_names(state, &mut dice);
    for content in state.files.values_mut() {
        settle_content(content, &mut dice);
    }
    let SimState { files, names, .. } = state;
    files.retain(|id, _| names.values().any(|named| named == id));
}

fn settle_names(state: &mut SimState, dice: &mut Dice) {
    let changes = std::mem::take(&mut state.name_changes);
    let in_order = dice.below(2) == 0;
    let prefix = usize::try_from(dice.below(changes.len() as u64 + 1)).expect("fits");
    for (at, change) in changes.iter().enumerate() {
        let kept = if in_order {
            at < prefix
        } else {
            dice.below(2) == 0
        };
        if !kept {
            continue;
        }
        let names = &mut state.durable_names;
        match change {
            NameChange::Made(path, id) => drop(names.insert(path.clone(), *id)),
            NameChange::Removed(path) => drop(names.remove(path)),
            NameChange::Renamed(from, to, id) => rename(names, from, to, *id),
        }
    }
    state.names = state.durable_names.clone();
}

/// A rename moves a file, not whatever has the name when the change reaches the disk.
fn rename(names: &mut BTreeMap<PathBuf, u64>, from: &Path, to: &Path, id: u64) {
    if names.get(from) == Some(&id) {
        names.remove(from);
    }
    names.insert(to.to_path_buf(), id);
}

fn settle_content(content: &mut Content, dice: &mut Dice) {
    for (offset, bytes) in std::mem::take(&mut content.pending) {
        let offset = position(offset);
        match dice.below(4) {
            0 => {}
            1 => put(&mut content.synced, offset, &bytes),
            _ => put_some_sectors(&mut content.synced, offset, &bytes, dice),
        }
    }
    content.seen = content.synced.clone();
}

fn put_some_sectors(file: &mut Vec<u8>, offset: usize, bytes: &[u8], dice: &mut Dice) {
    let mut done = 0;
    while done < bytes.len() {
        let to_boundary = SECTOR_BYTES - (offset + done) % SECTOR_BYTES;
        let end = (done + to_boundary).min(bytes.len());
        if dice.below(2) == 0 {
            put(file, offset + done, &bytes[done..end]);
        }
        done = end;
    }
}
