// Calls of the REST API. An answer that is no success becomes a Problem, which says what the API said.

import type { Agent, BriefTest, Change, FieldError, Interval, Test } from "./types";

export class Problem extends Error {
  constructor(
    readonly status: number, // 0: there was no answer
    readonly detail: string,
    readonly errors: FieldError[] = [],
  ) {
    super(detail);
  }
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

// The controller's clock minus ours, in ms, within a second: from the Date of its last answer.
export let clockOffset = 0;
export const controllerNow = (): number => Date.now() + clockOffset;

async function call(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Problem(0, "the controller does not answer");
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header counts whole seconds, so it is half a second early on average.
  if (!Number.isNaN(date)) clockOffset = date + 500 - Date.now();
  if (response.ok) return response;
  let problem: { detail?: string; errors?: FieldError[] } = {};
  try {
    problem = await response.json();
  } catch {
    // Some proxy's own page: the status has to do.
  }
  const detail = problem.detail ?? `the controller answers ${response.status}`;
  throw new Problem(response.status, detail, problem.errors ?? []);
}

const json = async <T>(path: string, init?: RequestInit): Promise<T> =>
  (await call(path, init)).json() as Promise<T>;

const send = (method: string, body: string, headers: Record<string, string> = {}): RequestInit => ({
  method,
  body,
  headers: { "Content-Type": "application/json", ...headers },
});

const testPath = (id: string): string => `/api/v1/tests/${encodeURIComponent(id)}`;

export const api = {
  tests: (limit: number) => json<Page<BriefTest>>(`/api/v1/tests?limit=${limit}&omit=spec,agents`),
  test: (id: string) => json<Test>(testPath(id)),
  briefTest: (id: string) => json<BriefTest>(`${testPath(id)}?omit=spec,agents`),
  changes: (id: string) => json<Page<Change>>(`${testPath(id)}/changes`),
  start: (spec: string, key: string) =>
    json<Test>("/api/v1/tests", send("POST", spec, { "Idempotency-Key": key })),
  changeRate: (id: string, rate: string) =>
    json<Test & { effective_at: string | null }>(testPath(id), send("PATCH", `{"rate": ${rate}}`)),
  stop: (id: string) => json<Test>(`${testPath(id)}/stop`, { method: "POST" }),
  drain: (name: string) =>
    json<unknown>(`/api/v1/agents/${encodeURIComponent(name)}/drain`, { method: "POST" }),
  eventsPath: (id: string) => `${testPath(id)}/events`,
  testPath,

  // All agents, page by page.
  async agents(): Promise<Agent[]> {
    const agents: Agent[] = [];
    let cursor = "";
    for (;;) {
      const page = await json<Page<Agent>>(`/api/v1/agents${cursor}`);
      agents.push(...page.items);
      if (page.next === null) return agents;
      cursor = `?cursor=${encodeURIComponent(page.next)}`;
    }
  },

  // The seconds from `k` on, page by page.
  async intervals(id: string, k: number): Promise<Interval[]> {
    const intervals: Interval[] = [];
    let cursor: string | null = String(k);
    while (cursor !== null) {
      const page: Page<Interval> = await json(`${testPath(id)}/intervals?cursor=${cursor}`);
      intervals.push(...page.items);
      cursor = page.next;
    }
    return intervals;
  },
};
