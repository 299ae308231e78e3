// The page of the feed in Chromium: five transports hear the same, before and after the server was killed, without gap or double; and
// the browser's six connections.

import assert from "node:assert/strict";
import { browser, open, screenshot, untilIn } from "./browser.mjs";
import { done, http, publish, server, ws } from "./told.mjs";

const page = await open(http);
const transports = () => page.evaluate(() => window.iolab.transports);
const allHave = count => Object.values(window.iolab.transports).every(({ events }) => events === count);
const allLive = () => Object.values(window.iolab.transports).every(({ state }) => state === "live");

await untilIn(page, allLive, "all five are live");
assert.equal(Object.keys(await transports()).length, 5);

for (let number = 0; number < 20; number++) await publish(`before ${number}`);
await untilIn(page, allHave, "all hear all", 20);

// What the page itself publishes has a latency.
await page.type("input[name=text]", " from the page");
await page.keyboard.press("Enter");
await untilIn(page, allHave, "all hear the page", 21);
for (const [key, { latencies }] of Object.entries(await transports())) assert.equal(latencies.length, 1, `${key} has no latency`);
await untilIn(page, () => /Publish: published \d+-\d+/.test(document.querySelector("#spoken").textContent), "that it was published is spoken");
const summaries = await page.evaluate(() => [...document.querySelectorAll("summary")].map(summary => summary.textContent));
assert.equal(new Set(summaries).size, 5, `each is counted by a name of its own: ${summaries}`);
await screenshot(page, "feed");

await server("kill");
await untilIn(page, () => Object.values(window.iolab.transports).every(({ state }) => state !== "live"), "all see that it is gone");
await server("start");
// Some of it before any is there again, some while they come, some after.
for (let number = 0; number < 5; number++) await publish(`while they are away ${number}`);
await untilIn(page, allLive, "all are live again");
for (let number = 0; number < 20; number++) await publish(`after ${number}`);
await untilIn(page, allHave, "all hear what they missed and what is new", 46);
for (const [key, { gaps, doubles }] of Object.entries(await transports())) {
  assert.deepEqual({ gaps, doubles }, { gaps: 0, doubles: 0 }, key);
}

await page.setViewport({ width: 390, height: 844 });
await screenshot(page, "feed-phone");
await page.setViewport({ width: 1280, height: 900 });

// Twelve streams more than a browser has connections for: some wait.
await page.evaluate(() => {
  const extra = document.querySelector("#extra");
  extra.value = 12;
  extra.dispatchEvent(new Event("input", { bubbles: true }));
});
await untilIn(page, () => window.iolab.extra.wanted === 12 && window.iolab.extra.open === 3, "three get a connection");
const { open: are, waiting } = await page.evaluate(() => window.iolab.extra);
console.log(`of 12 streams more ${are} are open and ${waiting} wait`);
assert.deepEqual([are, waiting], [3, 9]);
await screenshot(page, "feed-limit");
await page.close();

// A page of somebody else publishes nothing here, and hears nothing.
const evil = await browser.newPage();
const opened = await evil.evaluate(async (http, ws) => {
  await fetch(`${http}/publish`, { method: "POST", mode: "no-cors", body: "evil" });
  return new Promise(resolve => {
    const socket = new WebSocket(`${ws}/ws`);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
}, http, ws);
assert.equal(opened, false, "a page of no origin opens a WebSocket");
assert.equal((await (await fetch(`${http}/stats`)).json()).events, 25, "and publishes");
await evil.close();

// A server that lets the connection in and cuts it is not stormed: it is asked less and less often. And what each attempt has left
// with the signal by which its lane is switched off is gone with the attempt.
const storm = await open(http, () => {
  const Real = WebSocket;
  window.attempts = [];
  window.listeners = 0;
  window.WebSocket = class {
    constructor() {
      window.attempts.push(performance.now());
      setTimeout(() => this.onopen());
      setTimeout(() => this.onclose({ code: 1006, reason: "" }), 10);
    }
    close() {}
  };
  window.WebSocket.OPEN = Real.OPEN;
  for (const [verb, more] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    const real = AbortSignal.prototype[verb];
    AbortSignal.prototype[verb] = function (...event) {
      window.listeners += more;
      return real.apply(this, event);
    };
  }
});
await untilIn(storm, () => window.attempts.length >= 6, "it is tried six times");
const [first, ...later] = await storm.evaluate(() => window.attempts);
assert.ok(later[4] - first > 3000, `six attempts within ${later[4] - first} ms`);
const listeners = await storm.evaluate(() => window.listeners);
assert.ok(listeners <= 5, `${listeners} listeners are left`);
await browser.close();
done();
