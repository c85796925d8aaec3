//! redis-py with its Lock: the program in clients/python-redis.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "redis-py",
    protocol: Protocol::Redis,
    prepare: || peers::python_environment("python-redis"),
    run: |program, server| {
        let mut command = guarded(program);
        command
            .arg(peers::package_path("clients/python-redis/main.py"))
            .arg(server.redis_address())
            // Nothing is written beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run_program(command, LIMIT)
    },
};
