//! Tests of the store, on a disk that can crash, fill up and fail.

mod compaction;
mod crash;
mod data_dir;
mod digest;
mod disk;
mod events;
mod full_disk;
mod hash;
mod maker;
mod restart;
mod rewrite;
mod snapshot;
