// What a browser test stands on: real processes of the built binary on loopback, a TCP front that can be cut, and
// Debian's Chromium. Whatever was started ends with the stage.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
// The browser's driver is pinned with the page, in web/package.json.
const require = createRequire(path.join(root, "web/package.json"));
const { chromium } = require("playwright-core");
const axeSource = require.resolve("axe-core/axe.min.js");

export const BINARY = process.env.BROADSIDE ?? path.join(root, "build/release/broadside");
// Deadlines are for what takes a fraction of them on an idle machine.
export const PATIENCE_MS = 20_000;

// The first true value of `probe`.
export async function eventually(what, probe, ms = PATIENCE_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

export class Stage {
  #folder;
  #processes = [];
  #closers = [];

  static async open() {
    const stage = new Stage();
    stage.#folder = await mkdtemp(path.join(tmpdir(), "broadside-web-"));
    return stage;
  }

  get folder() {
    return this.#folder;
  }

  async close() {
    for (const close of this.#closers.reverse()) await close();
    await Promise.all(this.#processes.map((process) => process.end()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  start(...args) {
    const process = new Process(this.#folder, this.#processes.length, args.map(String));
    this.#processes.push(process);
    return process;
  }

  async target(...args) {
    const process = this.start("target", "--listen", "127.0.0.1:0", ...args);
    return { port: Number((await process.logged("target_started")).port) };
  }

  async controller({ http = "127.0.0.1:0", grpc = "127.0.0.1:0", data = ":memory:" } = {}) {
    const process = this.start("controller", "--http", http, "--grpc", grpc, "--data", data);
    const started = await process.logged("controller_started");
    return new Controller(process, started.http, `127.0.0.1:${started.grpc_port}`);
  }

  agents(controller, n) {
    return Array.from({ length: n }, (_, i) =>
      this.start("agent", "--controller", controller.grpc, "--name", `agent-${i + 1}`, "--threads", 1, "--http", ""),
    );
  }

  // A TCP front: connections go to what `pick` says, until it is cut.
  async front(pick) {
    const front = new Front(pick);
    await front.listen();
    this.#closers.push(() => front.close());
    return front;
  }

  async browser() {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    const browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
    });
    this.#closers.push(() => browser.close());
    return browser;
  }

  logs() {
    return Promise.all(this.#processes.map((process) => process.tail())).then((all) => all.join("\n"));
  }
}

class Process {
  constructor(folder, number, args) {
    this.name = `${number}-${args[0]}`;
    this.err = path.join(folder, `${this.name}.err`);
    const err = openSync(this.err, "w");
    this.child = spawn(BINARY, args, { stdio: ["ignore", "ignore", err] });
    this.ended = new Promise((resolve) => this.child.on("exit", resolve));
  }

  // The fields of the first log line of that event, once it is there.
  async logged(event) {
    return eventually(`${event} of ${this.name}`, async () => {
      const text = await readFile(this.err, "utf8");
      if (this.child.exitCode !== null) throw new Error(`${this.name} ended: ${text}`);
      const line = text.split("\n").find((one) => one.includes(` event=${event} `));
      if (line === undefined) return null;
      return Object.fromEntries([...line.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map((m) => [m[1], m[2]]));
    });
  }

  signal(name) {
    this.child.kill(name);
  }

  // At once: an agent that drains would wait for what nobody needs any more.
  async end() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async tail() {
    return `--- ${this.name}\n${(await readFile(this.err, "utf8")).slice(-1500)}`;
  }
}

export class Controller {
  constructor(process, address, grpc) {
    this.process = process;
    this.address = address;
    this.grpc = grpc;
    this.url = `http://${address}`;
  }

  async json(method, path, body) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
  get(path) {
    return this.json("GET", `/api/v1${path}`);
  }
  async startTest(spec) {
    return (await this.json("POST", "/api/v1/tests", spec)).id;
  }
  waitForAgents(n) {
    return eventually(`${n} agents`, async () => {
      const { items } = await this.get("/agents");
      return items.filter((agent) => ["ready", "spare"].includes(agent.state)).length >= n;
    });
  }
  waitForState(id, states, ms = PATIENCE_MS) {
    const there = async () => {
      const test = await this.get(`/tests/${id}`);
      return states.split("|").includes(test.state) ? test : null;
    };
    return eventually(`${id} ${states}`, there, ms);
  }
}

class Front {
  #server;
  #sockets = new Set();
  open = true;

  constructor(pick) {
    this.pick = pick;
    this.#server = createServer((client) => {
      if (!this.open) return client.destroy();
      const upstream = connect({ host: "127.0.0.1", port: this.pick() });
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.on("close", () => {
          this.#sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    });
  }

  async listen() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  // Ends all connections, in the middle of whatever they carry, and takes no new ones until it is mended.
  cut() {
    this.open = false;
    for (const socket of this.#sockets) socket.resetAndDestroy?.() ?? socket.destroy();
  }
  mend() {
    this.open = true;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const openLoop = (url, rate, duration, more = {}) => ({
  name: "checkout",
  target: { url, ...more.target },
  load: { model: "open", stages: [{ duration, rate }] },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "target")),
});

// A made-up fleet of `n` agents that is rolled: a wave of agents that drain moves on with each turn.
export const fleet = (n, turn) =>
  Array.from({ length: n }, (_, i) => {
    const wave = Math.floor((turn * n) / 25) % n;
    const state = i >= wave && i < wave + n / 25 ? "draining" : i % 97 === 0 ? "lost" : "ready";
    return {
      name: `agent-${i}`,
      incarnation: String(i).padStart(32, "0"),
      state,
      share: state === "ready" ? (0.5 + ((i * 7 + turn) % 10) / 10) / n : 0,
      threads: 1,
      capacity_rps: null,
      send_lag_p99_ms: 0.1,
      clock_offset_ms: 0,
      clock_error_ms: 0.2,
    };
  });

// A page that notes what must not happen: console errors, requests to others.
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const problems = [];
  // While a front is cut the browser itself reports failed requests; that is what is being tested.
  const expected = /Failed to load resource|net::ERR_/;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) {
      problems.push(`console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin)) problems.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

// The rules of axe that the page breaks, in words. The page's own policy forbids the script to be added, so it comes by
// the debugging protocol.
export async function violations(page) {
  const source = await readFile(axeSource, "utf8");
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: source });
  await session.detach();
  return page.evaluate(async () => {
    const results = await window.axe.run(document, { resultTypes: ["violations"] });
    return results.violations.map(
      (v) => `${v.id}: ${v.help} (${v.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")})`,
    );
  });
}
