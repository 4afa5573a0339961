// The plan of an open-loop test by second, ahead of what was begun: from its stages and the live changes of its
// rate. Only for drawing: what counts is the `planned` of each interval, which comes from the controller.

import { durationOf, seconds } from "./spec";
import type { Change, Spec, Stage } from "./types";

export interface Step {
  start: number; // seconds of test time
  length: number;
  from: number; // rate at its start, and at its end
  to: number;
}

function stepOf(stage: Stage, start: number): Step | null {
  const length = stage.duration_ms !== undefined ? stage.duration_ms / 1000 : seconds(stage.duration ?? "");
  const from = stage.rate ?? stage.from;
  const to = stage.rate ?? stage.to;
  if (length === null || from === undefined || to === undefined) return null;
  return { start, length, from, to };
}

// "2000 rps from second 12", as the controller says it.
export function rateChangeOf(change: Change): { rate: number; fromK: number } | null {
  if (change.kind !== "rate") return null;
  const match = /^([\d.e+]+) rps from second (\d+)$/.exec(change.detail);
  if (match === null) return null;
  return { rate: Number(match[1]), fromK: Number(match[2]) };
}

// Nothing for a closed loop, which has no plan.
export function planOf(spec: Spec, changes: Change[]): Step[] {
  let steps: Step[] = [];
  let end = 0;
  for (const stage of spec.load.stages ?? []) {
    const step = stepOf(stage, end);
    if (step === null) return [];
    steps.push(step);
    end += step.length;
  }
  for (const change of changes) {
    const next = rateChangeOf(change);
    if (next === null || next.fromK >= end) continue;
    steps = [
      ...steps.filter((step) => step.start < next.fromK).map((step) => cutAt(step, next.fromK)),
      { start: next.fromK, length: end - next.fromK, from: next.rate, to: next.rate },
    ];
  }
  return steps;
}

function cutAt(step: Step, at: number): Step {
  const length = Math.min(step.length, at - step.start);
  const to = step.length === 0 ? step.to : step.from + ((step.to - step.from) * length) / step.length;
  return { ...step, length, to };
}

// Slots that second `k` plans; null outside of the test.
export function plannedIn(steps: Step[], k: number): number | null {
  let slots: number | null = null;
  for (const step of steps) {
    const begin = Math.max(k, step.start);
    const end = Math.min(k + 1, step.start + step.length);
    if (end <= begin) continue;
    const middle = (begin + end) / 2 - step.start;
    const rate = step.from + ((step.to - step.from) * middle) / step.length;
    slots = (slots ?? 0) + rate * (end - begin);
  }
  return slots;
}

// The first second that plans nothing any more: what ends in it are answers to requests of before, and no rate.
export const endOf = (spec: Spec): number => Math.ceil(lengthOf(spec) ?? Number.POSITIVE_INFINITY);

export const lengthOf = (spec: Spec): number | null => durationOf(spec.load);
