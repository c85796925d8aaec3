//! Python's etcd-sdk-python: the program in clients/python-etcd.

use std::time::Duration;

use crate::client::{Client, Protocol, run_program};
use crate::exec::guarded;
use crate::peers;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "etcd-sdk-python",
    protocol: Protocol::Etcd,
    prepare: || peers::python_environment("python-etcd"),
    run: |python, server| {
        let mut command = guarded(python);
        command
            .arg(peers::package_path("clients/python-etcd/main.py"))
            .arg(server.etcd_endpoints())
            // Nothing is written beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run_program(command, LIMIT)
    },
};
