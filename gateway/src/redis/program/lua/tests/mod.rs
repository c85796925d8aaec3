//! Scripts against a small host of maps: what Redis answered to them, and the limits.

mod bounds;
mod fake;
mod recorded;
