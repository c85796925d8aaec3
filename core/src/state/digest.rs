//! A digest of everything that can be seen, equal on members with the same applied entries.

use super::value::State;
use crate::codec::Wire;

impl State {
    /// CRC-32C over numbers, leases, tables, current records and visible past versions.
    pub fn digest(&self) -> u64 {
        let mut bytes = Vec::new();
        self.to_scalars().put(&mut bytes);
        bytes.extend_from_slice(format!("{:?}", self.tables).as_bytes());
        let mut sum = crc32c::crc32c(&bytes);
        for (id, granted) in self.lives.granted() {
            let text = format!(
                "{id:?} {} {:?} {:?}",
                granted.ttl_ms,
                granted.deadline,
                self.keys_on(*id)
            );
            sum = crc32c::crc32c_append(sum, text.as_bytes());
        }
        for slot in self.index.all() {
            bytes.clear();
            for (version, tombstone) in slot.visible(self.compact_revision) {
                bytes.extend_from_slice(&version.main.to_be_bytes());
                bytes.extend_from_slice(&version.sub.to_be_bytes());
                bytes.push(u8::from(tombstone));
            }
            // A tombstone is seen until it is compacted, by reads before it.
            if slot.newest().modified.main > self.compact_revision || slot.is_live() {
                slot.newest().as_ref().put(&mut bytes);
                sum = crc32c::crc32c_append(sum, &bytes);
            }
        }
        u64::from(sum)
    }
}
