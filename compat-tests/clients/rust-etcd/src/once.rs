//! One write after the other, each of which tells by its answer whether it was carried out more
//! than once. Prints `done N` for each round; ends only with a failure.

use etcd_client::{
    Client, Compare, CompareOp, ProclaimOptions, PutOptions, ResignOptions, Txn, TxnOp,
};

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
        elect(&mut client, &format!("{key}/election"), lease).await?;
        client.lease_revoke(lease).await?;
        let held = client.lock(format!("{key}/lock"), None).await?;
        client.unlock(held.key()).await?;
        println!("done {n}");
    }
    Ok(())
}

/// The leader's key is written twice, by Campaign and by Proclaim.
async fn elect(client: &mut Client, name: &str, lease: i64) -> Outcome {
    let mut won = client.campaign(name, "first", lease).await?;
    let leader = won.take_leader().ok_or("a campaign without a leader")?;
    let as_leader = ProclaimOptions::new().with_leader(leader.clone());
    client.proclaim("second", Some(as_leader)).await?;
    let got = client.get(leader.key(), None).await?;
    let versions: Vec<i64> = got.kvs().iter().map(|kv| kv.version()).collect();
    equal("versions of the leader's key", versions, vec![2])?;
    let as_leader = ResignOptions::new().with_leader(leader);
    client.resign(Some(as_leader)).await?;
    Ok(())
}
