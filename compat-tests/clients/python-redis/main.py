"""Plays the scenarios of redis-py and its Lock on the server at the given address (host:port).

Each scenario runs over RESP2 and over RESP3, on an empty database. Prints `ok NAME` or
`FAIL NAME: why` for each, and exits with 1 if one failed. With `once KEY` after the address it
writes instead (see `once`).
"""

import sys
import threading
import time
import traceback

import redis
from redis import exceptions
from redis.lock import Lock

WAIT_SECONDS = 10


def equal(what, got, want):
    """Fails with both values when they differ."""
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def raises(kind, text, call):
    """Fails unless the call raises an exception of this kind with this text."""
    try:
        result = call()
    except kind as error:
        equal("error", str(error), text)
        return
    raise AssertionError(f"no {kind.__name__}, but {result!r}")


def until(what, holds):
    """Waits for a condition."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {WAIT_SECONDS} s"
        time.sleep(0.01)


def connect(client):
    """What a connection is told of the server and of itself."""
    equal("ping", client.ping(), True)
    equal("echo", client.echo(b"\x00\xff"), b"\x00\xff")
    assert client.client_id() > 0
    client.client_setname("py")
    assert client.client_getname() in ("py", b"py")
    assert "redis_version" in client.info("server")
    assert client.time()[0] > 0
    equal("size", client.dbsize(), 0)


def strings(client):
    """SET with its options and the commands on strings."""
    equal("set", client.set("s", "1"), True)
    equal("nx", client.set("s", "2", nx=True), None)
    equal("xx", client.set("none", "2", xx=True), None)
    equal("get", client.set("s", "3", get=True), b"1")
    equal("ttl", client.set("s", "4", ex=100) and client.ttl("s"), 100)
    equal("keepttl", client.set("s", "5", keepttl=True) and client.ttl("s"), 100)
    equal("append", client.append("s", "ab"), 3)
    equal("range", client.getrange("s", 1, -1), b"ab")
    equal("mset", client.mset({"a": "1", "b": "2"}), True)
    equal("mget", client.mget("a", "none", "b"), [b"1", None, b"2"])
    equal("incr", [client.incr("n"), client.incrby("n", 9), client.decr("n")], [1, 10, 9])
    equal("float", client.incrbyfloat("f", "0.5"), 0.5)
    equal("getdel", client.getdel("a"), b"1")
    equal("getex", client.getex("b", px=5000), b"2")
    assert 0 < client.pttl("b") <= 5000
    equal("binary", client.set(b"\x00k", b"\xff\x00") and client.get(b"\x00k"), b"\xff\x00")
    equal("delete", client.delete("s", "n", "none"), 2)


def hashes(client):
    """Hashes, whose whole comes as a map."""
    equal("hset", client.hset("h", mapping={"a": "1", "b": "2"}), 2)
    equal("hget", client.hget("h", "a"), b"1")
    equal("hgetall", client.hgetall("h"), {b"a": b"1", b"b": b"2"})
    equal("hmget", client.hmget("h", "b", "none"), [b"2", None])
    equal("hincrby", client.hincrby("h", "a", 5), 6)
    equal("hsetnx", bool(client.hsetnx("h", "a", "x")), False)
    equal("hexists", client.hexists("h", "a"), True)
    equal("hkeys", sorted(client.hkeys("h")), [b"a", b"b"])
    equal("hdel", client.hdel("h", "a", "b"), 2)
    equal("gone", client.exists("h"), 0)


def expiry(client):
    """The EXPIRE family."""
    client.set("e", "1")
    equal("none", client.ttl("e"), -1)
    equal("missing", client.pttl("none"), -2)
    equal("expire", client.expire("e", 100), True)
    equal("nx", client.expire("e", 50, nx=True), False)
    equal("gt", client.expire("e", 50, gt=True), False)
    equal("lt", client.expire("e", 50, lt=True), True)
    assert 49 <= client.ttl("e") <= 50
    at = client.time()[0] + 1000
    equal("at", client.expireat("e", at) and client.expiretime("e"), at)
    equal("persist", client.persist("e"), True)
    client.pexpire("e", 30)
    until("expiry", lambda: client.get("e") is None)
    equal("past", client.set("e", 1) and client.expire("e", -1), True)
    equal("deleted", client.exists("e"), 0)


def transactions(client):
    """MULTI, WATCH, and errors inside."""
    client.set("t", "1")
    with client.pipeline() as pipe:
        pipe.incr("t").get("t").hset("th", "f", "v")
        equal("exec", pipe.execute(), [2, b"2", 1])
    with client.pipeline() as pipe:
        pipe.watch("t")
        client.set("t", "9")
        pipe.multi()
        pipe.incr("t")
        raises(exceptions.WatchError, "Watched variable changed.", pipe.execute)
    equal("untouched", client.get("t"), b"9")
    with client.pipeline() as pipe:
        pipe.set("t", "x").incr("t").set("after", "1")
        answers = pipe.execute(raise_on_error=False)
    equal("kind", type(answers[1]), exceptions.ResponseError)
    equal("goes on", (answers[0], answers[2]), (True, True))
    equal("transaction", client.transaction(lambda p: (p.multi(), p.get("after")), "t"), [b"1"])


def scripts(client):
    """EVAL, EVALSHA, its fallback, and errors of scripts."""
    equal("eval", client.eval("return {KEYS[1],ARGV[1],1.9,false,true}", 1, "k", "a"),
          [b"k", b"a", 1, None, 1])
    script = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    equal("script", [script(["c"], [2]), script(["c"], [3])], [2, 5])
    client.script_flush()
    equal("after flush", script(["c"], [1]), 6)
    equal("exists", client.script_exists(script.sha, "0" * 40), [True, False])
    raises(exceptions.NoScriptError, "No matching script. Please use EVAL.",
           lambda: client.evalsha("0" * 40, 0))
    equal("error", error_of(client, "return redis.error_reply('MY thing')"), "MY thing")
    assert error_of(client, "return redis.call('nosuch')").startswith(
        "Unknown Redis command called from script script: ")
    equal("cjson", client.eval("return cjson.encode(cjson.decode(ARGV[1]))", 0, '{"a":[1,2]}'),
          b'{"a":[1,2]}')


def error_of(client, script):
    """The text of the error that a script ends with."""
    try:
        client.eval(script, 0)
    except exceptions.ResponseError as error:
        return str(error)
    raise AssertionError("no error")


def pubsub(client):
    """Channels and patterns."""
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("n*")
    kinds = [message(listener)["type"] for _ in range(2)]
    equal("confirmed", kinds, ["subscribe", "psubscribe"])
    equal("numsub", client.pubsub_numsub("news"), [(b"news", 1)])
    equal("receivers", client.publish("news", "hello"), 2)
    got = sorted((m["type"], m["channel"], m["data"]) for m in (message(listener), message(listener)))
    equal("messages", got, [("message", b"news", b"hello"), ("pmessage", b"news", b"hello")])
    listener.unsubscribe()
    listener.punsubscribe()
    equal("left", sorted(message(listener)["type"] for _ in range(2)),
          ["punsubscribe", "unsubscribe"])
    listener.close()


def message(listener):
    """The next message."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        found = listener.get_message(timeout=1)
        if found:
            return found
    raise AssertionError("no message")


