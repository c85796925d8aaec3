//! Those that come on the port for members.

use super::{Kind, Speaks, on_own};
use crate::bytes::peers as bytes;
use crate::crowd::Manner;

pub const KINDS: &[Kind] = &[
    on_own(
        "members that never say who they are",
        Speaks::Peers,
        (200, 2_000),
        |_| bytes::half_hello(),
    ),
    Kind {
        manner: Manner::ComeAndGo,
        ..on_own(
            "strangers that come and go",
            Speaks::Peers,
            (50, 200),
            |_| bytes::nonsense(),
        )
    },
];
