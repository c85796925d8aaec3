"""Plays the scenarios of etcd-sdk-python (pyetcd) on the server at the given endpoint.

Prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. The server is fresh:
its revision is 1. With `once KEY` after the endpoint it writes instead (see `once`).
"""

import sys
import threading
import time
import traceback

import pyetcd
from pyetcd import exceptions


def equal(what, got, want):
    """Fails with both values when they differ."""
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def raises(kind, call):
    """Fails unless the call raises an exception of this kind; gives it back."""
    try:
        result = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {result!r}")


def take(events, count):
    """The next events of a watch, as `PutEvent key=value`."""
    shown = []
    for event in events:
        shown.append(f"{type(event).__name__} {event.key.decode()}={event.value.decode()}")
        if len(shown) == count:
            return shown
    return shown


def put_get(client):
    """Revisions, versions, previous values, and a read at an older revision."""
    first = client.put("put/a", "1").header.revision
    second = client.put("put/a", "2", prev_kv=True)
    equal("previous", second.prev_kv.value, b"1")
    equal("revision", second.header.revision, first + 1)
    value, meta = client.get("put/a")
    seen = (value, meta.create_revision - first, meta.mod_revision - first, meta.version)
    equal("the key", seen, (b"2", 0, 1, 2))
    equal("the older one", client.get("put/a", revision=first)[0], b"1")
    equal("absent", client.get("put/none"), (None, None))
    equal("serializable", client.get("put/a", serializable=True)[0], b"2")


def ranges(client):
    """Prefixes, ranges, orders, keys only, and counts."""
    for key, value in [("a", "3"), ("b", "1"), ("c", "2")]:
        client.put("range/" + key, value)

    def values(found):
        return b"".join(value for value, _ in found)

    equal("prefix", values(client.get_prefix("range/")), b"312")
    equal("range", values(client.get_range("range/a", "range/c")), b"31")
    descending = client.get_prefix("range/", sort_order="descend", sort_target="key")
    equal("descending", values(descending), b"213")
    by_value = client.get_prefix("range/", sort_order="ascend", sort_target="value")
    equal("by value", values(by_value), b"123")
    keys = client.get_prefix_response("range/", keys_only=True)
    equal("keys only", [(kv.key, kv.value) for kv in keys.kvs][0], (b"range/a", b""))
    limited = client.get_prefix_response("range/", limit=1)
    equal("count and more", (limited.count, limited.more), (3, True))


def deletes(client):
    """Counts, previous values, and whether there was anything."""
    for key in "ab":
        client.put("del/" + key, key)
    equal("nothing", client.delete("del/none"), False)
    one = client.delete("del/a", prev_kv=True, return_response=True)
    equal("one", (one.deleted, one.prev_kvs[0].value), (1, b"a"))
    equal("prefix", client.delete_prefix("del/").deleted, 1)


def transactions(client):
    """Both branches, and the two helpers that are made of transactions."""
    t = client.transactions
    client.put("txn/a", "1")
    done, answers = client.transaction(
        compare=[t.value("txn/a") == "1", t.version("txn/a") > 0, t.create("txn/none") == 0],
        success=[t.put("txn/a", "2"), t.get("txn/a"), t.delete("txn/none")],
        failure=[],
    )
    equal("guards hold", done, True)
    equal("reads what it wrote", answers[1][0][0], b"2")
    done, answers = client.transaction(
        compare=[t.mod("txn/a") == 1], success=[], failure=[t.get("txn/a")]
    )
    equal("the other branch", (done, answers[0][0][0]), (False, b"2"))
    equal("first put", client.put_if_not_exists("txn/new", "x"), True)
    equal("second put", client.put_if_not_exists("txn/new", "y"), False)
    equal("replace", client.replace("txn/new", "x", "z"), True)
    equal("replace what is gone", client.replace("txn/new", "x", "w"), False)
    equal("the end", client.get("txn/new")[0], b"z")


def watches(client):
    """Past and live events of a prefix, one event only, and a time-out."""
    first = client.put("watch/a", "1").header.revision
    events, cancel = client.watch_prefix("watch/", start_revision=first)
    client.put("watch/b", "2")
    client.delete("watch/a")
    want = ["PutEvent watch/a=1", "PutEvent watch/b=2", "DeleteEvent watch/a="]
    equal("events", take(events, 3), want)
    cancel()
    once = client.watch_once("watch/b", timeout=10, start_revision=first)
    equal("once", once.value, b"2")
    raises(exceptions.WatchTimedOut, lambda: client.watch_once("watch/none", timeout=0.2))


