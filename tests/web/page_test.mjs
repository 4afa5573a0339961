// The live page in Chromium, against a real controller with real agents and a target that is rolled from one version
// to the next while the test runs. The steps build on each other: one test is started in the page, watched, changed, cut off and
// stopped; then what only needs ended tests.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, fleet, openLoop, openPage, Stage, violations } from "./stage.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

let stage;
let controller;
let front; // between the browser and the controller: it can be cut
let target; // between the agents and two versions of the target
let newShare = 0; // of connections that reach the new version
let browser;
let view; // { page, problems } on a desktop
let id; // of the test that the page started

before(async () => {
  stage = await Stage.open();
  const old = await stage.target("--latency", "lognormal:median=8ms,sigma=0.5", "--version-header", "1.4");
  const young = await stage.target("--latency", "lognormal:median=6ms,sigma=0.5", "--version-header", "1.5");
  target = await stage.front(() => (Math.random() < newShare ? young.port : old.port));
  controller = await stage.controller({ data: `${stage.folder}/data` });
  stage.agents(controller, 3);
  front = await stage.front(() => Number(controller.address.split(":")[1]));
  [browser] = await Promise.all([stage.browser(), controller.waitForAgents(3)]);
  view = await openPage(browser, front.url);
});

after(async () => {
  if (process.exitCode) console.log(await stage.logs());
  await stage.close();
});

const text = (selector) => view.page.locator(selector).first().innerText();
const number = (words) => Number(words.replaceAll(",", ""));

// All that axe finds, at both widths and in both colours; briefly, each width in one colour. The view is left as it was.
async function assertAccessible(page, where, { briefly = false } = {}) {
  const found = [];
  const size = page.viewportSize();
  const views = [
    ["light", size],
    ["dark", PHONE.viewport],
    ["light", PHONE.viewport],
    ["dark", size],
  ];
  for (const [colorScheme, viewport] of briefly ? views.slice(0, 2) : views) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    // Sideways scrolling is for nobody.
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (overflow > 0) found.push(`${colorScheme} ${viewport.width}: ${overflow} px too wide`);
    for (const violation of await violations(page)) found.push(`${colorScheme} ${viewport.width}: ${violation}`);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
  assert.deepEqual(found, [], where);
}

test("without a test the page says what to do, with a line that works", async () => {
  const { page } = view;
  await page.locator("main.empty", { hasText: "3 agents ready" }).waitFor();
  assert.match(await text(".lines code"), new RegExp(`^curl ${front.url}/api/v1/tests -H`));
  await assertAccessible(page, "empty", { briefly: true });
});

test("errors of a spec stand at their fields in the API's words", async () => {
  const { page } = view;
  await page.getByRole("link", { name: "New test" }).first().click();
  await page.getByLabel("Name").fill("checkout");
  await page.getByLabel("For", { exact: true }).fill("20 s");
  await page.getByLabel("Requests per second").fill("fast");
  await page.getByText("Headers, body, timeout").click();
  await page.getByLabel("Timeout of a request").fill("300s");
  await page.getByRole("button", { name: "Start the test" }).click();
  await page.getByRole("alert").waitFor();
  const errors = Object.fromEntries(
    await page.locator(".field:has(.error)").evaluateAll((fields) =>
      fields.map((field) => [field.dataset.field, field.querySelector(".error").textContent]),
    ),
  );
  // The same as the API itself says.
  const answer = await fetch(`${controller.url}/api/v1/tests`, {
    method: "POST",
    body: JSON.stringify({
      name: "checkout",
      target: {},
      load: { model: "open", stages: [{ duration: "20 s", rate: "fast" }] },
      timeout: "300s",
    }),
  });
  const said = Object.fromEntries((await answer.json()).errors.map((e) => [e.pointer, e.detail]));
  assert.deepEqual(errors, {
    url: said["/target/url"],
    "stage-0-duration": said["/load/stages/0/duration"],
    "stage-0-rate": said["/load/stages/0/rate"],
    timeout: said["/timeout"],
  });
  await page.locator("#field-url:focus").waitFor();
  assert.equal((await controller.get("/tests")).items.length, 0);
  await assertAccessible(page, "errors in the form");
});

