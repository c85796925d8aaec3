//! As much of HPACK (RFC 7541) as finding one literal header in a block takes.
//!
//! Nothing is kept between blocks: an indexed header refers to a literal that was seen before.

use std::sync::LazyLock;

/// A literal value of `:authority`.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where the value stands in the block, its length prefix included.
    pub start: usize,
    pub end: usize,
    pub value: Vec<u8>,
}

/// Index of `:authority` in the static table.
const AUTHORITY_INDEX: usize = 1;
const AUTHORITY: &[u8] = b":authority";

/// The first literal `:authority` of a block, or of the whole headers at the start of a cut one.
pub fn find_authority(block: &[u8]) -> Option<Literal> {
    let mut cursor = Cursor { block, at: 0 };
    while let Some(first) = cursor.peek() {
        if first & 0x80 != 0 {
            cursor.integer(7)?;
            continue;
        }
        if first & 0xe0 == 0x20 {
            cursor.integer(5)?;
            continue;
        }
        let name = cursor.integer(if first & 0x40 != 0 { 6 } else { 4 })?;
        let is_authority = match name {
            0 => cursor.string()? == AUTHORITY,
            index => index == AUTHORITY_INDEX,
        };
        let start = cursor.at;
        if is_authority {
            let value = cursor.string()?;
            let end = cursor.at;
            return Some(Literal { start, end, value });
        }
        cursor.skip_string()?;
    }
    None
}

/// A string with its length prefix, not Huffman-coded.
pub fn plain_string(value: &[u8], out: &mut Vec<u8>) {
    const PREFIX_MAX: usize = 0x7f;
    if value.len() < PREFIX_MAX {
        out.push(value.len() as u8);
    } else {
        out.push(PREFIX_MAX as u8);
        let mut rest = value.len() - PREFIX_MAX;
        while rest >= 0x80 {
            out.push((rest % 0x80) as u8 | 0x80);
            rest /= 0x80;
        }
        out.push(rest as u8);
    }
    out.extend_from_slice(value);
}

struct Cursor<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.block.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn integer(&mut self, prefix_bits: u32) -> Option<usize> {
        let mask = (1_usize << prefix_bits) - 1;
        let mut value = usize::from(self.next()?) & mask;
        if value < mask {
            return Some(value);
        }
        for shift in (0..28).step_by(7) {
            let byte = self.next()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn raw_string(&mut self) -> Option<(bool, &'a [u8])> {
        let is_coded = self.peek()? & 0x80 != 0;
        let len = self.integer(7)?;
        let raw = self.block.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some((is_coded, raw))
    }

    fn skip_string(&mut self) -> Option<()> {
        self.raw_string().map(drop)
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        match self.raw_string()? {
            (true, raw) => huffman(raw),
            (false, raw) => Some(raw.to_vec()),
        }
    }
}

/// Bits of each byte's code (RFC 7541, appendix B); the code is canonical, so they define it.
const CODE_BITS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
const CODE_BITS_MAX: usize = 30;

/// The codes of one length: they are consecutive, in order of their bytes.
#[derive(Clone, Default)]
struct Length {
    first: u32,
    bytes: Vec<u8>,
}

static CODES: LazyLock<Vec<Length>> = LazyLock::new(|| {
    let mut lengths = vec![Length::default(); CODE_BITS_MAX + 1];
    for (byte, bits) in (0..=u8::MAX).zip(CODE_BITS) {
        lengths[usize::from(bits)].bytes.push(byte);
    }
    let mut next = 0_u32;
    for length in &mut lengths {
        length.first = next;
        next = (next + length.bytes.len() as u32) << 1;
    }
    lengths
});

fn huffman(raw: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut code, mut bits) = (Vec::with_capacity(raw.len() * 2), 0_u32, 0);
    for bit in raw
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |shift| byte >> shift & 1))
    {
        code = code << 1 | u32::from(bit);
        bits += 1;
        let length = CODES.get(bits)?;
        let offset = code.checked_sub(length.first).map(|offset| offset as usize);
        if let Some(byte) = offset.and_then(|offset| length.bytes.get(offset)) {
            out.push(*byte);
            (code, bits) = (0, 0);
        }
    }
    // What is left is padding, less than a byte of ones.
    (bits < 8).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No block makes it panic, or hold more than a Huffman code of its bytes can stand for.
    #[test]
    fn fuzz_blocks() {
        const SHORTEST_CODE_BITS: usize = 5;
        bolero::check!().for_each(|block: &[u8]| {
            if let Some(literal) = find_authority(block) {
                assert!(literal.start < literal.end && literal.end <= block.len());
                let bits = 8 * (literal.end - literal.start);
                assert!(literal.value.len() <= bits / SHORTEST_CODE_BITS);
            }
        });
    }

    /// RFC 7541, C.4.1: `:authority: www.example.com`, Huffman-coded.
    const CODED: [u8; 17] = [
        0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90,
        0xf4, 0xff,
    ];

    #[test]
    fn the_rfcs_examples_are_read() {
        let found = find_authority(&CODED).expect("found");
        assert_eq!(found.value, b"www.example.com");
        assert_eq!((found.start, found.end), (4, 17));
        let mut plain = vec![0x82, 0x86, 0x84, 0x41];
        plain_string(b"www.example.com", &mut plain);
        assert_eq!(
            find_authority(&plain).expect("found").value,
            b"www.example.com"
        );
    }

    #[test]
    fn cut_and_foreign_blocks_find_nothing() {
        for end in 0..CODED.len() {
            assert_eq!(find_authority(&CODED[..end]), None, "cut at {end}");
        }
        assert_eq!(find_authority(&[0x82, 0x86, 0xbf]), None);
        assert_eq!(
            find_authority(&[0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            None
        );
    }

    #[test]
    fn long_strings_carry_their_length() {
        for len in [0, 126, 127, 128, 300, 20_000] {
            let mut block = vec![0x41];
            plain_string(&vec![b'a'; len], &mut block);
            let found = find_authority(&block).expect("found");
            assert_eq!((found.value.len(), found.end), (len, block.len()));
        }
    }
}