def callbacks(client):
    """Events by callback, with previous values, until the watch is cancelled."""
    seen, done = [], threading.Event()

    def note(answer):
        for event in answer.events:
            seen.append((event.value, event.prev_value))
        if len(seen) >= 2:
            done.set()

    first = client.put("callback", "0").header.revision
    watch = client.add_watch_callback("callback", note, start_revision=first + 1, prev_kv=True)
    client.put("callback", "1")
    client.put("callback", "2")
    assert done.wait(10), f"only {seen}"
    equal("values and previous ones", seen, [(b"1", b"0"), (b"2", b"1")])
    client.cancel_watch(watch)


def leases(client):
    """Grant, attached keys, refresh, revoke, and a lease that ends by itself."""
    lease = client.lease(30)
    client.put("lease/a", "x", lease=lease)
    equal("granted", lease.granted_ttl, 30)
    assert 25 <= lease.remaining_ttl <= 30, lease.remaining_ttl
    equal("keys", list(lease.keys), [b"lease/a"])
    equal("refreshed", [(r.ID, r.TTL) for r in lease.refresh()], [(lease.id, 30)])
    equal("of the key", client.get("lease/a")[1].lease_id, lease.id)
    lease.revoke()
    equal("its key is gone", client.get("lease/a"), (None, None))
    equal("left of a revoked lease", client.get_lease_info(lease.id).TTL, -1)
    equal("a chosen id", client.lease(30, lease_id=777).id, 777)
    begun = time.monotonic()
    short = client.lease(2)
    put = client.put("lease/short", "x", lease=short)
    events, cancel = client.watch("lease/short", start_revision=put.header.revision + 1)
    equal("expiry", take(events, 1), ["DeleteEvent lease/short="])
    cancel()
    lived = time.monotonic() - begun
    assert lived >= 2, f"a lease of 2 s lived {lived}"


def locks(client):
    """Held by one, refused to another in time, handed on at release."""
    first, second = client.lock("lock", ttl=20), client.lock("lock", ttl=20)
    equal("acquired", first.acquire(timeout=5), True)
    equal("held", (first.is_acquired(), second.is_acquired()), (True, False))
    equal("refused", second.acquire(timeout=0), False)
    waiter = threading.Thread(target=lambda: second.acquire(timeout=10))
    waiter.start()
    equal("released", first.release(), True)
    waiter.join(15)
    equal("handed on", (first.is_acquired(), second.is_acquired()), (False, True))
    equal("only the holder releases", first.release(), False)
    equal("released again", second.release(), True)


def cluster(client):
    """What a member says of itself and of its cluster."""
    status = client.status()
    equal("version", status.version, "3.7.1")
    members = list(client.members)
    equal("members", [member.name for member in members], ["m1"])
    equal("leader", status.leader.id, members[0].id)
    equal("alarms", list(client.list_alarms()), [])
    assert client.hash() != 0, "the hash is 0"


def compaction(client):
    """What a compaction forgets."""
    client.put("compact", "1")
    last = client.put("compact", "2").header.revision
    client.compact(last, physical=True)
    equal("kept", client.get("compact", revision=last)[0], b"2")
    events, _ = client.watch("compact", start_revision=1)
    error = raises(exceptions.RevisionCompactedError, lambda: take(events, 1))
    equal("where history starts", error.compacted_revision, last)


def once(client, key):
    """One write after the other, each of which tells by its answer whether it was carried out more
    than once. Prints `done N` for each round; ends only with a failure."""
    n = 0
    while True:
        n += 1
        previous = client.put(key, str(n), prev_kv=True).prev_kv
        equal("versions before the put", previous.version, n - 1)
        equal("created", client.put_if_not_exists(key + "/created", "mine"), True)
        equal("deleted", client.delete(key + "/created"), True)
        client.lease(60).revoke()
        print(f"done {n}", flush=True)


SCENARIOS = [
    ("put-get", put_get),
    ("ranges", ranges),
    ("delete", deletes),
    ("txn", transactions),
    ("watch", watches),
    ("watch-callback", callbacks),
    ("lease", leases),
    ("lock", locks),
    ("cluster", cluster),
    ("compact", compaction),
]


def main():
    host, port = sys.argv[1].split(",")[0].split(":")
    if len(sys.argv) == 4 and sys.argv[2] == "once":
        with pyetcd.client(host=host, port=int(port), timeout=15) as client:
            once(client, sys.argv[3])
    failed = False
    for name, play in SCENARIOS:
        try:
            with pyetcd.client(host=host, port=int(port), timeout=10) as client:
                play(client)
        except Exception as error:  # Whatever went wrong is the scenario's failure.
            failed = True
            line = traceback.extract_tb(error.__traceback__)[-1].lineno
            why = f"{type(error).__name__} {error} (line {line})".replace("\n", "; ")
            print(f"FAIL {name}: {why}", flush=True)
        else:
            print(f"ok {name}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