def pipelines(client):
    """Many commands at once, answered in order."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.set(f"p{number}", number)
            pipe.get(f"p{number}")
        answers = pipe.execute()
    equal("answers", answers[1::2], [str(n).encode() for n in range(1000)])
    equal("scan", len(list(client.scan_iter("p*"))), 1000)


def errors(client):
    """The texts that clients look for."""
    client.set("str", "x")
    raises(exceptions.ResponseError,
           "WRONGTYPE Operation against a key holding the wrong kind of value",
           lambda: client.hget("str", "f"))
    raises(exceptions.ResponseError, "value is not an integer or out of range",
           lambda: client.incr("str"))
    raises(exceptions.ResponseError, "syntax error",
           lambda: client.execute_command("SET", "a", "b", "BAD"))
    raises(exceptions.ResponseError, "wrong number of arguments for 'get' command",
           lambda: client.execute_command("GET"))
    raises(exceptions.ResponseError, "invalid expire time in 'set' command",
           lambda: client.set("a", "b", ex=-1))
    raises(exceptions.ResponseError, "unknown command 'NOSUCH', with args beginning with: 'x' ",
           lambda: client.execute_command("NOSUCH", "x"))


def lock(client):
    """redis-py's Lock: acquire, contend, extend, reacquire, release, lose."""
    mine = Lock(client, "lock", timeout=30)
    other = Lock(client, "lock", timeout=30, blocking=False)
    equal("acquire", mine.acquire(), True)
    equal("contend", other.acquire(), False)
    equal("locked", (mine.locked(), mine.owned(), other.owned()), (True, True, False))
    mine.extend(10)
    assert 30_000 < client.pttl("lock") <= 40_000
    mine.extend(5, replace_ttl=True)
    assert 0 < client.pttl("lock") <= 5_000
    mine.reacquire()
    assert 5_000 < client.pttl("lock") <= 30_000
    mine.release()
    equal("released", client.exists("lock"), 0)
    raises(exceptions.LockError, "Cannot release a lock that's not owned or is already unlocked.", mine.release)
    equal("next", other.acquire(), True)
    client.set("lock", "stolen")
    raises(exceptions.LockNotOwnedError, "Cannot release a lock that's no longer owned", other.release)


