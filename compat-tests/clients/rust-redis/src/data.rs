//! The crate redis: connections, data, transactions, scripts, messages.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncCommands, Client, ExistenceCheck, RedisResult, Script, SetExpiry, SetOptions, Value, cmd,
    pipe,
};

use crate::check::{Outcome, equal, refused, waited};

pub async fn connect(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let pong: String = cmd("PING").query_async(server).await?;
    equal("ping", pong.as_str(), "PONG")?;
    let echo: Vec<u8> = cmd("ECHO").arg(&[0u8, 255]).query_async(server).await?;
    equal("echo", echo, vec![0, 255])?;
    let name: Value = cmd("CLIENT")
        .arg("SETNAME")
        .arg("rust")
        .query_async(server)
        .await?;
    equal("setname", name, Value::Okay)?;
    let mut other = client.get_multiplexed_async_connection().await?;
    let ids: (i64, i64) = (
        cmd("CLIENT").arg("ID").query_async(server).await?,
        cmd("CLIENT").arg("ID").query_async(&mut other).await?,
    );
    equal("ids differ", ids.0 == ids.1, false)
}

pub async fn strings(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let nx = |milliseconds| {
        let options = SetOptions::default().conditional_set(ExistenceCheck::NX);
        options.with_expiration(SetExpiry::PX(milliseconds))
    };
    let first: Option<String> = server.set_options("s", "1", nx(30_000)).await?;
    equal("set", first.as_deref(), Some("OK"))?;
    let second: Option<String> = server.set_options("s", "2", nx(30_000)).await?;
    equal("nx", second, None)?;
    let left: i64 = server.pttl("s").await?;
    equal("life", (1..=30_000).contains(&left), true)?;
    let bytes: &[u8] = &[0, 1, 255];
    let _: () = server.set("bytes", bytes).await?;
    equal(
        "binary",
        server.get::<_, Vec<u8>>("bytes").await?,
        bytes.to_vec(),
    )?;
    let _: () = server.mset(&[("a", "1"), ("b", "2")]).await?;
    let many: Vec<Option<String>> = server.mget(&["a", "none", "b"]).await?;
    equal("mget", many, vec![Some("1".into()), None, Some("2".into())])?;
    equal("incr", server.incr::<_, _, i64>("n", 5).await?, 5)?;
    equal("float", server.incr::<_, _, f64>("f", 0.5).await?, 0.5)?;
    equal(
        "getdel",
        server.get_del::<_, String>("a").await?.as_str(),
        "1",
    )?;
    equal("del", server.del::<_, i64>(&["b", "none"]).await?, 1)
}

pub async fn hashes(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let _: () = server.hset_multiple("h", &[("a", "1"), ("b", "2")]).await?;
    let whole: BTreeMap<String, i64> = server.hgetall("h").await?;
    equal(
        "hgetall",
        whole,
        BTreeMap::from([("a".into(), 1), ("b".into(), 2)]),
    )?;
    equal(
        "hincrby",
        server.hincr::<_, _, _, i64>("h", "a", 5).await?,
        6,
    )?;
    equal(
        "hexists",
        server.hexists::<_, _, bool>("h", "none").await?,
        false,
    )?;
    equal("hdel", server.hdel::<_, _, i64>("h", &["a", "b"]).await?, 2)?;
    equal("gone", server.exists::<_, bool>("h").await?, false)
}

pub async fn expiry(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let _: () = server.set("e", "1").await?;
    equal("none", server.ttl::<_, i64>("e").await?, -1)?;
    equal("missing", server.pttl::<_, i64>("none").await?, -2)?;
    equal("expire", server.expire::<_, bool>("e", 100).await?, true)?;
    equal("ttl", server.ttl::<_, i64>("e").await?, 100)?;
    equal("persist", server.persist::<_, bool>("e").await?, true)?;
    let _: () = server.pexpire("e", 30).await?;
    let start = Instant::now();
    while server.exists("e").await? {
        waited("expiry", start).await?;
    }
    Ok(())
}

