// The HTML report in a real browser without a network: what it asks for, logs, and does.
//   node html_report.mjs HOME RICH HOSTILE BIG EMPTY SHOTS      TAP on stdout
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [home, rich, hostile, big, empty, shots] = process.argv.slice(2);
const require = createRequire(path.join(home, "package.json"));
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"],
});

// A page on `file`, its troubles collected: requests, errors, dialogs.
const open = async (file, { theme = "light", script = true, width = 1280 } = {}) => {
  const page = await browser.newPage();
  page.troubles = [];
  await page.setViewport({ width, height: 900 });
  await page.setJavaScriptEnabled(script);
  await page.setOfflineMode(true);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  page.on("request", (r) => { if (r.url().split("#")[0] !== "file://" + file) page.troubles.push("request " + r.url()); });
  page.on("console", (m) => page.troubles.push("console: " + m.text()));
  page.on("pageerror", (e) => page.troubles.push("error: " + e.message));
  page.on("dialog", (d) => { page.troubles.push("dialog " + d.message()); d.dismiss(); });
  const start = Date.now();
  await page.goto("file://" + file);
  page.took = Date.now() - start;
  return page;
};

const cases = [];
const test = (name, run) => cases.push([name, run]);
const models = "section[aria-labelledby=models]";
const column = (page, n) => page.$$eval(`${models} tbody tr`, (rows, n) => rows.map((r) => r.cells[n].dataset.v ?? r.cells[n].textContent), n);
const status = (page) => page.$eval(`${models} [role=status]`, (e) => e.textContent);

