//! Node's ioredis with redlock: the program in clients/node-redis.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "ioredis",
    protocol: Protocol::Redis,
    prepare: || peers::node_package("node-redis"),
    run: |program, server| {
        let mut command = guarded("node");
        command
            .arg(program.join("main.js"))
            .arg(server.redis_address());
        run_program(command, LIMIT)
    },
};
