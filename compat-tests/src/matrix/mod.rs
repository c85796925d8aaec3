//! The client matrix: client × scenario × server, run, judged and printed.

mod failures;
mod judge;
mod play;
mod report;
mod rows;

pub use report::run;