const accessible = async (file, options) => {
  const page = await open(file, options);
  await page.evaluate(() => { for (const d of document.querySelectorAll("details")) d.open = true; });
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`), []);
  assert.deepEqual(page.troubles, []);
  await page.close();
  return `${found.passes.length} rules pass`;
};
test("axe finds nothing in the light page", () => accessible(rich, { theme: "light" }));
test("axe finds nothing in the dark page", () => accessible(rich, { theme: "dark" }));
test("axe finds nothing on a small screen", () => accessible(rich, { width: 400 }));
test("axe finds nothing in an empty report", () => accessible(empty));

test("columns sort both ways, and say so", async () => {
  const page = await open(rich);
  for (const n of [0, 2, 5, 6, 7]) {
    const button = `${models} thead th:nth-child(${n + 1}) button`;
    for (const [word, sign] of [["ascending", 1], ["descending", -1]]) {
      await page.click(button);
      assert.equal(await page.$eval(button, (b) => b.parentElement.getAttribute("aria-sort")), word);
      const values = (await column(page, n)).map(Number);
      assert.deepEqual(values, values.toSorted((a, b) => sign * (a - b)));
      assert.equal(await page.$$eval("[aria-sort]", (e) => e.length), 1);
    }
  }
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("search and filters leave the rows that match", async () => {
  const page = await open(rich);
  const all = (await column(page, 0)).length;
  await page.select(`${models} select[name=verdict]`, "pass");
  assert.ok((await page.$$eval(`${models} tbody tr`, (r) => r.map((x) => x.dataset.verdict))).every((v) => v === "pass"));
  await page.select(`${models} select[name=verdict]`, "");
  await page.type(`${models} input`, "RESNET50 final");
  assert.equal((await column(page, 0)).length, 1);
  await page.type(`${models} input`, " no such thing");
  assert.equal(await status(page), `none of ${all} match`);
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("ten thousand models are paged, sorted and searched", async () => {
  const page = await open(big);
  const times = [`open ${page.took} ms`];
  const timed = async (name, act) => {
    const start = Date.now();
    await act();
    times.push(`${name} ${Date.now() - start} ms`);
  };
  assert.equal(await status(page), "1 to 100 of 10000");
  assert.equal((await column(page, 0)).length, 100);
  await page.click(`${models} .pages button:last-child`);
  assert.equal(await status(page), "101 to 200 of 10000");
  await timed("sort", () => page.click(`${models} thead th:nth-child(2) button`));
  const names = await page.$$eval(`${models} tbody th`, (t) => t.map((x) => x.textContent));
  assert.equal(names[0], "models/m00000.pt");
  assert.equal(names.length, 100);
  await timed("search", () => page.type(`${models} input`, "m0777"));
  assert.equal(await status(page), "1 to 10 of 10 (10000 in all)");
  assert.deepEqual(page.troubles, []);
  await page.close();
  return times.join(", ");
});

test("the colours can be changed, and are remembered", async () => {
  const page = await open(rich, { theme: "light" });
  const ground = () => page.$eval("body", (b) => getComputedStyle(b).backgroundColor);
  const before = await ground();
  await page.click("#theme");
  const after = await ground();
  assert.notEqual(before, after);
  await page.reload();
  assert.equal(await ground(), after);
  await page.click("#theme");
  assert.equal(await ground(), before);
  const dark = await open(rich, { theme: "dark" });
  await dark.evaluate(() => localStorage.clear());
  await dark.reload();
  assert.equal(await dark.$eval("body", (b) => getComputedStyle(b).backgroundColor), after);
  assert.deepEqual([...page.troubles, ...dark.troubles], []);
  await page.close();
  await dark.close();
});

test("the keyboard reaches everything, and the focus is seen", async () => {
  const page = await open(rich);
  const here = () => page.evaluate(() => {
    const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
    return { tag: e.tagName, text: e.textContent.trim().slice(0, 40), outline: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
      seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0, name: e.getAttribute("name") };
  });
  await page.keyboard.press("Tab");
  let at = await here();
  assert.equal(at.text, "Skip to the decision");
  assert.ok(at.outline && at.seen);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const met = new Set();
  for (let i = 0; i < 300; i++) {
    await page.keyboard.press("Tab");
    at = await here();
    if (at.tag === "BODY") break;
    assert.ok(at.outline && at.seen, JSON.stringify(at));
    met.add(at.tag + (at.name ?? ""));
    if (at.tag === "BUTTON" && at.text === "Trust") {
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.parentElement.getAttribute("aria-sort")), "ascending");
    }
  }
  for (const tag of ["A", "INPUT", "SELECTverdict", "SELECTseverity", "BUTTON", "SECTION", "SUMMARY"]) assert.ok(met.has(tag), tag);
  assert.deepEqual(page.troubles, []);
  await page.close();
  return `${met.size} kinds of stops`;
});

test("a link to a model opens it", async () => {
  const page = await open(rich);
  const last = await page.$$eval(`${models} tbody th a`, (a) => a.at(-1).hash);
  const isOpen = () => page.$eval(last, (h) => h.closest("details").open);
  assert.equal(await isOpen(), false);
  await page.$$eval(`${models} tbody th a`, (a) => a.at(-1).click());
  await page.waitForFunction((id) => document.querySelector(id).closest("details").open, {}, last);
  assert.ok(await page.$eval(last, (h) => h.getBoundingClientRect().top < innerHeight));
  await page.close();
});

test("without JavaScript everything is there", async () => {
  const page = await open(rich, { script: false });
  const text = await page.$eval("body", (b) => b.innerText);
  assert.match(text, /FAIL/);
  const html = await page.content();
  assert.ok(html.includes("<details"));
  assert.equal((await page.$$(".tools:not([hidden]), #theme:not([hidden]), #open-all:not([hidden])")).length, 0);
  assert.equal((await page.$$(`${models} tbody tr`)).length > 5, true);
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("hostile names are text, and the policy stops what would not be", async () => {
  const page = await open(hostile);
  await page.evaluate(() => { for (const d of document.querySelectorAll("details")) d.open = true; });
  assert.equal((await page.$$("img, iframe, object, embed, form, base, link, [onclick], [onerror], [style]")).length, 0);
  assert.equal((await page.$$("script")).length, 1);
  assert.match(await page.$eval("body", (b) => b.innerText), /<\/script>/);
  assert.deepEqual(page.troubles, []);
  // what an injection could at most do
  const why = await page.evaluate(async () => {
    const seen = [];
    document.addEventListener("securitypolicyviolation", (e) => seen.push(e.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.owned = true";
    document.body.append(script);
    document.body.append(Object.assign(new Image(), { src: "https://198.51.100.1/x.png" }));
    await fetch("https://198.51.100.1/").catch(() => {});
    await new Promise((go) => setTimeout(go, 100));
    return { owned: window.owned, seen };
  });
  assert.equal(why.owned, undefined);
  assert.deepEqual(new Set(why.seen), new Set(["script-src-elem", "img-src", "connect-src"]));
  await page.close();
});

test("on paper all is opened, in black on white", async () => {
  const page = await open(rich, { theme: "dark" });
  const pdf = await page.pdf({ path: path.join(shots, "print.pdf"), format: "A4" });
  assert.ok(pdf.length > 20000);
  await page.emulateMediaType("print");
  assert.equal(await page.$eval("body", (b) => getComputedStyle(b).backgroundColor), "rgb(255, 255, 255)");
  assert.equal(await page.$eval("h1", (b) => getComputedStyle(b).color), "rgb(0, 0, 0)");
  assert.equal(await page.$eval(".bar", (b) => getComputedStyle(b).display), "none");
  await page.close();
});

test("screenshots", async () => {
  for (const [name, file, options] of [["light", rich, {}], ["dark", rich, { theme: "dark" }], ["small", rich, { width: 400 }],
    ["no-script", rich, { script: false }], ["hostile", hostile, {}], ["empty", empty, {}]]) {
    const page = await open(file, options);
    await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: true });
    await page.close();
  }
  return shots;
});

let failed = 0;
for (const [i, [name, run]] of cases.entries()) {
  try {
    const note = await run();
    console.log(`ok ${i + 1} - ${name}${note ? ": " + note : ""}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${i + 1} - ${name}\n# ${String(e.stack).replaceAll("\n", "\n# ")}`);
  }
}
await browser.close();
process.exitCode = failed ? 1 : 0;
