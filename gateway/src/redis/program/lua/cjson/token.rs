//! The tokens of JSON text. Like lua-cjson the reader takes more than JSON: raw control
//! characters in strings, and numbers such as NaN and 0x10 while the setting allows.

/// A token, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    End,
    Wrong(&'static str),
}

impl Token {
    /// As error messages name it.
    pub fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::Text(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::End => "T_END",
            Token::Wrong(why) => why,
        }
    }
}

pub struct Tokens<'a> {
    text: &'a [u8],
    /// The next byte to read.
    pub at: usize,
    /// Where the last token began, or what was wrong in it stood.
    pub found: usize,
    takes_invalid_numbers: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a [u8], takes_invalid_numbers: bool) -> Tokens<'a> {
        Tokens {
            text,
            at: 0,
            found: 0,
            takes_invalid_numbers,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    pub fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.found = self.at;
        let simple = match self.byte(self.at) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            // A zero byte ends the text, as it does for lua-cjson.
            0 => return Token::End,
            b'"' => return self.string(),
            _ => return self.word(),
        };
        self.at += 1;
        simple
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let is_invalid = is_invalid_number(rest);
        if matches!(rest[0], b'-' | b'0'..=b'9') {
            if is_invalid && !self.takes_invalid_numbers {
                return Token::Wrong("invalid number");
            }
            return self.number();
        }
        for (word, token) in [
            (&b"true"[..], Token::Boolean(true)),
            (b"false", Token::Boolean(false)),
            (b"null", Token::Null),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        if is_invalid && self.takes_invalid_numbers {
            return self.number();
        }
        Token::Wrong("invalid token")
    }

    fn number(&mut self) -> Token {
        match number_prefix(&self.text[self.at..]) {
            Some((number, length)) => {
                self.at += length;
                Token::Number(number)
            }
            None => Token::Wrong("invalid number"),
        }
    }

    fn string(&mut self) -> Token {
        let mut made = Vec::new();
        self.at += 1;
        loop {
            match self.byte(self.at) {
                b'"' => break,
                0 => {
                    self.found = self.at;
                    return Token::Wrong("unexpected end of string");
                }
                b'\\' => {
                    if let Err(why) = self.escape(&mut made) {
                        self.found = self.at;
                        return Token::Wrong(why);
                    }
                }
                plain => {
                    made.push(plain);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token::Text(made)
    }

    fn escape(&mut self, made: &mut Vec<u8>) -> Result<(), &'static str> {
        let byte = match self.byte(self.at + 1) {
            own @ (b'"' | b'\\' | b'/') => own,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, length) = self.unicode().ok_or("invalid unicode escape code")?;
                made.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += length;
                return Ok(());
            }
            _ => return Err("invalid escape code"),
        };
        made.push(byte);
        self.at += 2;
        Ok(())
    }

    /// The character of a `\u` escape, two for a surrogate pair, and the bytes it takes.
    fn unicode(&self) -> Option<(char, usize)> {
        let first = self.four_digits(self.at + 2)?;
        if let Some(character) = char::from_u32(first) {
            return Some((character, 6));
        }
        let is_pair = self.byte(self.at + 6) == b'\\' && self.byte(self.at + 7) == b'u';
        let second = self.four_digits(self.at + 8).filter(|_| is_pair)?;
        let whole = char::decode_utf16([first, second].map(|unit| unit as u16)).next()?;
        whole.ok().map(|character| (character, 12))
    }

    fn four_digits(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |sum, digit| {
            Some(sum * 16 + char::from(*digit).to_digit(16)?)
        })
    }
}

/// Whether this begins a number that JSON lacks: a plus, leading zeros, hexadecimal, inf, nan.
fn is_invalid_number(text: &[u8]) -> bool {
    let text = match text {
        [b'+', ..] => return true,
        [b'-', rest @ ..] => rest,
        text => text,
    };
    match text {
        [b'0', next, ..] => matches!(next, b'x' | b'X' | b'0'..=b'9'),
        [b'0'..=b'9', ..] => false,
        text => {
            let word = text.get(..3).unwrap_or_default().to_ascii_lowercase();
            word == b"inf" || word == b"nan"
        }
    }
}

/// The longest number that the text begins with and its length, as C's `strtod`.
fn number_prefix(text: &[u8]) -> Option<(f64, usize)> {
    let signs = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let negative = text.first() == Some(&b'-');
    let body = &text[signs..];
    let lower = body
        .get(..8.min(body.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (magnitude, length) = if lower.starts_with(b"infinity") {
        (f64::INFINITY, 8)
    } else if lower.starts_with(b"inf") {
        (f64::INFINITY, 3)
    } else if lower.starts_with(b"nan") {
        (f64::NAN, 3)
    } else if let Some(found) = hexadecimal(body) {
        found
    } else {
        decimal(body)?
    };
    Some((
        if negative { -magnitude } else { magnitude },
        signs + length,
    ))
}

/// `0x1f`, `0x1.8p-3`.
fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let [b'0', b'x' | b'X', ..] = text else {
        return None;
    };
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut at, mut number, mut exponent) = (2, 0.0, 0);
    let mut digits = |at: &mut usize| {
        let from = *at;
        while let Some(digit) = digit(*at) {
            number = number * 16.0 + f64::from(digit);
            *at += 1;
        }
        *at - from
    };
    let whole = digits(&mut at);
    if text.get(at) == Some(&b'.') {
        let mut end = at + 1;
        let fraction = digits(&mut end);
        if whole + fraction > 0 {
            at = end;
            exponent = -4 * i32::try_from(fraction).ok()?;
        }
    }
    if at == 2 {
        return None;
    }
    if let Some((power, length)) = text.get(at..).and_then(binary_exponent) {
        exponent = exponent.saturating_add(power);
        at += length;
    }
    Some((number * 2_f64.powi(exponent), at))
}

/// `p-3`.
fn binary_exponent(text: &[u8]) -> Option<(i32, usize)> {
    let [b'p' | b'P', rest @ ..] = text else {
        return None;
    };
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = sign + digits.count();
    let power = std::str::from_utf8(&rest[..length]).ok()?;
    power.parse().ok().map(|power| (power, 1 + length))
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let whole = digits(0);
    let mut end = whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if end == 0 {
        return None;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = text
            .get(end + 1 + sign..)
            .map_or(0, |_| digits(end + 1 + sign));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some((std::str::from_utf8(&text[..end]).ok()?.parse().ok()?, end))
}
