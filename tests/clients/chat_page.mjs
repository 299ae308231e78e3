// The page of the chat in Chromium: two windows talk, one name is taken, and both come back after the server was killed.

import assert from "node:assert/strict";
import { browser, open, screenshot, untilIn } from "./browser.mjs";
import { done, http, require, server, until, ws } from "./told.mjs";

const WebSocket = require("ws");

async function join(name) {
  const page = await open(http);
  await page.type("#name", name);
  await page.keyboard.press("Enter");
  return page;
}

async function say(page, text) {
  await page.type("#text", text);
  await page.keyboard.press("Enter");
}

const said = page => page.evaluate(() => window.chat.log.filter(({ type }) => type === "said").map(({ text }) => text));
const isLive = () => window.chat.state === "live";
const hasHeard = count => window.chat.log.filter(({ type }) => type === "said").length === count;

const ada = await join("ada");
await untilIn(ada, isLive, "ada is in");
const bob = await join("bob");
await untilIn(bob, isLive, "bob is in");
await untilIn(ada, () => window.chat.members.length === 2, "ada sees bob");
await say(ada, "<b>hello</b>");
await untilIn(bob, hasHeard, "bob hears", 1);
await say(bob, "and good-bye");
await untilIn(ada, hasHeard, "ada hears", 2);
assert.deepEqual(await said(ada), ["<b>hello</b>", "and good-bye"]);
assert.equal(await ada.evaluate(() => document.querySelector("#log b b")), null, "what is said is text and no markup");

const other = await join("ada");
await untilIn(other, () => window.chat.refused !== "", "the name is taken");

await ada.setViewport({ width: 390, height: 844 });
await screenshot(ada, "chat-phone");
await screenshot(bob, "chat");

await server("kill");
await untilIn(ada, () => window.chat.state === "reconnecting", "ada sees that it is gone");
await server("start");
await untilIn(ada, isLive, "ada is in again");
await untilIn(bob, isLive, "bob is in again");
await untilIn(ada, () => window.chat.members.length === 2, "ada sees bob again");
await say(bob, "still here");
await untilIn(ada, hasHeard, "ada hears", 3);

// What is said into a connection that is dead comes back into its field, and is not lost in silence.
await ada.evaluate(() => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function () {
    WebSocket.prototype.send = send;
    this.close(3000);
  };
});
await say(ada, "into the void");
await untilIn(ada, () => document.querySelector("#text").value === "into the void", "what was not heard is in its field again");
await untilIn(ada, isLive, "ada is in once more");
await ada.keyboard.press("Enter");
await untilIn(bob, () => window.chat.log.at(-1).text === "into the void", "bob hears it at last");
await untilIn(ada, () => window.chat.log.at(-1).text === "into the void", "ada hears herself");
assert.equal(await ada.evaluate(() => document.querySelector("#text").value), "");

// While ada is away somebody takes her name: she is told, and does not wait for ever.
await ada.evaluate(() => {
  const real = window.real = WebSocket;
  window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006, reason: "" })); } close() {} };
  window.WebSocket.OPEN = real.OPEN;
});
await server("kill");
await untilIn(ada, () => window.chat.state === "reconnecting", "ada is away");
await server("start");
await until(
  () => new Promise(resolve => {
    const thief = new WebSocket(`${ws}/ws?name=ada`);
    thief.once("message", () => resolve(true));
    thief.once("error", () => resolve(false));
  }),
  "somebody else is ada",
);
await ada.evaluate(() => { window.WebSocket = window.real; });
await untilIn(ada, () => document.querySelector("#state").textContent.includes("The name ada is taken"), "ada is told why");
assert.equal(await ada.evaluate(() => window.chat.state), "reconnecting");
await ada.evaluate(() => {
  const now = performance.now.bind(performance);
  performance.now = () => now() + 46_000;
});
await untilIn(ada, () => window.chat.state === "out" && window.chat.refused !== "", "ada gives up");
await browser.close();
done();
