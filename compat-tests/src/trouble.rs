//! The two ways in which something cannot be run.
//!
//! `LeftOut` means that this machine lacks something (a tool, a download): it is reported, and is
//! a failure only under `QUORATE_COMPAT=require`. `Broken` means that something of ours does not
//! work: it always fails the run.

use std::fmt::Display;

/// Why a peer, a program or a server could not be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    #[error("left out: {0}")]
    LeftOut(String),
    #[error("{0}")]
    Broken(String),
}

impl Trouble {
    /// The machine lacks `what`, because of `why`.
    pub fn left_out(what: impl Display, why: impl Display) -> Self {
        Self::LeftOut(format!("{what}: {why}"))
    }

    /// `what` of ours does not work, because of `why`.
    pub fn broken(what: impl Display, why: impl Display) -> Self {
        Self::Broken(format!("{what}: {why}"))
    }
}

/// Whether what this machine lacks is a failure: `QUORATE_COMPAT=require`.
pub fn all_is_required() -> bool {
    std::env::var("QUORATE_COMPAT").as_deref() == Ok("require")
}

/// A thing that this machine can have, or None with a line that says why not.
///
/// # Panics
/// If it must be had, or is broken.
pub fn have<T>(got: Result<T, Trouble>) -> Option<T> {
    match got {
        Ok(got) => Some(got),
        Err(Trouble::LeftOut(why)) if !all_is_required() => {
            println!("left out: {why}");
            None
        }
        Err(trouble) => panic!("{trouble}"),
    }
}
