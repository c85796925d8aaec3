//! The state's numbers and what was taken of each member, kept with every commit of the store.

use bytes::Bytes;

use super::forgetful::Floor;
use super::taken::{Last, Taken};
use super::value::State;
use crate::codec::{DecodeError, Reader, Wire, wire_struct};
use crate::limits::FEATURE_LEVEL;
use crate::types::{ClusterMillis, MemberId, Revision, UnixMillis};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scalars {
    revision: Revision,
    compact_revision: Revision,
    clock: u64,
    wall: u64,
    life_counter: u64,
    derived_counter: u64,
    floor: Revision,
    mark: Revision,
    since_mark: u64,
    newest: Revision,
    feature_level: u32,
    taken: Vec<(MemberId, Last)>,
}

wire_struct!(Scalars {
    revision,
    compact_revision,
    clock,
    wall,
    life_counter,
    derived_counter,
    floor,
    mark,
    since_mark,
    newest,
    feature_level,
    taken
});

impl State {
    /// The state's numbers as the store keeps them.
    pub fn scalars(&self) -> Bytes {
        let mut out = Vec::with_capacity(160);
        self.to_scalars().put(&mut out);
        out.into()
    }

    pub(super) fn to_scalars(&self) -> Scalars {
        Scalars {
            revision: self.revision,
            compact_revision: self.compact_revision,
            clock: self.clock.0,
            wall: self.wall.0,
            life_counter: self.life_counter,
            derived_counter: self.derived_counter,
            floor: self.floor.floor,
            mark: self.floor.mark,
            since_mark: self.floor.since_mark,
            newest: self.floor.newest,
            feature_level: self.feature_level,
            taken: self.taken.rows(),
        }
    }

    /// A state of a level that this program can't apply is not taken: what comes next would be
    /// applied differently.
    pub(super) fn set_scalars(&mut self, bytes: Bytes) -> Result<(), DecodeError> {
        let scalars = Scalars::take(&mut Reader::sharing(bytes))?;
        if scalars.feature_level > FEATURE_LEVEL {
            return Err(DecodeError::FeatureLevel {
                needed: scalars.feature_level,
                known: FEATURE_LEVEL,
            });
        }
        self.feature_level = scalars.feature_level;
        self.revision = scalars.revision;
        self.compact_revision = scalars.compact_revision;
        self.clock = ClusterMillis(scalars.clock);
        self.wall = UnixMillis(scalars.wall);
        self.life_counter = scalars.life_counter;
        self.derived_counter = scalars.derived_counter;
        self.floor = Floor {
            floor: scalars.floor,
            mark: scalars.mark,
            since_mark: scalars.since_mark,
            newest: scalars.newest,
        };
        self.taken = Taken::of(scalars.taken);
        Ok(())
    }
}
