//! Go clientv3: the program in clients/go-etcd.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "go-clientv3",
    protocol: Protocol::Etcd,
    prepare: || peers::go_program("go-etcd"),
    run: |program, server| {
        let mut command = guarded(program);
        command.arg(server.etcd_endpoints());
        run_program(command, LIMIT)
    },
};
