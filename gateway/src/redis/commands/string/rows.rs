//! Rows of the string commands.

use super::get::get;
use crate::redis::commands::{Keys, Row, Run};

pub const ROWS: &[Row] = &[Row {
    name: "get",
    arity: 2,
    flags: "readonly fast",
    keys: Keys::ONE,
    categories: "read string fast",
    group: "string",
    since: "1.0.0",
    summary: "The string value of a key.",
    run: Run::Data(get),
}];
