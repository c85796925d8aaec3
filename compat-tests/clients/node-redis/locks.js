// redlock (4.2) with a list of one address, where its quorum is one.

import Redlock from "redlock";

import { equal, until } from "./check.js";

export async function lock(client) {
  const redlock = new Redlock([client], { retryCount: 0 });
  const held = await redlock.lock("lock", 30_000);
  equal("value", await client.get("lock"), held.value);
  const refused = await redlock.lock("lock", 30_000).catch((error) => error);
  equal("contend", refused.name, "LockError");
  const longer = await held.extend(60_000);
  const left = await client.pttl("lock");
  if (left <= 30_000 || left > 60_000) throw new Error(`extended to ${left}`);
  await longer.unlock();
  equal("released", await client.exists("lock"), 0);
  const again = await longer.unlock().catch((error) => error);
  equal("released twice", again.name, "LockError");
}

export async function lockSeveral(client) {
  const redlock = new Redlock([client], { retryCount: 0 });
  const held = await redlock.lock(["one", "two"], 30_000);
  equal("both", await client.exists("one", "two"), 2);
  const refused = await redlock.lock(["two", "three"], 30_000).catch((error) => error);
  equal("overlap", refused.name, "LockError");
  equal("nothing taken", await client.exists("three"), 0);
  await held.unlock();
  equal("released", await client.exists("one", "two"), 0);
}

export async function lockExpiry(client) {
  const redlock = new Redlock([client], { retryCount: 200, retryDelay: 20, retryJitter: 5 });
  const start = performance.now();
  const first = await redlock.lock("expiring", 300);
  const second = await redlock.lock("expiring", 30_000);
  // Redis ends it in whole milliseconds of its clock.
  if (performance.now() - start < 298) throw new Error("it ended early");
  const late = await first.unlock().catch((error) => error);
  equal("too late", late.name, "LockError");
  await second.unlock();
}

export async function lockExclusion(client) {
  const redlock = new Redlock([client], { retryCount: 2000, retryDelay: 5, retryJitter: 5 });
  await client.set("count", "0");
  const work = async () => {
    for (let turn = 0; turn < 20; turn++) {
      const held = await redlock.lock("exclusive", 30_000);
      await client.set("count", Number(await client.get("count")) + 1);
      await held.unlock();
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  equal("count", await client.get("count"), "80");
  await until("free", async () => (await client.exists("exclusive")) === 0);
}
