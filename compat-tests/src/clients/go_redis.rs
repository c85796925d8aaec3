//! go-redis with redsync and bsm/redislock: the program in clients/go-redis.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "go-redis",
    protocol: Protocol::Redis,
    prepare: || peers::go_program("go-redis"),
    run: |program, server| {
        let mut command = guarded(program);
        command.arg(server.redis_address());
        run_program(command, LIMIT)
    },
};