def lock_expiry(client):
    """A lock that is not renewed passes to the one who waits for it."""
    mine = Lock(client, "expiring", timeout=0.3)
    other = Lock(client, "expiring", timeout=30, blocking_timeout=WAIT_SECONDS, sleep=0.02)
    start = time.monotonic()
    equal("acquire", mine.acquire(), True)
    equal("after expiry", other.acquire(), True)
    # Redis ends it in whole milliseconds of its clock.
    assert time.monotonic() - start > 0.298, "it ended early"
    raises(exceptions.LockNotOwnedError, "Cannot release a lock that's no longer owned", mine.release)
    other.release()


def lock_exclusion(client):
    """Threads count under one lock without losing a count."""
    client.set("count", 0)

    troubles = []

    def work():
        try:
            for _ in range(20):
                with Lock(client, "exclusive", timeout=30, sleep=0.001):
                    client.set("count", int(client.get("count")) + 1)
        except Exception as error:  # A thread that ends early is no lost count.
            troubles.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal("troubles", troubles, [])
    equal("count", client.get("count"), b"80")


def once(client, key):
    """One write after the other, each of which tells by its answer whether it was carried out more
    than once. Prints `done N` for each round; ends only with a failure."""
    n = 0
    while True:
        n += 1
        equal("INCR", client.incr(key), n)
        equal("SET NX", client.set(key + "/created", "mine", nx=True), True)
        equal("DEL", client.delete(key + "/created"), 1)
        print(f"done {n}", flush=True)


SCENARIOS = [
    ("connect", connect), ("strings", strings), ("hashes", hashes), ("expiry", expiry),
    ("transactions", transactions), ("scripts", scripts), ("pubsub", pubsub),
    ("pipelines", pipelines), ("errors", errors), ("lock", lock), ("lock-expiry", lock_expiry),
    ("lock-exclusion", lock_exclusion),
]


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    if len(sys.argv) == 4 and sys.argv[2] == "once":
        once(redis.Redis(host, int(port), socket_timeout=3 * WAIT_SECONDS / 2), sys.argv[3])
    failed = False
    for protocol in (2, 3):
        for name, play in SCENARIOS:
            name = f"resp{protocol}-{name}"
            client = redis.Redis(host, int(port), protocol=protocol, socket_timeout=WAIT_SECONDS)
            try:
                client.flushall()
                play(client)
                print(f"ok {name}", flush=True)
            except Exception as error:  # Any failure is the scenario's.
                failed = True
                print(f"FAIL {name}: {type(error).__name__} {error}", flush=True)
                traceback.print_exc()
            finally:
                client.close()
    sys.exit(1 if failed else 0)


main()
