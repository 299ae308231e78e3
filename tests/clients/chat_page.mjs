// The page of the chat in Chromium: two windows talk, one name is taken, and both come back after the server was killed.

import assert from "node:assert/strict";
import { browser, open, screenshot, untilIn } from "./browser.mjs";
import { done, http, server } from "./told.mjs";

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
await browser.close();
done();
