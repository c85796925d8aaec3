//! Put, get and delete.

use etcd_client::{Client, DeleteOptions, GetOptions, PutOptions, SortOrder, SortTarget};

use crate::check::{Outcome, equal, pairs, refused, revision};

/// Revisions, previous values, and a range's options.
pub async fn put_get(mut client: Client) -> Outcome {
    let first = revision(client.put("put/a", "1", None).await?.header())?;
    let second = client
        .put("put/a", "2", Some(PutOptions::new().with_prev_key()))
        .await?;
    equal(
        "previous",
        second.prev_key().map(|kv| kv.value().to_vec()),
        Some(b"1".to_vec()),
    )?;
    equal("revision", revision(second.header())?, first + 1)?;
    client.put("put/b", "1", None).await?;
    let got = client.get("put/a", None).await?;
    let kv = got.kvs().first().ok_or("the key is gone")?;
    let seen = (
        kv.create_revision() - first,
        kv.mod_revision() - first,
        kv.version(),
        kv.lease(),
    );
    equal("create, mod, version, lease", seen, (0, 1, 2, 0))?;
    let all = || GetOptions::new().with_prefix();
    for (what, options, want) in [
        ("prefix", all(), "put/a=2 put/b=1"),
        ("limit", all().with_limit(1), "put/a=2"),
        ("revision", all().with_revision(first), "put/a=1"),
        ("keys only", all().with_keys_only(), "put/a= put/b="),
        ("count only", all().with_count_only(), ""),
        ("serializable", all().with_serializable(), "put/a=2 put/b=1"),
        (
            "sort",
            all().with_sort(SortTarget::Value, SortOrder::Ascend),
            "put/b=1 put/a=2",
        ),
        (
            "least mod",
            all().with_min_mod_revision(first + 2),
            "put/b=1",
        ),
        (
            "most create",
            all().with_max_create_revision(first),
            "put/a=2",
        ),
    ] {
        equal(
            what,
            pairs(&client.get("put/", Some(options)).await?).as_str(),
            want,
        )?;
    }
    let limited = client.get("put/", Some(all().with_limit(1))).await?;
    equal(
        "count and more",
        (limited.count(), limited.more()),
        (2, true),
    )
}

/// Counts and previous values, and no revision for deleting nothing.
pub async fn delete(mut client: Client) -> Outcome {
    client.put("del/a", "1", None).await?;
    let last = revision(client.put("del/b", "2", None).await?.header())?;
    let none = client.delete("del/none", None).await?;
    equal(
        "nothing",
        (none.deleted(), revision(none.header())?),
        (0, last),
    )?;
    let options = DeleteOptions::new().with_prefix().with_prev_key();
    let both = client.delete("del/", Some(options)).await?;
    let values: Vec<&[u8]> = both.prev_kvs().iter().map(|kv| kv.value()).collect();
    equal(
        "both",
        (both.deleted(), revision(both.header())?),
        (2, last + 1),
    )?;
    equal(
        "previous values",
        values,
        vec![b"1".as_slice(), b"2".as_slice()],
    )
}

/// Codes and texts of refusals.
pub async fn errors(mut client: Client) -> Outcome {
    let empty = client.put("", "x", None).await;
    refused(
        "empty key",
        empty,
        "InvalidArgument",
        "etcdserver: key is not provided",
    )?;
    let keep = PutOptions::new().with_ignore_value();
    let absent = client.put("none", "", Some(keep)).await;
    refused(
        "absent",
        absent,
        "InvalidArgument",
        "etcdserver: key not found",
    )?;
    let given = client
        .put("none", "x", Some(PutOptions::new().with_ignore_value()))
        .await;
    refused(
        "a value to ignore",
        given,
        "InvalidArgument",
        "etcdserver: value is provided",
    )?;
    let leased = client
        .put("a", "x", Some(PutOptions::new().with_lease(99)))
        .await;
    refused(
        "no such lease",
        leased,
        "NotFound",
        "etcdserver: requested lease not found",
    )?;
    let both = PutOptions::new().with_lease(99).with_ignore_lease();
    let leased = client.put("a", "x", Some(both)).await;
    refused(
        "a lease to ignore",
        leased,
        "InvalidArgument",
        "etcdserver: lease is provided",
    )?;
    let large = client.put("a", vec![b'x'; 3 << 19], None).await;
    refused(
        "too large",
        large,
        "InvalidArgument",
        "etcdserver: request is too large",
    )?;
    let future = client
        .get("a", Some(GetOptions::new().with_revision(1 << 40)))
        .await;
    let text = "etcdserver: mvcc: required revision is a future revision";
    refused("future", future, "OutOfRange", text)
}