test("errors of a pasted spec name their line", async () => {
  const { page } = view;
  await page.getByText("Spec (JSON)").click();
  const area = page.getByLabel("Spec", { exact: true });
  assert.equal(JSON.parse(await area.inputValue()).name, "checkout"); // what the form had
  await area.fill('{\n  "name": "checkout",\n  "target": {"url": "http://h/"},\n  "lod": 1\n}');
  await page.getByRole("button", { name: "Start the test" }).click();
  await page.locator("#spec-errors").waitFor();
  const errors = await page.locator("#spec-errors li").allInnerTexts();
  assert.ok(errors.some((error) => /^line 4 \/lod is not a known key/.test(error)), errors.join("; "));
  await page.getByRole("button", { name: "line 4" }).click();
  const chosen = await area.evaluate((a) => a.value.slice(a.selectionStart, a.selectionEnd));
  assert.equal(chosen, '"lod": 1');
  await assertAccessible(page, "errors in a spec", { briefly: true });
});

test("a test is started from the page and its figures are the API's", async () => {
  const { page } = view;
  const spec = openLoop(`${target.url}/`, 400, "300s", {
    target: { version_header: "X-Version" },
    connections: { max_age: "1s" },
    thresholds: { http_req_failed: ["rate<0.01"] },
    agents: { min: 3 },
  });
  await page.getByLabel("Spec", { exact: true }).fill(JSON.stringify(spec, null, 2));
  await page.getByRole("button", { name: "Start the test" }).click();
  await page.locator("main.test").waitFor();
  id = (await page.evaluate(() => location.hash)).split("/")[2];
  await page.locator('main.test .state[data-state="running"]').waitFor();
  // A figure that is shown is the rate that was published for its second.
  const { k, shown } = await eventually("three seconds' figures", async () => {
    const [caption, value] = await page
      .locator(".figure")
      .evaluate((section) => ["h2", ".number"].map((part) => section.querySelector(part).textContent));
    const [, minutes, seconds] = /at (\d+):(\d\d)$/.exec(caption) ?? [null, 0, 0];
    const at = Number(minutes) * 60 + Number(seconds);
    return at >= 3 ? { k: at, shown: number(value) } : null;
  });
  const { items } = await controller.get(`/tests/${id}/intervals?cursor=${k}&limit=1`);
  assert.equal(shown, items[0].closed_completed);
  assert.equal(items[0].planned, 400);
  assert.match(await text(".verdict .word"), /so far$/);
  assert.match(await text(".sum"), /^[\d,]+ planned = [\d,]+ ok/);
  assert.match(await page.title(), /checkout/);
});

test("a changed rate is announced, then holds", async () => {
  const { page } = view;
  await page.getByRole("button", { name: "Change rate" }).click();
  const field = page.getByLabel("New rate");
  await field.fill("much");
  await page.getByRole("button", { name: "Change the rate" }).click();
  await page.locator("#new-rate-error").waitFor();
  assert.match(await text("#new-rate-error"), /much/);
  assert.match(await text(".panel .lines"), new RegExp(`broadside test rate ${id} much`));
  await assertAccessible(page, "panel of the rate", { briefly: true });
  await field.fill("600");
  await page.keyboard.press("Enter");
  await page.locator(".pending", { hasText: /600 a second from \d+:\d\d/ }).waitFor();
  await page.locator(".pending").waitFor({ state: "detached" });
  await eventually("the new plan", async () => /plan of 600/.test(await text(".plan")));
  await page.locator(".changes li", { hasText: /Rate 600 rps from second \d+/ }).waitFor();
});

