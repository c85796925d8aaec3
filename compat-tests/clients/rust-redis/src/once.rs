//! One write after the other, each of which tells by its answer whether it was carried out more
//! than once. Prints `done N` for each round; ends only with a failure.

use redis::{AsyncConnectionConfig, Client, cmd};

use crate::check::{Outcome, WAIT, equal};

pub async fn write(address: &str, key: &str) -> Outcome {
    let client = Client::open(format!("redis://{address}"))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(3 * WAIT / 2));
    let mut server = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    let other = format!("{key}/created");
    for n in 1_u64.. {
        let counted: u64 = cmd("INCR").arg(key).query_async(&mut server).await?;
        equal("INCR", counted, n)?;
        let mut create = cmd("SET");
        create.arg(&other).arg("mine").arg("NX");
        let created: Option<String> = create.query_async(&mut server).await?;
        equal("SET NX", created.as_deref(), Some("OK"))?;
        let deleted: u64 = cmd("DEL").arg(&other).query_async(&mut server).await?;
        equal("DEL", deleted, 1)?;
        println!("done {n}");
    }
    Ok(())
}
