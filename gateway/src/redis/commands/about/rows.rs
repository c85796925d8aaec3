//! The rows of this family.

use super::command::command;
use crate::redis::commands::row::{Keys, Row, Run};

pub const ROWS: &[Row] = &[Row {
    name: "command",
    arity: -1,
    flags: "loading stale",
    keys: Keys::NONE,
    key_flags: "",
    categories: "slow connection",
    tips: "nondeterministic_output_order",
    group: "server",
    since: "2.8.13",
    summary: "About the commands of this server.",
    run: Run::Data(command),
}];
