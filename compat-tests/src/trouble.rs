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
