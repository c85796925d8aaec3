//! What a program has changed in the cache of scripts, which it sees itself at once.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::ScriptCommand;

use super::lua::Script;

#[derive(Clone, Debug, Default)]
pub struct CacheChanges {
    /// Whether it was emptied, before all that is in it now was loaded.
    flushed: bool,
    /// Bodies by SHA-1.
    loaded: BTreeMap<Bytes, Bytes>,
}

impl CacheChanges {
    pub fn load(&mut self, script: Script) {
        self.loaded.insert(script.sha1, script.body);
    }

    pub fn flush(&mut self) {
        self.loaded.clear();
        self.flushed = true;
    }

    /// None: the program has not changed whether the cache holds it. Some(None): it does not.
    pub fn get(&self, sha1: &[u8]) -> Option<Option<&Bytes>> {
        let loaded = self.loaded.get(sha1);
        (loaded.is_some() || self.flushed).then_some(loaded)
    }

    /// In order.
    pub fn into_commands(self) -> impl Iterator<Item = ScriptCommand> {
        let load = |(sha1, body)| ScriptCommand::Load { sha1, body };
        let flush = self.flushed.then_some(ScriptCommand::Flush);
        flush.into_iter().chain(self.loaded.into_iter().map(load))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_before_it_was_emptied_is_gone() {
        let (one, other) = (
            Script::new("return 1".into()),
            Script::new("return 2".into()),
        );
        let mut changes = CacheChanges::default();
        assert_eq!(changes.get(&one.sha1), None);
        changes.load(one.clone());
        assert_eq!(changes.get(&one.sha1), Some(Some(&one.body)));
        changes.flush();
        assert_eq!(changes.get(&one.sha1), Some(None));
        changes.load(other.clone());
        let load = ScriptCommand::Load {
            sha1: other.sha1,
            body: other.body,
        };
        let commands: Vec<_> = changes.into_commands().collect();
        assert_eq!(commands, [ScriptCommand::Flush, load]);
    }
}
