//! Plays the scenarios of the crates redis and rslock on the server at the given address
//! (host:port).
//!
//! It prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. Each begins on
//! an empty server; all run over RESP2, and all but rslock's over RESP3. With `once KEY` after the
//! address it writes instead (see once.rs).

mod check;
mod data;
mod locks;
mod once;

use std::process::ExitCode;

use check::{Outcome, WAIT};
use redis::Client;

/// Plays one scenario and tells its end.
macro_rules! play {
    (
        $address:expr, $protocol:literal, $failed:ident,
        $($name:literal => $scenario:path),+ $(,)?
    ) => {
        $(
            let name = concat!($protocol, "-", $name);
            let url = format!("redis://{}/?protocol={}", $address, $protocol);
            let played = async {
                let client = Client::open(url)?;
                let mut server = client.get_multiplexed_async_connection().await?;
                let _: () = redis::cmd("FLUSHALL").query_async(&mut server).await?;
                $scenario(&client, &mut server).await
            };
            let outcome: Outcome = match tokio::time::timeout(3 * WAIT, played).await {
                Ok(outcome) => outcome,
                Err(_) => Err("it took too long".into()),
            };
            match outcome {
                Ok(()) => println!("ok {name}"),
                Err(why) => {
                    $failed = true;
                    println!("FAIL {name}: {}", why.to_string().replace('\n', " "));
                }
            }
        )+
    };
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: rust-redis host:port");
        return ExitCode::FAILURE;
    };
    let further: Vec<String> = std::env::args().skip(2).collect();
    if let [mode, key] = &further[..]
        && mode == "once"
    {
        if let Err(why) = once::write(&address, key).await {
            println!("FAIL {why}");
        }
        return ExitCode::FAILURE;
    }
    let mut failed = false;
    play!(address, "resp2", failed,
        "connect" => data::connect, "strings" => data::strings, "hashes" => data::hashes,
        "expiry" => data::expiry, "transactions" => data::transactions,
        "scripts" => data::scripts, "pubsub" => data::pubsub, "pipelines" => data::pipelines,
        "errors" => data::errors, "rslock" => locks::lock,
        "rslock-expiry" => locks::lock_expiry, "rslock-exclusion" => locks::lock_exclusion,
    );
    play!(address, "resp3", failed,
        "connect" => data::connect, "strings" => data::strings, "hashes" => data::hashes,
        "expiry" => data::expiry, "transactions" => data::transactions,
        "scripts" => data::scripts, "pubsub" => data::pubsub, "pipelines" => data::pipelines,
        "errors" => data::errors,
    );
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
