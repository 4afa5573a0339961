// What a button does, as lines for a shell: the page teaches the API.

export interface Line {
  label: "curl" | "broadside";
  text: string;
}

export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const json = (body: string): string => `-H 'Content-Type: application/json' -d ${quote(body)}`;

const lines = (curl: string, broadside: string, origin: string): Line[] => [
  { label: "curl", text: curl },
  { label: "broadside", text: `${broadside} --controller ${quote(origin)}` },
];

const test = (origin: string, id: string): string => `${origin}/api/v1/tests/${id}`;

export const startLines = (origin: string, spec: string): Line[] => [
  { label: "curl", text: `curl ${origin}/api/v1/tests ${json(spec)}` },
  {
    label: "broadside",
    text: `echo ${quote(spec)} | broadside test start -f - --controller ${quote(origin)}`,
  },
];

export const rateLines = (origin: string, id: string, rate: string): Line[] =>
  lines(
    `curl -X PATCH ${test(origin, id)} ${json(`{"rate": ${rate}}`)}`,
    `broadside test rate ${id} ${rate}`,
    origin,
  );

export const stopLines = (origin: string, id: string): Line[] =>
  lines(`curl -X POST ${test(origin, id)}/stop`, `broadside test stop ${id}`, origin);

export const resultLines = (origin: string, id: string): Line[] =>
  lines(`curl ${test(origin, id)}`, `broadside report ${id} -o json`, origin);

export const compareLines = (origin: string, a: string, b: string): Line[] => [
  { label: "curl", text: `curl ${test(origin, a)} ${test(origin, b)}` },
];

export const drainLines = (origin: string, name: string): Line[] =>
  lines(
    `curl -X POST ${origin}/api/v1/agents/${encodeURIComponent(name)}/drain`,
    `broadside agents drain ${quote(name)}`,
    origin,
  );
