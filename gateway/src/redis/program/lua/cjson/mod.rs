//! `cjson`: JSON as lua-cjson 2.1 writes and reads it, with Redis's defaults. The settings a
//! script changes hold until it ends.

mod decode;
mod encode;
mod options;
mod table;
mod token;

pub use options::Options;
pub use table::table;
