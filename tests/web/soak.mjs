#!/usr/bin/env node
// Memory of the page while a test runs: tests/web/soak.mjs [SECONDS]. A real test of 200 requests a second, a made-up fleet of
// 1,000 agents that changes each second, the heap after garbage collection every 30 s. Exit 1 when the second half of the run grew by
// more than 10 % and 2 MiB.

import { fleet, openLoop, Stage } from "./stage.mjs";

const seconds = Number(process.argv[2] ?? 600);
const stage = await Stage.open();
try {
  const target = await stage.target();
  const controller = await stage.controller();
  stage.agents(controller, 2);
  await controller.waitForAgents(2);
  const browser = await stage.browser();
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  let turn = 0;
  await page.route("**/api/v1/agents", (route) => route.fulfill({ json: { items: fleet(1000, ++turn), next: null } }));
  await page.goto(controller.url);
  await controller.startTest(openLoop(`http://127.0.0.1:${target.port}/`, 200, `${seconds + 30}s`));
  await page.locator('main.test .state[data-state="running"]').waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("Performance.enable");
  const samples = [];
  for (let at = 0; at <= seconds; at += 30) {
    await session.send("HeapProfiler.collectGarbage");
    const { metrics } = await session.send("Performance.getMetrics");
    const of = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    samples.push(of.JSHeapUsedSize);
    console.log(
      `${String(at).padStart(5)} s  heap ${(of.JSHeapUsedSize / 2 ** 20).toFixed(2)} MiB  nodes ${of.Nodes}` +
        `  listeners ${of.JSEventListeners}  script ${of.ScriptDuration.toFixed(1)} s`,
    );
    if (at < seconds) await page.waitForTimeout(30_000);
  }
  const half = samples[samples.length >> 1];
  const growth = samples.at(-1) - half;
  console.log(`second half: ${(growth / 2 ** 20).toFixed(2)} MiB of ${(half / 2 ** 20).toFixed(2)} MiB`);
  if (growth > half * 0.1 && growth > 2 * 2 ** 20) process.exitCode = 1;
} finally {
  await stage.close();
}
