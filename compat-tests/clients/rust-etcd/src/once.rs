//! One write after the other, each of which tells by its answer whether it was carried out more
//! than once. Prints `done N` for each round; ends only with a failure.

use etcd_client::{Client, Compare, CompareOp, PutOptions, Txn, TxnOp};

use crate::check::{Outcome, equal};

pub async fn write(mut client: Client, key: &str) -> Outcome {
    for n in 1.. {
        let with_previous = Some(PutOptions::new().with_prev_key());
        let put = client.put(key, n.to_string(), with_previous).await?;
        let version = put.prev_key().map_or(0, |previous| previous.version());
        equal("versions before the put", version, n - 1)?;
        let other = format!("{key}/created");
        let absent = Compare::create_revision(other.as_str(), CompareOp::Equal, 0);
        let create = Txn::new().when([absent]);
        let create = create.and_then([TxnOp::put(other.as_str(), "mine", None)]);
        equal("created", client.txn(create).await?.succeeded(), true)?;
        let deleted = client.delete(other.as_str(), None).await?.deleted();
        equal("deleted", deleted, 1)?;
        let lease = client.lease_grant(60, None).await?.id();
        client.lease_revoke(lease).await?;
        let held = client.lock(format!("{key}/lock"), None).await?;
        client.unlock(held.key()).await?;
        println!("done {n}");
    }
    Ok(())
}
