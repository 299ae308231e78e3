// A headless Chromium, driven by puppeteer-core.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { require, until } from "./told.mjs";

const puppeteer = require("puppeteer-core");

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(name => {
  try {
    return execFileSync("which", [name]).length > 0;
  } catch {
    return false;
  }
});

export const browser = await puppeteer.launch({
  executablePath: execFileSync("which", [chromium]).toString().trim(),
  // Without a sandbox of its own it runs as root too; the pages are ours.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"],
});

// A page that says aloud what goes wrong in it. `before` is called in it before anything of its own.
export async function open(url, before) {
  const page = await browser.newPage();
  if (before) await page.evaluateOnNewDocument(before);
  page.on("pageerror", error => {
    console.log(`error in the page: ${error}`);
    process.exit(1);
  });
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return page;
}

// Waits until `what`, a function of the page, is truthy.
export const untilIn = (page, what, why, ...args) => until(() => page.evaluate(what, ...args), why, 40_000);

// For somebody to look at.
export async function screenshot(page, name) {
  mkdirSync(process.env.SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}
