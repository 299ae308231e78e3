// Node's ws in the chat: two hear each other, and a name that is unfit is refused before there is a WebSocket.

import assert from "node:assert/strict";
import { done, require, until, ws } from "./told.mjs";

const WebSocket = require("ws");

function join(name) {
  const socket = new WebSocket(`${ws}/ws?name=${encodeURIComponent(name)}`);
  socket.heard = [];
  socket.on("message", data => socket.heard.push(JSON.parse(data)));
  return socket;
}

const ada = join("ada");
await until(() => ada.heard.length === 1, "ada is welcome");
const bob = join("bob");
await until(() => bob.heard.length === 1 && ada.heard.length === 2, "bob is welcome");
for (let number = 0; number < 500; number++) bob.send(`${number}`);
await until(() => ada.heard.length === 502 && bob.heard.length === 501, "all is heard");
assert.deepEqual(ada.heard.slice(2).map(({ text }) => text), Array.from({ length: 500 }, (_, number) => `${number}`));
const ponged = new Promise(resolve => bob.once("pong", resolve));
bob.ping("are you there?");
assert.equal(`${await ponged}`, "are you there?");
bob.close(1000, "bye");
const [code, reason] = await new Promise(resolve => bob.once("close", (...close) => resolve(close)));
assert.deepEqual([code, `${reason}`], [1000, ""]);
await until(() => ada.heard.at(-1).type === "left", "bob has left");

for (const name of ["", "x".repeat(33), "a\tb"]) {
  const refused = join(name);
  const error = await new Promise(resolve => refused.once("error", resolve));
  assert.match(error.message, /400/);
}
done();
