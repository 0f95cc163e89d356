// The demo on a stage of its own, and browsers that note what a page should not do.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/** Starts the demo; gives what it said of itself and a way to end it. */
export async function raise() {
  const program = spawn("target/debug/stage", { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => program.once("exit", resolve));
  for await (const line of createInterface({ input: program.stdout })) {
    const shown = JSON.parse(line);
    return { ...shown, end: () => (program.stdin.end(), ended) };
  }
  throw new Error("the stage ended before it was ready");
}

export function launch() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page in a browser of its own. What it complains about, content security policy included, is kept in `page.complaints`. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true, locale: "en-US", timezoneId: "America/New_York", ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.complaints.push(`${page.url()}: ${error}`));
  return page;
}

export async function signIn(page, stage, who) {
  await page.goto(`${stage.url}/sign-in`);
  await page.fill("input[type=email]", stage[who].email);
  await page.fill("input[type=password]", stage[who].password);
  await page.click("main button");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}
