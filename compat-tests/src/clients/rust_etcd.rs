//! The Rust crate etcd-client: the program in clients/rust-etcd.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "rust-etcd-client",
    protocol: Protocol::Etcd,
    prepare: || peers::cargo_program("rust-etcd"),
    run: |program, server| {
        let mut command = guarded(program);
        command.arg(server.etcd_endpoints());
        run_program(command, LIMIT)
    },
};
