// Plays the scenarios of ioredis and redlock on the server at the given address (host:port).
//
// Prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. Each begins on an
// empty server. With `once KEY` after the address it writes instead (see once.js).

import Redis from "ioredis";

import { WAIT_MS } from "./check.js";
import * as data from "./data.js";
import * as locks from "./locks.js";
import * as once from "./once.js";

const SCENARIOS = [
  ["connect", data.connect],
  ["strings", data.strings],
  ["hashes", data.hashes],
  ["expiry", data.expiry],
  ["transactions", data.transactions],
  ["scripts", data.scripts],
  ["pubsub", data.pubsub],
  ["pipelines", data.pipelines],
  ["errors", data.errors],
  ["redlock", locks.lock],
  ["redlock-several", locks.lockSeveral],
  ["redlock-expiry", locks.lockExpiry],
  ["redlock-exclusion", locks.lockExclusion],
];

const [host, port] = process.argv[2].split(":");
if (process.argv[3] === "once") {
  const client = new Redis({ host, port: Number(port) });
  try {
    await once.write(client, process.argv[4]);
  } catch (error) {
    console.log(`FAIL ${error.message}`);
  }
  process.exit(1);
}
let failed = false;
for (const [name, play] of SCENARIOS) {
  const client = new Redis({
    host,
    port: Number(port),
    lazyConnect: true,
    connectTimeout: WAIT_MS,
    maxRetriesPerRequest: 0,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.flushall();
    await play(client);
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAIL ${name}: ${String(error.message).split("\n")[0]}`);
    console.error(error);
  } finally {
    client.disconnect();
  }
}
process.exit(failed ? 1 : 0);
