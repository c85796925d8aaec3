// One write after the other, each of which tells by its answer whether it was carried out more than
// once. Prints `done N` for each round; ends only with a failure.

import { equal } from "./check.js";

export async function write(client, key) {
  for (let n = 1; ; n += 1) {
    equal("INCR", await client.incr(key), n);
    equal("SET NX", await client.set(`${key}/created`, "mine", "NX"), "OK");
    equal("DEL", await client.del(`${key}/created`), 1);
    console.log(`done ${n}`);
  }
}
