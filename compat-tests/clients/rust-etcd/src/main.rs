//! Plays the scenarios of the Rust crate etcd-client on the server at the endpoints of its first
//! argument. Prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. With
//! `keep-alive KEY TTL` after the endpoints it keeps one lease alive instead (see keep_alive.rs);
//! with `once KEY` it writes (see once.rs).

mod admin;
mod check;
mod keep_alive;
mod kv;
mod lease;
mod locks;
mod once;
mod txn;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use etcd_client::Client;

use check::Outcome;

const LIMIT: Duration = Duration::from_secs(30);

/// Plays one scenario with a client of its own, and prints how it went.
macro_rules! play {
    ($failed:ident, $endpoints:ident, $($name:literal => $scenario:path),* $(,)?) => {$(
        let play = async {
            let client = Client::connect(&$endpoints, None).await?;
            $scenario(client).await
        };
        let outcome = tokio::time::timeout(LIMIT, play).await;
        let outcome = outcome.unwrap_or_else(|_| Err(format!("not done in {LIMIT:?}").into()));
        $failed |= report($name, outcome);
    )*};
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(endpoints) = std::env::args().nth(1) else {
        eprintln!("usage: rust-etcd HOST:PORT[,HOST:PORT...]");
        return ExitCode::from(2);
    };
    let endpoints: Vec<String> = endpoints.split(',').map(str::to_owned).collect();
    let further: Vec<String> = std::env::args().skip(2).collect();
    if let [mode, key, ttl] = &further[..]
        && mode == "keep-alive"
    {
        return keep_alive(&endpoints, key, ttl.parse().unwrap_or(0)).await;
    }
    if let [mode, key] = &further[..]
        && mode == "once"
    {
        return once(&endpoints, key).await;
    }
    let mut failed = false;
    play!(failed, endpoints,
        "put-get" => kv::put_get,
        "delete" => kv::delete,
        "errors" => kv::errors,
        "txn" => txn::txn,
        "watch" => watch::watch,
        "watch-cancel" => watch::cancel,
        "lease" => lease::lease,
        "lease-expiry" => lease::expiry,
        "lock-service" => locks::lock,
        "election-service" => locks::election,
        "maintenance" => admin::maintenance,
        "compact" => admin::compact,
    );
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Ends only with a failure.
async fn once(endpoints: &[String], key: &str) -> ExitCode {
    let written = async {
        let client = Client::connect(endpoints, None).await?;
        once::write(client, key).await
    };
    if let Err(why) = written.await {
        println!("FAIL {why}");
    }
    ExitCode::FAILURE
}

/// Ends only with a failure.
async fn keep_alive(endpoints: &[String], key: &str, ttl: u64) -> ExitCode {
    let kept = async {
        let client = Client::connect(endpoints, None).await?;
        keep_alive::keep_alive(client, key, ttl).await
    };
    if let Err(why) = kept.await {
        println!("lost: {why}");
    }
    ExitCode::FAILURE
}

/// Whether it failed.
fn report(name: &str, outcome: Outcome) -> bool {
    match outcome {
        Ok(()) => println!("ok {name}"),
        Err(why) => {
            println!("FAIL {name}: {}", why.to_string().replace('\n', "; "));
            return true;
        }
    }
    false
}
