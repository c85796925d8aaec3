//! Prints why a client failed, did not run, or does not pass yet on a server.

use super::judge::{Line, Server, Verdict};
use super::play::Played;

/// One message for a client that could not run, otherwise one for each scenario that did not pass,
/// and the end of the server's log when one of them had to.
pub(super) fn print(client: &str, lines: &[Line], server: Server, played: &Played) {
    let log = match played {
        Played::NotAsked => return,
        Played::Trouble(trouble) => {
            println!("{client} did not run on {}: {trouble}", server.name());
            return;
        }
        Played::Steps { log, .. } => log,
    };
    let mut failed = false;
    for line in lines {
        let (what, why) = match line.verdict(server) {
            Verdict::Pass | Verdict::OfOne => continue,
            Verdict::Fail(why) => ("FAIL", why),
            Verdict::LeftOut(why) => ("left out", why),
            Verdict::Unlisted(why) => ("unlisted", why),
        };
        failed |= what == "FAIL";
        println!(
            "{what} {client} {} on {}: {why}",
            line.scenario,
            server.name()
        );
    }
    if failed {
        println!("{log}");
    }
}
