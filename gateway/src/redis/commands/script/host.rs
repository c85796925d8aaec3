//! What a script's calls do: the same commands on the program's view.

use bytes::Bytes;

use crate::redis::args::Args;
use crate::redis::commands::about::pubsub;
use crate::redis::commands::subcommands::{self, Misfit};
use crate::redis::commands::{Run, Session, lookup, on_view};
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::program::lua::Host;
use crate::redis::reply::Reply;

const UNKNOWN: Fault = Fault::fixed("ERR Unknown Redis command called from script");
const ARITY: Fault = Fault::fixed("ERR Wrong number of args calling Redis command from script");
const REFUSED: Fault = Fault::fixed("ERR This Redis command is not allowed from script");
const READ_ONLY: Fault = Fault::fixed("ERR Write commands are not allowed from read-only scripts.");
const NO_SUCH: Fault = Fault::fixed("ERR Invalid command passed to redis.acl_check_cmd()");

pub struct ViewHost<'a> {
    pub view: &'a mut View,
    pub read_only: bool,
}

impl Host for ViewHost<'_> {
    fn call(&mut self, args: &[Bytes]) -> Reply {
        let Some(row) = args.first().and_then(|name| lookup(name)) else {
            return Reply::Error(UNKNOWN);
        };
        if !row.takes(args.len()) {
            return Reply::Error(ARITY);
        }
        match subcommands::check(row, args) {
            Ok(()) => {}
            Err(Misfit::Unknown(_)) => return Reply::Error(UNKNOWN),
            Err(Misfit::Arity(_)) => return Reply::Error(ARITY),
        }
        if matches!(row.run, Run::Session(Session::Pubsub)) {
            // A connection asks the members itself, and waits for them.
            return pubsub(self.view, Args::after_name(args)).into();
        }
        let is_on_data = matches!(row.run, Run::Data(_) | Run::Write(_));
        if !is_on_data || row.has_flag("noscript") {
            return Reply::Error(REFUSED);
        }
        if self.read_only && (row.is_write() || row.name == "publish") {
            return Reply::Error(READ_ONLY);
        }
        on_view(self.view, row, args).unwrap_or(Reply::Error(REFUSED))
    }

    fn allows(&self, args: &[Bytes]) -> Result<bool, Fault> {
        let row = args.first().and_then(|name| lookup(name));
        row.map(|_| true).ok_or(NO_SUCH)
    }

    fn lock_token(&mut self, key: &[u8]) -> Option<i64> {
        self.view.lock_token(key)
    }
}
