//! Faults on real processes with real clients of both protocols: members are killed, paused and
//! restarted, wall clocks jump, leaders change, and what was promised must still hold.
//!
//! Every random choice comes from a seed, which a failure prints. `QUORATE_FAULT_SEED` sets it, and
//! `QUORATE_TIER=full` makes the runs longer.

mod ask;
mod client_libraries;
mod clock_jumps;
mod crowds;
mod etcd;
mod far_apart;
mod flags;
mod fresh_reads;
mod hand_over;
mod history;
mod keep_alive;
mod kill_all;
mod known_histories;
mod large_deletion;
mod life_clients;
mod linearizability;
mod listeners;
mod lives;
mod load;
mod model;
mod no_quorum;
mod no_write_fails;
mod pause;
mod resp;
mod robustness;
mod script_cache;
mod scripts;
mod setting;
