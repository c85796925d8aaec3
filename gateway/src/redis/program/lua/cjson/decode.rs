//! JSON text to Lua values.

use mlua::{Lua, Result, Value};

use super::options::Options;
use super::token::{Token, Tokens};
use crate::redis::program::lua::limits::INSTRUCTIONS_PER_LOOK;
use crate::redis::program::lua::raised::Raised;
use crate::redis::program::lua::shared::Shared;

pub fn decode(lua: &Lua, shared: &Shared, text: &[u8]) -> Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(Raised::here(
            lua,
            "JSON parser does not support UTF-16 or UTF-32",
        ));
    }
    let options = shared.json.get();
    let tokens = Tokens::new(text, options.decode_invalid);
    let mut reader = Reader {
        lua,
        shared,
        options,
        tokens,
        depth: 0,
        values: 0,
    };
    let first = reader.tokens.next();
    let value = reader.value(first)?;
    match reader.tokens.next() {
        Token::End => Ok(value),
        other => Err(reader.expected("the end", &other)),
    }
}

struct Reader<'a> {
    lua: &'a Lua,
    shared: &'a Shared,
    options: Options,
    tokens: Tokens<'a>,
    depth: i64,
    values: u32,
}

impl Reader<'_> {
    fn expected(&self, what: &str, found: &Token) -> mlua::Error {
        let (found, at) = (found.name(), self.tokens.found + 1);
        Raised::here(
            self.lua,
            format!("Expected {what} but found {found} at character {at}"),
        )
    }

    fn value(&mut self, token: Token) -> Result<Value> {
        self.values += 1;
        if self.values.is_multiple_of(INSTRUCTIONS_PER_LOOK) {
            self.shared.budget.spend(INSTRUCTIONS_PER_LOOK)?;
        }
        match token {
            Token::Text(text) => self.lua.create_string(text).map(Value::String),
            Token::Number(number) => Ok(Value::Number(number)),
            Token::Boolean(yes) => Ok(Value::Boolean(yes)),
            Token::Null => Ok(Value::NULL),
            Token::ObjectBegin => self.nested(Reader::object),
            Token::ArrayBegin => self.nested(Reader::array),
            other => Err(self.expected("value", &other)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        self.depth += 1;
        if self.depth > self.options.decode_depth_max {
            let (depth, at) = (self.depth, self.tokens.at);
            let text = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(Raised::here(self.lua, text));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value> {
        let table = self.lua.create_table()?;
        let mut token = self.tokens.next();
        if token == Token::ObjectEnd {
            return Ok(Value::Table(table));
        }
        loop {
            let Token::Text(key) = token else {
                return Err(self.expected("object key string", &token));
            };
            let colon = self.tokens.next();
            if colon != Token::Colon {
                return Err(self.expected("colon", &colon));
            }
            let first = self.tokens.next();
            let value = self.value(first)?;
            table.raw_set(self.lua.create_string(key)?, value)?;
            match self.tokens.next() {
                Token::ObjectEnd => return Ok(Value::Table(table)),
                Token::Comma => token = self.tokens.next(),
                other => return Err(self.expected("comma or object end", &other)),
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        let table = self.lua.create_table()?;
        let mut token = self.tokens.next();
        if token == Token::ArrayEnd {
            return Ok(Value::Table(table));
        }
        for index in 1.. {
            let value = self.value(token)?;
            table.raw_set(index, value)?;
            match self.tokens.next() {
                Token::ArrayEnd => break,
                Token::Comma => token = self.tokens.next(),
                other => return Err(self.expected("comma or array end", &other)),
            }
        }
        Ok(Value::Table(table))
    }
}
