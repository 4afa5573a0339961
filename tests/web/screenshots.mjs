#!/usr/bin/env node
// The pictures of the documents, from a real test whose target is rolled from one version to the next: docs/images/page-*.png.
// `scripts/setup images` installs what it needs beyond the tests: pngquant, and a font that looks like what most systems have.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, openLoop, openPage, Stage } from "./stage.mjs";

const out = fileURLToPath(new URL("../../docs/images", import.meta.url));
const rate = Number(process.argv[2] ?? 2000);
const agents = 8;

const stage = await Stage.open();
try {
  process.env.FONTCONFIG_FILE = path.join(stage.folder, "fonts.conf");
  writeFileSync(
    process.env.FONTCONFIG_FILE,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include>/etc/fonts/fonts.conf</include>
${["system-ui", "sans-serif"].map(
      (family) => `<match target="pattern"><test name="family"><string>${family}</string></test>
<edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>`,
    ).join("")}</fontconfig>`,
  );
  const latency = (median, sigma) => ["--latency", `lognormal:median=${median}ms,sigma=${sigma}`];
  const old = await stage.target(...latency(14, 0.6), "--version-header", "1.4");
  const young = await stage.target(...latency(10, 0.5), "--version-header", "1.5");
  let share = 0;
  const front = await stage.front(() => (Math.random() < share ? young.port : old.port));
  const controller = await stage.controller();
  stage.agents(controller, agents);
  await controller.waitForAgents(agents);
  const browser = await stage.browser();
  const id = await controller.startTest(
    openLoop(`http://127.0.0.1:${front.port}/`, rate, "100s", {
      target: { version_header: "X-Version" },
      connections: { max_age: "3s" },
      thresholds: { http_req_failed: ["rate<0.01"], http_req_duration: ["p(99)<200"] },
      agents: { min: agents, use: "all" },
    }),
  );
  // Tall enough to show the versions.
  const desktop = { viewport: { width: 1440, height: 1290 } };
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
  const second = (k) =>
    eventually(`second ${k}`, async () => (await controller.get(`/tests/${id}`)).elapsed_s >= k, 60_000);
  // The roll: from second 20 on each second a twentieth more of the new connections.
  for (let step = 1; step <= 20; ++step) {
    await second(19 + step);
    share = step / 20;
  }
  await second(50);
  // One after the other, so that a browser's drawing does not disturb the test.
  for (const [name, options] of [
    ["page-phone-dark", { ...phone, colorScheme: "dark" }],
    ["page-phone-light", { ...phone, colorScheme: "light" }],
    ["page-desktop-dark", { ...desktop, colorScheme: "dark" }],
    ["page-desktop-light", { ...desktop, colorScheme: "light" }],
  ]) {
    const file = path.join(out, `${name}.png`);
    const { page } = await openPage(browser, `${controller.url}/#/tests/${id}`, options);
    await page.locator('main.test[data-loaded="true"] .plan:has-text("plan of")').waitFor();
    await page.screenshot({ path: file });
    await page.context().close();
    execFileSync("pngquant", ["--force", "--skip-if-larger", "--speed", "1", "--strip", "--output", file, "128", file]);
  }
  const test = await controller.waitForState(id, "finished", 90_000);
  console.log(JSON.stringify({ verdict: test.verdict, totals: test.totals.outcomes.ok, versions: test.totals.versions }));
} finally {
  await stage.close();
}
