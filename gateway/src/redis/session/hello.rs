//! HELLO and AUTH.
//!
//! There are no users yet: it is as with a Redis without a password.

use bytes::Bytes;

use super::state::Session;
use crate::redis::fault::Fault;
use crate::redis::frame::Protocol;
use crate::redis::number::parse_i64;
use crate::redis::reply::Reply;

pub use crate::redis::version::REDIS_VERSION;

const NO_PASSWORD: Fault = Fault::fixed(
    "ERR AUTH <password> called without any password configured for the default user. Are you \
     sure your configuration is correct?",
);
const WRONG_PASS: Fault =
    Fault::fixed("WRONGPASS invalid username-password pair or user is disabled.");
const BAD_NAME: Fault =
    Fault::fixed("ERR Client names cannot contain spaces, newlines or special characters.");

impl Session {
    /// AUTH [user] password: the default user has no password, so that any is right with its
    /// name and none without.
    pub fn auth(&mut self, args: &[Bytes]) -> Reply {
        match args {
            [_, _] => Reply::Error(NO_PASSWORD),
            [_, user, _] if is_default_user(user) => Reply::OK,
            [_, _, _] => Reply::Error(WRONG_PASS),
            _ => Reply::Error(Fault::SYNTAX),
        }
    }

    /// HELLO [2 | 3 [AUTH user password] [SETNAME name]]: nothing changes unless all is right.
    pub fn hello(&mut self, args: &[Bytes]) -> Reply {
        match self.greet(args) {
            Ok(reply) => reply,
            Err(fault) => Reply::Error(fault),
        }
    }

    fn greet(&mut self, args: &[Bytes]) -> Result<Reply, Fault> {
        let protocol = match args.get(1) {
            None => self.protocol,
            Some(version) => match parse_i64(version) {
                Some(2) => Protocol::Resp2,
                Some(3) => Protocol::Resp3,
                Some(_) => return Err(Fault::fixed("NOPROTO unsupported protocol version")),
                None => {
                    let text = "ERR Protocol version is not an integer or out of range";
                    return Err(Fault::fixed(text));
                }
            },
        };
        let mut name = None;
        let mut rest = args.get(2..).unwrap_or_default();
        loop {
            rest = match rest {
                [] => break,
                [word, user, _password, after @ ..] if word.eq_ignore_ascii_case(b"auth") => {
                    if !is_default_user(user) {
                        return Err(WRONG_PASS);
                    }
                    after
                }
                [word, chosen, after @ ..] if word.eq_ignore_ascii_case(b"setname") => {
                    check_name(chosen)?;
                    name = Some(chosen.clone());
                    after
                }
                [word, ..] => {
                    let word = String::from_utf8_lossy(word);
                    return Err(Fault::new(format!(
                        "ERR Syntax error in HELLO option '{word}'"
                    )));
                }
            };
        }
        if let Some(name) = name {
            self.set_name(&name)?;
        }
        self.protocol = protocol;
        Ok(self.greeting())
    }

    fn greeting(&self) -> Reply {
        let pair = |name: &'static str, value: Reply| (Reply::text(name), value);
        Reply::Map(vec![
            pair("server", Reply::text("redis")),
            pair("version", Reply::text(REDIS_VERSION)),
            pair("proto", Reply::Integer(self.protocol.number())),
            pair("id", Reply::Integer(self.client.id as i64)),
            pair("mode", Reply::text("standalone")),
            pair("role", Reply::text(self.role_in_hello())),
            pair("modules", Reply::Array(Vec::new())),
        ])
    }
}

fn is_default_user(user: &[u8]) -> bool {
    user == b"default"
}

/// Names are printable and without blanks.
pub fn check_name(name: &[u8]) -> Result<(), Fault> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(())
    } else {
        Err(BAD_NAME)
    }
}