// The seconds that the page has: {k: "planned answers outcomes"}, and how often each is there.
async function secondsOfPage() {
  const summary = view.page.locator("details.seconds > summary");
  if (!(await view.page.locator("details.seconds table").isVisible())) await summary.click();
  return view.page.locator("details.seconds tbody tr").evaluateAll((rows) =>
    rows.map((row) => ({
      k: Number(row.dataset.k),
      settled: row.dataset.settled === "true",
      planned: Number(row.children[1].textContent.replaceAll(",", "")),
      completed: Number(row.children[2].textContent.replaceAll(",", "")),
      ok: Number(/^([\d,]+) ok/.exec(row.children[5].textContent)[1].replaceAll(",", "")),
    })),
  );
}

async function assertNoSecondMissingOrDoubled() {
  const { items } = await controller.get(`/tests/${id}/intervals`);
  const settled = items.filter((interval) => interval.settled);
  const rows = await eventually("the seconds that the API has", async () => {
    const seconds = await secondsOfPage();
    return seconds.find((s) => s.settled)?.k >= settled.at(-1).k ? seconds : null;
  });
  const ks = rows.map((row) => row.k);
  const newest = ks[0];
  assert.deepEqual(ks, Array.from({ length: Math.min(60, newest + 1) }, (_, i) => newest - i));
  for (const interval of settled.filter((one) => one.k >= ks.at(-1))) {
    const row = rows.find((one) => one.k === interval.k);
    assert.deepEqual(
      [row.planned, row.completed, row.ok],
      [interval.planned, interval.completed, interval.outcomes.ok],
      `second ${interval.k}`,
    );
  }
  return settled.length;
}

test("a stream that was cut goes on with no second missing or doubled", async () => {
  const { page } = view;
  // Three cuts, each in the middle of whatever the stream carries.
  for (let cut = 0; cut < 3; ++cut) {
    front.cut();
    await page.locator(".banner.lost").waitFor();
    assert.match(await text(".banner.lost"), /Connection lost since \d\d:\d\d:\d\d/);
    assert.equal(await page.locator('main.test[data-stale="true"]').count(), 1);
    if (cut === 0) {
      await assertAccessible(page, "connection lost", { briefly: true });
      const before = (await controller.get(`/tests/${id}`)).totals.planned;
      // Seconds pass that the page does not see.
      await eventually("two seconds", async () => {
        return (await controller.get(`/tests/${id}`)).totals.planned >= before + 2 * 600;
      });
    }
    front.mend();
    if (cut === 1) await page.getByRole("button", { name: "Try now" }).click();
    await page.locator(".banner.lost").waitFor({ state: "detached" });
  }
  assert.ok((await assertNoSecondMissingOrDoubled()) > 5);
});

test("a controller that was restarted is found again by itself", async () => {
  const { page } = view;
  const [http, grpc] = [controller.address, controller.grpc];
  controller.process.signal("SIGTERM");
  await page.locator(".banner.lost").waitFor();
  await controller.process.ended;
  controller = await stage.controller({ http, grpc, data: `${stage.folder}/data` });
  await page.locator(".banner.lost").waitFor({ state: "detached" });
  const at = (await controller.get(`/tests/${id}`)).totals.planned;
  await eventually("the plan goes on", async () => {
    return (await controller.get(`/tests/${id}`)).totals.planned >= at + 2 * 600;
  });
  await assertNoSecondMissingOrDoubled();
});

test("a roll of the target is seen as one version fading into the next", async () => {
  const { page } = view;
  newShare = 1;
  const chart = page.locator('.chart:has(h2:text("Versions"))');
  await eventually("both versions", async () => {
    const { totals } = await controller.get(`/tests/${id}`);
    return totals.versions["1.4"] > 0 && totals.versions["1.5"] > 300;
  });
  await eventually("both in the picture", async () =>
    /1\.4 [\d,]+ a second, 1\.5 [\d,]+ a second/.test(await chart.locator(".plot").getAttribute("aria-label")),
  );
});

