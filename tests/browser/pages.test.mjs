// Every page in a real Chromium: no accessibility violations in light and dark, nothing the content security policy
// refuses, nothing wider than a phone; and the way from sign-in to an acknowledged alert by keyboard alone.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch, open, raise, signIn } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let stage;
let browser;

before(async () => {
  stage = await raise();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stage?.end();
});

const LOOKS = {
  "on a desk": { colorScheme: "light" },
  "in the dark": { colorScheme: "dark" },
  "on a phone": { colorScheme: "light", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
};

for (const [look, options] of Object.entries(LOOKS)) {
  test(`every page is accessible ${look}, and within its policy`, async () => {
    const wrong = [];
    for (const who of ["nobody", "consultant", "viewer"]) {
      const page = await open(browser, options);
      if (who !== "nobody") await signIn(page, stage, who);
      const paths = stage.pages.filter((shown) => shown.as === who).map((shown) => shown.path);
      assert.ok(paths.length > 0, `${who} sees no page at all`);
      for (const path of paths) {
        await page.goto(stage.url + path);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        for (const { id, nodes } of violations) wrong.push(`${who} ${path}: ${id}: ${nodes.map((node) => node.html).slice(0, 2).join(" ")}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (overflow > 0) wrong.push(`${who} ${path}: is ${overflow} px wider than the window`);
      }
      wrong.push(...page.complaints);
      await page.context().close();
    }
    assert.deepEqual(wrong, []);
  });
}

test("from sign-in to an acknowledged alert by keyboard alone", async () => {
  const page = await open(browser);
  await page.goto(`${stage.url}/sign-in`);
  await tabTo(page, "input[type=email]");
  await page.keyboard.type(stage.consultant.email);
  await tabTo(page, "input[type=password]");
  await page.keyboard.type(stage.consultant.password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  await tabTo(page, 'main a[href^="/alerts/"]');
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname.startsWith("/alerts/"));
  await tabTo(page, 'form[action$="/acknowledge"] :is(input[name=reason], textarea[name=reason])');
  await page.keyboard.type("The owner is bringing the disk back tomorrow.");
  await tabTo(page, 'form[action$="/acknowledge"] button');
  await page.keyboard.press("Enter");
  await page.getByText("The owner is bringing the disk back tomorrow.").first().waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("Today on one screen shows by itself what was done on another", async () => {
  const wall = await open(browser);
  await signIn(wall, stage, "consultant");
  await wall.goto(`${stage.url}/`);
  await wall.evaluate(() => (globalThis.stayed = true));
  const desk = await open(browser);
  await signIn(desk, stage, "consultant");
  await desk.goto(`${stage.url}/`);
  await desk.locator('main a[href$="#acknowledge"]').last().click();
  await desk.fill('form[action$="/acknowledge"] :is(input[name=reason], textarea[name=reason])', "Nora calls them at ten.");
  await desk.click('form[action$="/acknowledge"] button');
  await wall.getByText("Nora calls them at ten.").waitFor();
  assert.ok(await wall.evaluate(() => globalThis.stayed), "the page was not loaded anew");
  assert.deepEqual([...wall.complaints, ...desk.complaints], []);
  await wall.context().close();
  await desk.context().close();
});

test("the enrolment page waits for the machine's first report", async () => {
  const page = await open(browser);
  await signIn(page, stage, "consultant");
  const { path } = stage.pages.find((shown) => shown.route === "/practices/{practice_id}/enrol");
  await page.goto(stage.url + path);
  await page.getByRole("button", { name: "Make the line" }).click();
  const line = await page.getByText(/^lastgood-agent enroll lgenroll1_/).innerText();
  await page.evaluate(() => (globalThis.stayed = true));
  const folder = await mkdtemp(join(tmpdir(), "lastgood-browser-"));
  await chmod(folder, 0o755);
  await writeFile(join(folder, "agent.toml"), 'heartbeat = "1s"\n', { mode: 0o600 });
  const agent = (...words) => ["--config", join(folder, "agent.toml"), "--state", join(folder, "state"), ...words];
  const [, verb, token] = line.trim().split(" ");
  await promisify(execFile)("target/debug/lastgood-agent", agent(verb, token, "--name", "reception"));
  const running = spawn("target/debug/lastgood-agent", agent("run"), { stdio: "ignore" });
  try {
    await page.locator("main").getByText("reception").first().waitFor();
    await page.locator("main").getByText("reporting").first().waitFor();
    assert.ok(await page.evaluate(() => globalThis.stayed), "the page was not loaded anew");
    assert.deepEqual(page.complaints, []);
  } finally {
    const ended = once(running, "exit");
    running.kill();
    await ended;
    await rm(folder, { recursive: true });
  }
  await page.context().close();
});

/** Presses Tab until the element has the focus, as somebody without a mouse does. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 200; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`no number of tabs leads to ${selector}`);
}
