// The form, the spec that it stands for, and where in either an error of the API belongs.
//
// What the user typed goes to the API as it is: a rate that is no number is sent as text, an empty field is
// left out. So the API alone judges, and its words are shown at the field.

export interface StageFields {
  duration: string;
  rate: string; // at the beginning
  to: string; // at the end; empty: the rate is constant
}

export interface FormFields {
  name: string;
  url: string;
  method: string;
  stages: StageFields[];
  agents: string;
  timeout: string;
  headers: string; // lines "Name: value"
  body: string;
  versionHeader: string;
  thresholds: string; // lines "metric: expression"
}

export const emptyForm = (): FormFields => ({
  name: "",
  url: "",
  method: "GET",
  stages: [{ duration: "30s", rate: "", to: "" }],
  agents: "1",
  timeout: "",
  headers: "",
  body: "",
  versionHeader: "",
  thresholds: "",
});

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

// A number where the text is one, else the text.
function numberOr(text: string): Json {
  const trimmed = text.trim();
  return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : trimmed;
}

function put(object: JsonObject, key: string, text: string, value: Json = text.trim()): void {
  if (text.trim() !== "") object[key] = value;
}

// Lines "left: right"; a line without a colon is its own left side.
function pairs(text: string): [string, string][] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const colon = line.indexOf(":");
      if (colon < 0) return [line.trim(), ""];
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
}

export function specOf(form: FormFields): JsonObject {
  const spec: JsonObject = {};
  put(spec, "name", form.name);
  const target: JsonObject = {};
  put(target, "url", form.url);
  if (form.method !== "GET") put(target, "method", form.method);
  const headers = pairs(form.headers);
  if (headers.length > 0) target.headers = Object.fromEntries(headers);
  if (form.body !== "") target.body = form.body;
  put(target, "version_header", form.versionHeader);
  spec.target = target;
  spec.load = { model: "open", stages: form.stages.map(stageOf) };
  put(spec, "timeout", form.timeout);
  const thresholds: JsonObject = {};
  for (const [metric, expression] of pairs(form.thresholds)) {
    const known = thresholds[metric];
    thresholds[metric] = Array.isArray(known) ? [...known, expression] : [expression];
  }
  if (Object.keys(thresholds).length > 0) spec.thresholds = thresholds;
  if (form.agents.trim() !== "1") put(spec, "agents", form.agents, { min: numberOr(form.agents) });
  return spec;
}

function stageOf(stage: StageFields): JsonObject {
  const json: JsonObject = {};
  put(json, "duration", stage.duration);
  if (stage.to.trim() === "") {
    put(json, "rate", stage.rate, numberOr(stage.rate));
  } else {
    put(json, "from", stage.rate, numberOr(stage.rate));
    put(json, "to", stage.to, numberOr(stage.to));
  }
  return json;
}

// The field of the form that a JSON pointer is about: the nearest one above it. Nothing for what the form does
// not have. Fields are named as the form names its inputs.
export function fieldOf(pointer: string): string | null {
  const exact: [RegExp, string][] = [
    [/^\/name$/, "name"],
    [/^\/target\/url$/, "url"],
    [/^\/target\/method$/, "method"],
    [/^\/target\/headers(\/|$)/, "headers"],
    [/^\/target\/body$/, "body"],
    [/^\/target\/version_header$/, "versionHeader"],
    [/^\/target$/, "url"],
    [/^\/timeout$/, "timeout"],
    [/^\/thresholds(\/|$)/, "thresholds"],
    [/^\/agents(\/|$)/, "agents"],
    [/^\/load(\/stages)?$/, "stage-0-duration"],
  ];
  for (const [pattern, field] of exact) if (pattern.test(pointer)) return field;
  const stage = /^\/load\/stages\/(\d+)(?:\/(\w+))?/.exec(pointer);
  if (stage === null) return null;
  const part = { rate: "rate", from: "rate", to: "to" }[stage[2] ?? ""] ?? "duration";
  return `stage-${stage[1]}-${part}`;
}

// Where in a JSON text the value of a pointer stands; for a missing one, where its nearest parent does.
// Nothing when the text is no JSON.
export function positionOf(text: string, pointer: string): { offset: number; line: number } | null {
  const starts = new Map<string, number>();
  try {
    new Scanner(text, starts).scan();
  } catch {
    return null;
  }
  let path = pointer;
  while (!starts.has(path) && path !== "") path = path.slice(0, path.lastIndexOf("/"));
  const offset = starts.get(path) ?? 0;
  return { offset, line: text.slice(0, offset).split("\n").length };
}

// Notes where each value of a JSON text starts (members at their key), by pointer.
class Scanner {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly starts: Map<string, number>,
  ) {}

  scan(): void {
    this.skip();
    this.value("", this.at);
  }

  private value(pointer: string, start: number): void {
    this.starts.set(pointer, start);
    const c = this.text[this.at];
    if (c === "{") return this.members(pointer);
    if (c === "[") return this.items(pointer);
    if (c === '"') {
      this.string();
      return;
    }
    const rest = /^[^\s,\]}]+/.exec(this.text.slice(this.at));
    if (rest === null) throw new SyntaxError("a value is missing");
    this.at += rest[0].length;
  }

  private members(pointer: string): void {
    this.take("{");
    while (this.peek() !== "}") {
      const start = this.at;
      const key = this.string().replaceAll("~", "~0").replaceAll("/", "~1");
      this.take(":");
      this.skip();
      this.value(`${pointer}/${key}`, start);
      if (this.peek() === ",") this.take(",");
    }
    this.take("}");
  }

  private items(pointer: string): void {
    this.take("[");
    for (let i = 0; this.peek() !== "]"; ++i) {
      this.value(`${pointer}/${i}`, this.at);
      if (this.peek() === ",") this.take(",");
    }
    this.take("]");
  }

  private string(): string {
    const match = /^"(?:[^"\\]|\\.)*"/s.exec(this.text.slice(this.at));
    if (match === null) throw new SyntaxError("a string is missing");
    this.at += match[0].length;
    return JSON.parse(match[0]) as string;
  }

  private take(c: string): void {
    if (this.peek() !== c) throw new SyntaxError(`"${c}" is missing`);
    ++this.at;
    this.skip();
  }

  private peek(): string | undefined {
    this.skip();
    return this.text[this.at];
  }

  private skip(): void {
    while (/\s/.test(this.text[this.at] ?? "x")) ++this.at;
  }
}

const UNITS_S: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, "µs": 1e-6, ns: 1e-9 };

// "1m30s" in seconds; null for what is no duration.
export function seconds(text: string): number | null {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(h|ms|us|µs|ns|m|s)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) return null;
  return parts.reduce((all, part) => all + Number(part[1]) * (UNITS_S[part[2]!] ?? 0), 0);
}

// How long a load lasts, in seconds; null when the spec does not say.
export function durationOf(load: {
  stages?: { duration?: string; duration_ms?: number }[];
  duration?: string;
  duration_ms?: number;
}): number | null {
  let all = 0;
  for (const part of load.stages ?? [load]) {
    const s = part.duration_ms !== undefined ? part.duration_ms / 1000 : seconds(part.duration ?? "");
    if (s === null) return null;
    all += s;
  }
  return all;
}