test("an agent is chosen and drained by keyboard", async () => {
  const { page } = view;
  await page.locator(".cells .cell").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.locator(".details .figures", { hasText: /^agent-3/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Drain …" }).press("Enter");
  assert.match(await text(".confirm .lines"), /broadside agents drain agent-3/);
  await assertAccessible(page, "agent chosen");
  await page.getByRole("button", { name: "Drain agent-3" }).press("Enter");
  await eventually("two agents are left", async () => {
    const states = await page.locator(".cells .cell").evaluateAll((cells) => cells.map((c) => c.dataset.state));
    return states.filter((state) => state === "ready").length === 2;
  });
});

test("a test is stopped with one confirmation, and the books balance", async () => {
  const { page } = view;
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.locator("button:focus", { hasText: "Stop the test" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".panel").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop the test" }).click();
  await page.locator('main.test .state[data-state="stopped"]').waitFor();
  const final = await controller.waitForState(id, "stopped");
  await eventually("the final books", async () =>
    (await text(".sum")).startsWith(`${final.totals.planned.toLocaleString("en-US")} planned = `),
  );
  const parts = [...(await text(".sum")).matchAll(/([\d,]+) (?!planned)[a-z]/g)].map((m) => number(m[1]));
  assert.equal(parts.reduce((all, n) => all + n, 0), final.totals.planned);
  assert.equal(await page.locator(".broken").count(), 0);
  assert.ok((await assertNoSecondMissingOrDoubled()) > 10);
  await assertAccessible(page, "stopped", { briefly: true });
});

test("results are downloaded", async () => {
  const { page } = view;
  await page.getByRole("button", { name: "Download" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Result (JSON)" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), `${id}.json`);
});

test("two ended tests are compared", async () => {
  const { page } = view;
  const others = [];
  for (const rate of [200, 300]) {
    others.push(await controller.startTest(openLoop(`${target.url}/`, rate, "2s", { name: `at ${rate}` })));
  }
  for (const other of others) await controller.waitForState(other, "finished");
  await page.goto(`${front.url}/#/tests/${others[1]}`);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByLabel("Compare with").selectOption(others[0]);
  await page.locator(".panel").getByRole("button", { name: "Compare" }).click();
  await page.locator("main.compare table").waitFor();
  const planned = await page.locator(".differences tr:has(th:text-is('planned')) td").allInnerTexts();
  assert.deepEqual(planned, ["400", "600", "+200 (+50 %)"]);
  assert.match(await text("main.compare"), /The specs differ/);
  assert.match(await text("main.compare .code"), /\/load\/stages\/0\/rate: 200 → 300/);
  await assertAccessible(page, "comparison");
});

test("a fleet of 1,000 stays legible and fluent", async (t) => {
  const { page, problems } = await openPage(browser, "about:blank");
  let turn = 0;
  await page.route("**/api/v1/agents", (route) => {
    return route.fulfill({ json: { items: fleet(1000, ++turn), next: null } });
  });
  const running = await controller.startTest(openLoop(`${target.url}/`, 100, "30s", { name: "many" }));
  await page.goto(`${controller.url}/#/tests/${running}`);
  await page.locator(".cells .cell").nth(999).waitFor();
  const box = await page.locator(".cells").boundingBox();
  assert.ok(box.height < 400, `1,000 agents are ${box.height} px high`);
  const frames = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const times = [];
        const next = (now) => {
          times.push(now);
          if (now - times[0] < 3000) requestAnimationFrame(next);
          else resolve(times.slice(1).map((time, i) => time - times[i]));
        };
        requestAnimationFrame(next);
      }),
  );
  frames.sort((a, b) => a - b);
  const median = frames[frames.length >> 1];
  t.diagnostic(`1,000 agents: ${(frames.length / 3).toFixed(1)} frames a second, median ${median.toFixed(1)} ms, longest ${frames.at(-1).toFixed(0)} ms`);
  assert.ok(turn >= 3, `the fleet was asked for ${turn} times`);
  assert.ok(median < 34, `median frame ${median} ms`);
  await assertAccessible(page, "1,000 agents", { briefly: true });
  await controller.json("POST", `/api/v1/tests/${running}/stop`);
  assert.deepEqual(problems.filter((problem) => !problem.startsWith("foreign")), []);
});

test("nothing was asked of anybody else, and the console is empty", () => {
  assert.deepEqual(view.problems, []);
});
