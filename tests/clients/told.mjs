// What the clients in Node have in common: the server is in the hands of the test that started them.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const address = process.argv[2];
export const http = `http://${address}`;
export const ws = `ws://${address}`;

// Packages are where tests/clients/install has put them, and not beside this file.
export const require = createRequire(process.env.PACKAGES);

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the test do something to the server: "kill" it, or "start" it again at the same address.
export async function server(what) {
  console.log(`server: ${what}`);
  assert.equal((await answers.next()).value, "done");
}

// Waits until `what()` is truthy, and gives it back.
export async function until(what, why, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const seen = await what();
    if (seen) return seen;
    assert.ok(Date.now() < end, `${why}: not within ${limit} ms`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

export async function publish(text) {
  const answer = await fetch(`${http}/publish`, { method: "POST", body: text });
  assert.equal(answer.status, 201);
  return (await answer.json()).id;
}

// Everything is said: what is still open need not be closed in order.
export const done = () => process.exit(0);
