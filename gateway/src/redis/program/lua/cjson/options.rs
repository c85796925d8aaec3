//! The settings of cjson.

/// What to do with numbers that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidNumbers {
    Refuse,
    Write,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Excessively sparse arrays become objects instead of errors.
    pub sparse_convert: bool,
    /// An array is too sparse when its highest index is over `items * ratio` (0: never) ...
    pub sparse_ratio: i64,
    /// ... and over this.
    pub sparse_safe: i64,
    pub encode_depth_max: i64,
    pub decode_depth_max: i64,
    /// Significant digits of written numbers.
    pub precision: i64,
    pub encode_invalid: InvalidNumbers,
    pub decode_invalid: bool,
    pub keep_buffer: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            precision: 14,
            encode_invalid: InvalidNumbers::Refuse,
            decode_invalid: true,
            keep_buffer: true,
        }
    }
}
