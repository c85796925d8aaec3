//! What may differ from a rule, each with its reason. An entry that nothing needs fails the test,
//! so the table never outlives what it excuses.

use super::Breach;

struct Exception {
    path: &'static str,
    rule: &'static str,
    /// What the breach's text must contain.
    about: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    why: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        path: "proto/src/lib.rs",
        rule: "door",
        about: "FILE_DESCRIPTOR_SET",
        why: "generated, like the modules declared beside it",
    },
    Exception {
        path: "core/src/node/open.rs",
        rule: "function",
        about: "`open`",
        why: "bottom up in one straight line: each part is complete before the next takes it",
    },
    Exception {
        path: "compat-tests/src/clients/mod.rs",
        rule: "door",
        about: "pub const ALL",
        why: "the list of what the file declares",
    },
];

const ARROW_EXCEPTIONS: &[Exception] = &[Exception {
    path: "core/src/state/data.rs",
    rule: "arrow",
    about: "`HashSet`",
    why: "the op HashSet, Redis's HSET; not the collection",
}];

pub fn remaining(found: Vec<Breach>) -> Vec<Breach> {
    without(EXCEPTIONS, found)
}

pub fn remaining_arrows(found: Vec<Breach>) -> Vec<Breach> {
    without(ARROW_EXCEPTIONS, found)
}

fn without(exceptions: &[Exception], found: Vec<Breach>) -> Vec<Breach> {
    let excuses = |exception: &Exception, breach: &Breach| {
        exception.path == breach.path
            && exception.rule == breach.rule
            && breach.says.contains(exception.about)
    };
    let stale = exceptions
        .iter()
        .filter(|exception| !found.iter().any(|breach| excuses(exception, breach)))
        .map(|exception| Breach {
            path: exception.path.to_owned(),
            line: 0,
            rule: "exception",
            says: format!(
                "nothing breaks [{}] here any more: take it off",
                exception.rule
            ),
        });
    let stale: Vec<Breach> = stale.collect();
    let excused = |breach: &Breach| {
        exceptions
            .iter()
            .any(|exception| excuses(exception, breach))
    };
    let left = found.into_iter().filter(|breach| !excused(breach));
    left.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_its_own_breach_and_must_be_needed() {
        let breach = |path: &str| Breach {
            path: path.to_owned(),
            line: 3,
            rule: "function",
            says: "`f` has 80 lines".to_owned(),
        };
        let table = [Exception {
            path: "a.rs",
            rule: "function",
            about: "`f`",
            why: "one table",
        }];
        assert_eq!(
            without(&table, vec![breach("a.rs"), breach("b.rs")]),
            [breach("b.rs")]
        );
        assert_eq!(without(&table, vec![])[0].rule, "exception");
    }
}
