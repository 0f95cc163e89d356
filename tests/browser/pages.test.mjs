// Every page in a real Chromium: no accessibility violations in light and dark, nothing the content security policy
// refuses, nothing wider than a phone; and the way from sign-in to an acknowledged alert by keyboard alone.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
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

/** Presses Tab until the element has the focus, as somebody without a mouse does. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 200; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`no number of tabs leads to ${selector}`);
}
