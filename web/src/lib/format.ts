// Figures for people. Counts are grouped and whole ("60,000"), as they must be seen to balance.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const count = (n: number): string => grouped.format(n);

// "1 agent", "3 agents".
export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

// A rate: whole from 100 on, below it three significant digits at most.
export function rate(n: number): string {
  if (Math.abs(n) >= 100 || Number.isInteger(n)) return grouped.format(n);
  return String(Number(n.toPrecision(3)));
}

// A signed difference: "−412".
export const signed = (text: string, n: number): string => (n < 0 ? `−${text}` : `+${text}`);

// Milliseconds with three significant digits, without a unit: "0.84", "12.4", "1,240".
export function ms(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "0";
  if (value >= 100) return grouped.format(value);
  return value < 0.001 ? "<0.001" : value.toPrecision(3);
}

// Three significant digits, the last zeros too, so that a figure keeps its width: "14.0".
const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

// With a unit that keeps the digits few: "840 µs", "12.4 ms", "1.24 s".
export const time = (value: number | null): string => (value === null ? "–" : withUnit(value, digits));

// The same for the steps of an axis: "5 ms".
export const timeStep = (value: number): string => withUnit(value, (v) => String(Number(v.toPrecision(3))));

function withUnit(value: number, text: (value: number) => string): string {
  if (value >= 1000) return `${text(value / 1000)} s`;
  if (value === 0) return "0 ms";
  return value >= 1 ? `${text(value)} ms` : `${text(value * 1000)} µs`;
}

// Test time in seconds: "0:34", "1:02:03".
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const s = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${s}` : `${minutes}:${s}`;
}

// A share: "33.3 %", "0.01 %", "100 %".
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value >= 100) return `${Math.round(value)} %`;
  if (value > 99) return `${(Math.floor(value * 100) / 100).toFixed(2)} %`;
  return `${Number(value.toPrecision(value >= 1 ? 3 : 2))} %`;
}

// "14:03:22" of this browser's day.
export function timeOfDay(at: number | string): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

// "14:03:22" of today, the date of another day.
export function dayOrTime(at: string, now: number): string {
  return moment(at, now).split(" ")[0]!;
}

// "14:03:22", with the date when that is not today's.
export function moment(at: string, now: number): string {
  const date = new Date(at);
  const today = new Date(now);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  return date.toDateString() === today.toDateString() ? timeOfDay(at) : `${day} ${timeOfDay(at)}`;
}
