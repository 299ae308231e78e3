// The page of the feed in Chromium: five transports hear the same, before and after the server was killed, without gap or double; and
// the browser's six connections.

import assert from "node:assert/strict";
import { browser, open, screenshot, untilIn } from "./browser.mjs";
import { done, http, publish, server } from "./told.mjs";

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
await screenshot(page, "feed");

await server("kill");
await untilIn(page, () => Object.values(window.iolab.transports).every(({ state }) => state !== "live"), "all see that it is gone");
await server("start");
await untilIn(page, allLive, "all are live again");
for (let number = 0; number < 20; number++) await publish(`after ${number}`);
await untilIn(page, allHave, "all hear what is new", 41);
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
await browser.close();
done();
