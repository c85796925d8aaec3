//! Compiles `proto/` to Rust and to an encoded descriptor set, without protoc.
//!
//! Every `bytes` field becomes `bytes::Bytes`, so that a value travels from the socket to the
//! store and back by reference count and not by copy.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

/// The roots of the import graph; what they import is found and compiled with them.
const FILES: [&str; 9] = [
    "etcd/etcdserverpb/auth.proto",
    "etcd/etcdserverpb/cluster.proto",
    "etcd/etcdserverpb/kv.proto",
    "etcd/etcdserverpb/lease.proto",
    "etcd/etcdserverpb/maintenance.proto",
    "etcd/etcdserverpb/watch.proto",
    "etcd/v3electionpb/election.proto",
    "etcd/v3lockpb/lock.proto",
    "grpc/health/v1/health.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");

    let mut descriptors = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::MessageCodec")
        .compile_fds(descriptors.clone())?;

    // Comments and positions serve the generated code only; reflection clients never see them.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    write_if_changed(&out_dir.join("quorate.bin"), &descriptors.encode_to_vec())
}

/// Leaves an equal file alone, so that dependents aren't compiled again for nothing.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<(), Box<dyn Error>> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    Ok(fs::write(path, content)?)
}
