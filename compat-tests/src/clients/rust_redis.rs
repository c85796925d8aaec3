//! The Rust crates redis and rslock: the program in clients/rust-redis.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "rust-redis",
    protocol: Protocol::Redis,
    prepare: || peers::plain_cargo_program("rust-redis"),
    run: |program, server| {
        let mut command = guarded(program);
        command.arg(server.redis_address());
        run_program(command, LIMIT)
    },
};
