// Checks of the scenarios.

import { deepStrictEqual } from "node:assert";

export const WAIT_MS = 10_000;

/** Fails with both values when they differ. */
export function equal(what, got, want) {
  deepStrictEqual(got, want, `${what}: got ${show(got)}, want ${show(want)}`);
}

/** Fails unless the promise is rejected with an error of this text. */
export async function rejects(promise, text) {
  let answer;
  try {
    answer = await promise;
  } catch (error) {
    equal("error", error.message, text);
    return error;
  }
  throw new Error(`no error, but ${show(answer)}`);
}

/** Waits until the function gives something true. */
export async function until(what, holds) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${WAIT_MS} ms`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

function show(value) {
  return JSON.stringify(value);
}