pub async fn transactions(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let (counted, whole): (i64, String) = pipe()
        .atomic()
        .set("t", 1)
        .ignore()
        .incr("t", 1)
        .get("t")
        .query_async(server)
        .await?;
    equal("exec", (counted, whole.as_str()), (2, "2"))?;
    let mut other = client.get_multiplexed_async_connection().await?;
    let _: () = cmd("WATCH").arg("t").query_async(server).await?;
    let _: () = other.set("t", "9").await?;
    let aborted: Option<(i64,)> = pipe().atomic().incr("t", 1).query_async(server).await?;
    equal("watched", aborted, None)?;
    let mixed: RedisResult<Value> = pipe()
        .atomic()
        .set("t", "x")
        .incr("t", 1)
        .set("after", "1")
        .query_async(server)
        .await;
    equal("error inside", mixed.is_err(), true)?;
    equal("goes on", server.get::<_, i64>("after").await?, 1)
}

pub async fn scripts(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let script = Script::new("return redis.call('incrby', KEYS[1], ARGV[1])");
    let mut bump = script.key("c");
    bump.arg(2);
    equal("script", bump.invoke_async::<i64>(server).await?, 2)?;
    let _: () = cmd("SCRIPT").arg("FLUSH").query_async(server).await?;
    equal("after flush", bump.invoke_async::<i64>(server).await?, 4)?;
    let missing: RedisResult<Value> = cmd("EVALSHA")
        .arg("0".repeat(40))
        .arg(0)
        .query_async(server)
        .await;
    refused(
        "missing",
        missing,
        "NOSCRIPT",
        "No matching script. Please use EVAL.",
    )?;
    let own = "return redis.error_reply('MY thing')";
    let own: RedisResult<Value> = cmd("EVAL").arg(own).arg(0).query_async(server).await;
    refused("own error", own, "MY", "thing")?;
    let values = "return {KEYS[1],ARGV[1],1.9,false,true}";
    let values: (String, String, i64, Option<i64>, i64) = cmd("EVAL")
        .arg(values)
        .arg(1)
        .arg("k")
        .arg("a")
        .query_async(server)
        .await?;
    equal("values", values, ("k".into(), "a".into(), 1, None, 1))
}

pub async fn pubsub(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let mut listener = client.get_async_pubsub().await?;
    listener.subscribe("news").await?;
    listener.psubscribe("n*").await?;
    equal(
        "receivers",
        server.publish::<_, _, i64>("news", "hello").await?,
        2,
    )?;
    let mut messages = listener.on_message();
    let mut got = Vec::new();
    for _ in 0..2 {
        let message = messages.next().await.ok_or("the connection ended")?;
        let pattern: Option<String> = message.get_pattern()?;
        got.push((pattern, message.get_payload::<String>()?));
    }
    got.sort();
    let want = [None, Some("n*".to_owned())].map(|pattern| (pattern, "hello".to_owned()));
    equal("messages", got, want.to_vec())
}

pub async fn pipelines(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let mut many = pipe();
    for number in 0..1000 {
        many.set(format!("p{number}"), number)
            .ignore()
            .get(format!("p{number}"));
    }
    let answers: Vec<i64> = many.query_async(server).await?;
    equal("answers", answers, (0..1000).collect())?;
    let mut found = 0;
    let mut keys = server.scan_match::<_, String>("p*").await?;
    while let Some(key) = keys.next_item().await {
        key?;
        found += 1;
    }
    equal("scan", found, 1000)
}

pub async fn errors(_: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let _: () = server.set("str", "x").await?;
    let wrong = server.hget::<_, _, String>("str", "f").await;
    let text = "Operation against a key holding the wrong kind of value";
    refused("type", wrong, "WRONGTYPE", text)?;
    let number = server.incr::<_, _, i64>("str", 1).await;
    refused(
        "number",
        number,
        "ERR",
        "value is not an integer or out of range",
    )?;
    let arity: RedisResult<Value> = cmd("GET").query_async(server).await;
    refused(
        "arity",
        arity,
        "ERR",
        "wrong number of arguments for 'get' command",
    )?;
    let unknown: RedisResult<Value> = cmd("NOSUCH").arg("x").query_async(server).await;
    let text = "unknown command 'NOSUCH', with args beginning with: 'x' ";
    refused("unknown", unknown, "ERR", text)
}
