// Pictures of every page, on a desk, on a phone and in the dark, into screenshots/. Starts the demo on a stage of its own.
//
//   node tests/browser/screenshots.mjs [FOLDER]
//
// Pages that have an id are found by following links from those that have none, as a reader would.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launch, raise, signIn } from "./stage.mjs";

const [folder = "screenshots"] = process.argv.slice(2);
const stage = await raise();
const address = stage.url;

const LOOKS = {
  desk: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};
const PAGES = ["/", "/practices", "/alerts", "/agents", "/media", "/drills", "/messages", "/audit", "/people", "/account"];
const FORMS = ["/practices/add", "/people/add"];
// Where to find one page of each kind that has an id: the page it is linked from, and the pattern of its address.
const LINKED = [
  ["alert", "/alerts", /^\/alerts\/[0-9a-f-]{36}$/],
  ["practice", "/", /^\/practices\/[0-9a-f-]{36}$/],
  ["job", "/", /^\/jobs\/[0-9a-f-]{36}$/],
  ["run", "/", /^\/runs\/[0-9a-f-]{36}$/],
  ["agent", "/agents", /^\/agents\/[0-9a-f-]{36}$/],
  ["drill", "/drills", /^\/drills\/[0-9a-f-]{36}$/],
  ["message", "/messages", /^\/messages\/[0-9a-f-]{36}$/],
];

const violations = [];

async function shoot(page, name, path, look) {
  const answer = await page.goto(address + path);
  if (!answer.ok()) {
    console.log(`${answer.status()}  ${path}`);
    return;
  }
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true });
}

async function linkOf(page, from, pattern) {
  await page.goto(address + from);
  const paths = await page.$$eval("a[href]", (links) => links.map((link) => link.getAttribute("href").split(/[?#]/)[0]));
  return paths.find((path) => pattern.test(path));
}

// A run that failed and whose last lines of output were sent: its alert says which run it was.
async function runWithOutput(page) {
  await page.goto(`${address}/alerts`);
  const hrefs = await page.$$eval("a[href]", (links) => links.map((link) => link.getAttribute("href").split(/[?#]/)[0]));
  for (const alert of new Set(hrefs.filter((path) => /^\/alerts\/[0-9a-f-]{36}$/.test(path)))) {
    const run = await linkOf(page, alert, /^\/runs\/[0-9a-f-]{36}$/);
    if (!run) continue;
    await page.goto(address + run);
    if (await page.locator("details pre.code").count()) return run;
  }
  return undefined;
}

await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  for (const [look, options] of Object.entries(LOOKS)) {
    const open = async () => {
      const context = await browser.newContext({ ...options, ignoreHTTPSErrors: true, timezoneId: "America/New_York", locale: "en-US" });
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error") violations.push(`${page.url()}: ${message.text()}`);
      });
      page.on("pageerror", (error) => violations.push(`${page.url()}: ${error}`));
      return page;
    };
    const page = await open();
    await shoot(page, "sign-in", "/sign-in", look);
    await shoot(page, "nothing-here", "/nothing-here", look);
    await signIn(page, stage, "consultant");
    for (const path of [...PAGES, ...FORMS]) await shoot(page, path === "/" ? "today" : path.slice(1).replaceAll("/", "-"), path, look);
    const found = {};
    for (const [name, from, pattern] of LINKED) {
      found[name] = await linkOf(page, from, pattern);
      if (found[name]) await shoot(page, name, found[name], look);
      else console.log(`no ${name} is linked from ${from}`);
    }
    const failed = await runWithOutput(page);
    if (failed) await shoot(page, "run-failed", failed, look);
    else console.log("no alert leads to a run whose output was sent");
    const below = [
      ["report", found.practice, "/report"],
      ["proposals", found.practice, "/proposals"],
      ["job-add", found.practice, "/jobs/add"],
      ["enrol", found.practice, "/enrol"],
      ["job-edit", found.job, "/edit"],
    ];
    for (const [name, above, path] of below) if (above) await shoot(page, name, above + path, look);
    if (look === "desk" && found.practice) {
      await page.pdf({ path: join(folder, "report.pdf"), format: "A4" });
    }
    await page.context().close();
    const theirs = await open();
    await signIn(theirs, stage, "viewer");
    await shoot(theirs, "own-page", "/practice", look);
    await theirs.context().close();
  }
} finally {
  await browser.close();
  await stage.end();
}
for (const violation of new Set(violations)) console.log(violation);
