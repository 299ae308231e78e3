// Node's eventsource and ws at the feed: both go on where they were when the server has been killed and started again.

import assert from "node:assert/strict";
import { done, http, publish, require, server, until, ws } from "./told.mjs";

const { EventSource } = require("eventsource");
const WebSocket = require("ws");

const streamed = [];
let resyncs = 0;
const source = new EventSource(`${http}/stream`);
source.addEventListener("message", ({ data, lastEventId }) => {
  const event = JSON.parse(data);
  assert.equal(lastEventId, event.id);
  streamed.push(event.text);
});
source.addEventListener("resync", () => resyncs++);
await until(() => source.readyState === EventSource.OPEN, "the stream is open");

const pushed = [];
const socket = new WebSocket(`${ws}/ws`);
socket.on("message", data => pushed.push(JSON.parse(data).text));
await until(() => socket.readyState === WebSocket.OPEN, "the socket is open");
// It is open when the server has said so; that it follows the feed is known when it hears itself.
socket.send("hello");
await until(() => pushed.length === 1 && streamed.length === 1, "both hear");

const texts = Array.from({ length: 50 }, (_, number) => `before ${number}`);
for (const text of texts) await publish(text);
await until(() => pushed.length === 51 && streamed.length === 51, "both hear all");
assert.deepEqual([pushed, streamed], [["hello", ...texts], ["hello", ...texts]]);

await server("kill");
await server("start");
// It comes again by itself, and says what it has heard last.
await publish("after 0");
await until(() => streamed.length === 52, "the stream goes on");
await publish("after 1");
await until(() => streamed.length === 53, "the stream goes on");
assert.deepEqual(streamed.slice(51), ["after 0", "after 1"]);
assert.equal(resyncs, 1);
done();
