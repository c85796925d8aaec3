//! Where Redis's numbered databases lie in the flat keyspace: database N under `redis/N/` unless
//! a flag says otherwise. There keys have no history.

use bytes::{BufMut, Bytes, BytesMut};
use quorate_core::swept::Swept;
use quorate_core::types::{KeyRange, Settings};

/// How many databases SELECT knows (Redis's default).
pub const DATABASES: u32 = 16;

/// Kept for views of the databases beside these, whatever the flag says.
const VIEWS: &[u8] = b"redis@";

/// What the cluster is founded with: `root` is put before `N/`. Whatever begins with a root that
/// ends with a slash has no history, whoever writes it; of another one, which may be the beginning
/// of others' keys, the databases alone. A database that is the bare keyspace has history: its keys
/// are etcd's, too.
pub fn settings(root: &str) -> Settings {
    let mut forgetful = match root.ends_with('/') {
        true => vec![Bytes::copy_from_slice(root.as_bytes())],
        false => Keyspace::new(root).prefixes,
    };
    forgetful.retain(|prefix| !prefix.is_empty());
    forgetful.push(Bytes::from_static(VIEWS));
    Settings {
        key_prefix: root.into(),
        forgetful,
    }
}

/// The prefix of every database; shared by all connections of a listener.
#[derive(Clone, Debug)]
pub struct Keyspace {
    prefixes: Vec<Bytes>,
}

impl Keyspace {
    /// `root` is put before `N/`. An empty root means: database 0 is the bare keyspace, the
    /// others lie under `redis/N/`.
    pub fn new(root: &str) -> Keyspace {
        let prefix = |db: u32| match (root.is_empty(), db) {
            (true, 0) => Bytes::new(),
            (true, _) => Bytes::from(format!("redis/{db}/")),
            (false, _) => Bytes::from(format!("{root}{db}/")),
        };
        Keyspace {
            prefixes: (0..DATABASES).map(prefix).collect(),
        }
    }

    pub fn prefix(&self, db: u32) -> &Bytes {
        &self.prefixes[db as usize]
    }

    /// The core's key for a Redis key.
    pub fn key(&self, db: u32, key: &[u8]) -> Bytes {
        let prefix = self.prefix(db);
        let mut full = BytesMut::with_capacity(prefix.len() + key.len());
        full.put_slice(prefix);
        full.put_slice(key);
        full.freeze()
    }

    /// All keys of a database.
    pub fn range(&self, db: u32) -> KeyRange {
        KeyRange::prefix(self.prefix(db))
    }

    /// The database and Redis key of a core key; None for what is not Redis's.
    pub fn locate(&self, full: &Bytes) -> Option<(u32, Bytes)> {
        let fits = |(db, prefix): (usize, &Bytes)| {
            full.starts_with(prefix)
                .then(|| (db as u32, full.slice(prefix.len()..)))
        };
        // The empty prefix holds everything, so the others are asked first.
        self.prefixes.iter().enumerate().rev().find_map(fits)
    }

    /// Whether any of the keys may be Redis's.
    pub fn touches(&self, swept: &Swept) -> bool {
        let mut prefixes = self.prefixes.iter();
        prefixes.any(|prefix| swept.touches(&KeyRange::prefix(prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_do_not_overlap() {
        let space = Keyspace::new("redis/");
        assert_eq!(space.key(1, b"a"), Bytes::from("redis/1/a"));
        assert_eq!(
            space.locate(&Bytes::from("redis/11/a")),
            Some((11, Bytes::from("a")))
        );
        assert_eq!(space.locate(&Bytes::from("registry/pods")), None);
    }

    #[test]
    fn redis_keys_have_no_history_and_others_do() {
        let forgetful = |root| {
            let forgetful = settings(root).forgetful;
            move |key: &str| {
                forgetful
                    .iter()
                    .any(|prefix| key.as_bytes().starts_with(prefix))
            }
        };
        let usual = forgetful("redis/");
        assert!(usual("redis/0/a") && usual("redis/15/a") && usual("redis@1/0/a"));
        assert!(!usual("registry/pods") && !usual("redis") && !usual("app/0/a"));
        let own = forgetful("app/");
        assert!(own("app/0/a") && !own("redis/0/a") && !own("apple"));
        let short = forgetful("r");
        assert!(short("r0/a") && short("r15/a") && !short("registry/pods") && !short("r1"));
        let bare = forgetful("");
        assert!(bare("redis/1/a") && !bare("a") && !bare("redis/0/a") && !bare(""));
    }

    #[test]
    fn empty_root_is_the_bare_keyspace() {
        let space = Keyspace::new("");
        assert_eq!(space.key(0, b"a"), Bytes::from("a"));
        assert_eq!(
            space.locate(&Bytes::from("redis/3/a")),
            Some((3, Bytes::from("a")))
        );
        assert_eq!(
            space.locate(&Bytes::from("x/y")),
            Some((0, Bytes::from("x/y")))
        );
    }
}
