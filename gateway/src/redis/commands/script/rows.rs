//! The rows of the scripting family.

use super::eval::{eval, eval_ro, evalsha, evalsha_ro};
use crate::redis::commands::row::{Data, Keys, Row, Run, Session};

/// A row of a command that runs a script; its keys are known only by reading the arguments.
const fn runs(name: &'static str, since: &'static str, data: Data, read_only: bool) -> Row {
    Row {
        name,
        arity: -3,
        flags: if read_only {
            "readonly noscript stale skip_monitor no_mandatory_keys movablekeys"
        } else {
            "noscript stale skip_monitor no_mandatory_keys movablekeys"
        },
        keys: Keys::NONE,
        key_flags: if read_only {
            "RO access"
        } else {
            "RW access update"
        },
        categories: "slow scripting",
        tips: "",
        group: "scripting",
        since,
        summary: if read_only {
            "Runs a script that only reads."
        } else {
            "Runs a script; its effects happen all at once."
        },
        run: Run::Script(data),
    }
}

/// The rows of this family.
pub const ROWS: &[Row] = &[
    runs("eval", "2.6.0", eval, false),
    runs("eval_ro", "7.0.0", eval_ro, true),
    runs("evalsha", "2.6.0", evalsha, false),
    runs("evalsha_ro", "7.0.0", evalsha_ro, true),
    Row {
        name: "script",
        arity: -2,
        flags: "noscript",
        keys: Keys::NONE,
        key_flags: "",
        categories: "slow",
        tips: "",
        group: "scripting",
        since: "2.6.0",
        summary: "The cache of scripts, which all members share.",
        run: Run::Session(Session::Script),
    },
];
