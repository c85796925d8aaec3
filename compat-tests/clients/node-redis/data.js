// ioredis: connections, data, transactions, scripts, messages.

import Redis from "ioredis";

import { equal, rejects, until } from "./check.js";

export async function connect(client) {
  equal("ping", await client.ping(), "PONG");
  equal("status", client.status, "ready");
  await client.client("SETNAME", "node");
  equal("name", await client.client("GETNAME"), "node");
  equal("echo", await client.echoBuffer(Buffer.from([0, 255])), Buffer.from([0, 255]));
  equal("select", await client.select(1), "OK");
  equal("set there", await client.set("only-in-1", "x"), "OK");
  equal("back", await client.select(0), "OK");
  equal("not here", await client.get("only-in-1"), null);
}

export async function strings(client) {
  equal("set", await client.set("s", "1"), "OK");
  equal("nx", await client.set("s", "2", "PX", 1000, "NX"), null);
  equal("xx get", await client.set("s", "3", "XX", "GET"), "1");
  equal("ex", await client.set("s", "4", "EX", 100), "OK");
  equal("ttl", await client.ttl("s"), 100);
  equal("append", await client.append("s", "ab"), 3);
  equal("mset", await client.mset({ a: "1", b: "2" }), "OK");
  equal("mget", await client.mget("a", "none", "b"), ["1", null, "2"]);
  equal("incr", [await client.incr("n"), await client.decrby("n", 3)], [1, -2]);
  equal("getset", await client.getset("a", "9"), "1");
  const bytes = Buffer.from([0, 1, 255]);
  await client.set("bytes", bytes);
  equal("binary", await client.getBuffer("bytes"), bytes);
  equal("del", await client.del("a", "b", "none"), 2);
}

export async function hashes(client) {
  equal("hset", await client.hset("h", { a: "1", b: "2" }), 2);
  equal("hgetall", await client.hgetall("h"), { a: "1", b: "2" });
  equal("empty", await client.hgetall("none"), {});
  equal("hincrby", await client.hincrby("h", "a", 5), 6);
  equal("hmget", await client.hmget("h", "a", "none"), ["6", null]);
  equal("hdel", await client.hdel("h", "a", "b"), 2);
  equal("gone", await client.exists("h"), 0);
}

export async function expiry(client) {
  await client.set("e", "1");
  equal("none", [await client.ttl("e"), await client.pttl("none")], [-1, -2]);
  equal("expire", await client.expire("e", 100), 1);
  equal("gt", await client.expire("e", 50, "GT"), 0);
  equal("persist", await client.persist("e"), 1);
  await client.pexpire("e", 30);
  await until("expiry", async () => (await client.exists("e")) === 0);
}

export async function transactions(client) {
  const answers = await client.multi().set("t", "1").incr("t").get("t").exec();
  equal("exec", answers, [[null, "OK"], [null, 2], [null, "2"]]);
  const other = client.duplicate();
  await client.watch("t");
  await other.set("t", "9");
  equal("watched", await client.multi().incr("t").exec(), null);
  await other.quit();
  const mixed = await client.multi().set("t", "x").incr("t").set("after", "1").exec();
  equal("error inside", mixed[1][0].message, "ERR value is not an integer or out of range");
  equal("goes on", mixed[2], [null, "OK"]);
  const aborted = client.multi({ pipeline: false });
  await aborted;
  await rejects(client.call("NOSUCH"), "ERR unknown command 'NOSUCH', with args beginning with: ");
  await rejects(
    client.exec(),
    "EXECABORT Transaction discarded because of previous errors.",
  );
}

export async function scripts(client) {
  const answer = await client.eval("return {KEYS[1],ARGV[1],1.9,false,true}", 1, "k", "a");
  equal("eval", answer, ["k", "a", 1, null, 1]);
  client.defineCommand("bump", {
    numberOfKeys: 1,
    lua: "return redis.call('incrby', KEYS[1], ARGV[1])",
  });
  equal("defined", [await client.bump("c", 2), await client.bump("c", 3)], [2, 5]);
  equal("flush", await client.script("FLUSH"), "OK");
  equal("after flush", await client.bump("c", 1), 6);
  await rejects(
    client.evalsha("0".repeat(40), 0),
    "NOSCRIPT No matching script. Please use EVAL.",
  );
  await rejects(client.eval("return redis.error_reply('MY thing')", 0), "MY thing");
  const broken = await client.eval("return redis.call('nosuch')", 0).catch((error) => error);
  const place = /^ERR Unknown Redis command called from script script: [0-9a-f]{40}, on @user_script:1\.$/;
  equal("place", place.test(broken.message), true);
  const piped = await client.pipeline().bump("c", 1).bump("c", 1).exec();
  equal("in a pipeline", piped, [[null, 7], [null, 8]]);
}

export async function pubsub(client) {
  const listener = client.duplicate();
  const messages = [];
  listener.on("message", (channel, text) => messages.push(`${channel} ${text}`));
  listener.on("pmessage", (pattern, channel, text) =>
    messages.push(`${pattern} ${channel} ${text}`),
  );
  equal("subscribe", await listener.subscribe("news", "more"), 2);
  equal("psubscribe", await listener.psubscribe("n*"), 3);
  equal("numsub", await client.pubsub("NUMSUB", "news"), ["news", 1]);
  equal("receivers", await client.publish("news", "hello"), 2);
  await until("messages", async () => messages.length === 2);
  equal("messages", messages.sort(), ["n* news hello", "news hello"]);
  equal("unsubscribe", await listener.unsubscribe("news", "more"), 1);
  await listener.quit();
  await until("nobody", async () => (await client.pubsub("NUMPAT")) === 0);
}

export async function pipelines(client) {
  const pipe = client.pipeline();
  for (let n = 0; n < 1000; n++) pipe.set(`p${n}`, n).get(`p${n}`);
  const answers = await pipe.exec();
  equal("answers", answers.length, 2000);
  answers.forEach(([error, value], index) => {
    if (error) throw error;
    if (index % 2 === 1) equal(`answer ${index}`, value, String((index - 1) / 2));
  });
  const auto = new Redis({ ...client.options, enableAutoPipelining: true });
  const got = await Promise.all([1, 2, 3].map((n) => auto.get(`p${n}`)));
  equal("auto", got, ["1", "2", "3"]);
  await auto.quit();
  const found = new Set();
  for await (const keys of client.scanStream({ match: "p*", count: 100 })) {
    keys.forEach((key) => found.add(key));
  }
  equal("scan", found.size, 1000);
}

export async function errors(client) {
  await client.set("str", "x");
  const wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
  await rejects(client.hget("str", "f"), wrong);
  await rejects(client.incr("str"), "ERR value is not an integer or out of range");
  await rejects(client.call("SET", "a", "b", "BAD"), "ERR syntax error");
  await rejects(client.call("GET"), "ERR wrong number of arguments for 'get' command");
  await rejects(client.set("a", "b", "PX", 0), "ERR invalid expire time in 'set' command");
  await rejects(client.select(99), "ERR DB index is out of range");
}
