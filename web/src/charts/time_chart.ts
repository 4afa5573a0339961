// A chart over test time: thin lines, labels at their ends, marks of what happened, a cursor that all charts
// share. A thin layer over uPlot; owns the element it is given until destroy().

import uPlot from "uplot";
import { clock } from "../lib/format";

export interface LineStyle {
  name: string; // of the label at the line's end
  colour: string; // name of a CSS colour variable: "--accent"
  width?: number;
  dash?: number[];
  hidden?: boolean; // only the edge of a band
}

export interface Band {
  between: [number, number]; // numbers of two lines, from 0: the upper one, then the lower
  colour: string;
  alpha: number;
}

export interface Mark {
  k: number;
  text: string;
}

export interface ChartOptions {
  lines: LineStyle[];
  bands?: Band[];
  log?: boolean;
  format: (value: number) => string; // of labels
  step?: (value: number) => string; // of the axis, where that is another
  fillFirst?: boolean; // from the first line down to 0: the lowest of a stack
  named?: boolean; // marks with their texts, not only lines
}

export interface ChartData {
  ks: number[];
  values: (number | null)[][]; // by line
  said?: (number | null)[][]; // what labels say, where that is not the line's own value: layers of a stack
  from: number; // the seconds that the axis spans
  to: number;
  marks: Mark[];
}

const LABEL_HEIGHT = 15;
const LABEL_WIDTH = 100;
const MARK_WIDTH = 132;
const CHARACTER_WIDTH = 6.6;

const axisWidth = (values: (string | null)[] | null): number =>
  Math.max(...(values ?? []).map((value) => value?.length ?? 0), 4) * (CHARACTER_WIDTH + 0.2) + 12;

// 1-2-5 steps on a log axis.
function logSteps(min: number, max: number): number[] {
  const steps: number[] = [];
  for (let e = Math.floor(Math.log10(min)); e <= Math.ceil(Math.log10(max)); ++e) {
    for (const m of [1, 2, 5]) {
      const step = Number(`${m}e${e}`);
      if (step >= min * 0.999 && step <= max * 1.001) steps.push(step);
    }
  }
  return steps;
}

// The least 1-2-5 step at or above a value, or the greatest at or below it.
function stepOutside(value: number, up: boolean): number {
  const steps = logSteps(value / 10, value * 10);
  const found = up ? steps.find((s) => s >= value * 0.999) : steps.findLast((s) => s <= value * 1.001);
  return found ?? value;
}

export class TimeChart {
  private readonly plot: uPlot;
  private readonly labels: HTMLElement[];
  private readonly overlay: HTMLElement;
  private readonly markTexts: HTMLElement;
  private readonly cursorTime: HTMLElement;
  private readonly resize: ResizeObserver;
  private data: ChartData = { ks: [], values: [], from: 0, to: 1, marks: [] };

  constructor(
    private readonly root: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    const { lines } = options;
    const colour = (name: string) => () => this.colour(name);
    const font = getComputedStyle(root).fontFamily;
    const axis: uPlot.Axis = {
      stroke: colour("--muted"),
      font: `12px ${font}`,
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { show: false },
    };
    this.plot = new uPlot(
      {
        width: this.width(),
        height: this.height(),
        padding: [options.named ? 22 : 12, this.labelWidth(), 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: false, y: false },
          sync: { key: "test-time", setSeries: false },
          points: { size: 5, width: 0, fill: (_, i) => this.colour(lines[i - 1]?.colour ?? "--ink") },
        },
        scales: {
          x: { time: false, range: () => [this.data.from, this.data.to] },
          y: {
            distr: options.log ? 3 : 1,
            range: (_, min, max) => this.yRange(min, max),
          },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            space: 72,
            incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400],
            values: (_, splits) => splits.map((k) => clock(k)),
            size: 26,
            gap: 6,
          },
          {
            ...axis,
            size: (_, values) => axisWidth(values),
            gap: 8,
            space: options.log ? 18 : 36,
            values: (_, splits) => splits.map((v) => (v === null ? "" : (options.step ?? options.format)(v))),
            ...(options.log
              ? {
                  splits: (u: uPlot) => logSteps(u.scales.y!.min ?? 1, u.scales.y!.max ?? 10),
                  filter: (u: uPlot, splits: number[]) => this.filterLog(u, splits),
                }
              : {}),
          },
        ],
        series: [
          {},
          ...lines.map(
            (line, i): uPlot.Series => ({
              stroke: line.hidden ? "transparent" : colour(line.colour),
              width: line.hidden ? 0 : (line.width ?? 1.5),
              points: { show: (u) => !line.hidden && (u.data[0]?.length ?? 0) < 3, size: 4 },
              ...(line.dash ? { dash: line.dash } : {}),
              ...(options.fillFirst && i === 0 ? { fill: () => this.shade(line.colour, 0.75) } : {}),
            }),
          ),
        ],
        bands: (options.bands ?? []).map((band) => ({
          series: [band.between[0] + 1, band.between[1] + 1] as [number, number],
          fill: () => this.shade(band.colour, band.alpha),
        })),
        hooks: {
          drawAxes: [() => this.drawMarks()],
          draw: [() => this.place()],
          setCursor: [() => this.place()],
        },
      },
      [[], ...lines.map(() => [])] as uPlot.AlignedData,
      root,
    );
    this.overlay = this.add(root, "chart-labels");
    this.markTexts = this.add(this.overlay, "chart-marks");
    this.cursorTime = this.add(this.overlay, "chart-time");
    this.labels = lines.map((line) => {
      const label = this.add(this.overlay, "chart-label");
      label.style.setProperty("--line", `var(${line.colour})`);
      return label;
    });
    this.resize = new ResizeObserver(() => {
      this.plot.setSize({ width: this.width(), height: this.height() });
    });
    this.resize.observe(root);
  }

  set(data: ChartData): void {
    this.data = data;
    this.plot.setData([data.ks, ...data.values] as uPlot.AlignedData);
  }

  // Colours have changed.
  redraw(): void {
    this.plot.redraw(false);
  }

  destroy(): void {
    this.resize.disconnect();
    this.plot.destroy();
    this.overlay.remove();
  }

  private add(parent: HTMLElement, name: string): HTMLElement {
    const element = document.createElement("span");
    element.className = name;
    parent.append(element);
    return element;
  }

  private width = (): number => Math.max(200, this.root.clientWidth);
  private height = (): number => Math.max(80, this.root.clientHeight);
  private labelWidth = (): number => (this.width() < 480 ? 96 : 116);

  private colour(name: string): string {
    return getComputedStyle(this.root).getPropertyValue(name).trim();
  }
  private shade(name: string, alpha: number): string {
    return `color-mix(in srgb, ${this.colour(name)} ${alpha * 100}%, transparent)`;
  }

  private yRange(min: number | null, max: number | null): [number, number] {
    if (!this.options.log) return [0, Math.max(1, (max ?? 1) * 1.12)];
    if (min === null || max === null || min <= 0) return [1, 100];
    const low = stepOutside(min / 1.1, false);
    return [low, Math.max(stepOutside(max * 1.1, true), low * 10)];
  }

  // Texts only where there is room: all steps, or the powers of ten.
  private filterLog(u: uPlot, splits: number[]): (number | null)[] {
    const decades = Math.log10((u.scales.y!.max ?? 10) / (u.scales.y!.min ?? 1));
    const roomy = u.bbox.height / devicePixelRatio / Math.max(1, decades * 3) >= 18;
    return splits.map((v) => (roomy || Number.isInteger(Math.log10(v)) ? v : null));
  }

  private drawMarks(): void {
    const { ctx, bbox } = this.plot;
    ctx.save();
    ctx.strokeStyle = this.colour("--muted");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const mark of this.data.marks) {
      if (mark.k < this.data.from || mark.k > this.data.to) continue;
      const x = Math.round(this.plot.valToPos(mark.k, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  // Puts the labels at the lines' ends, or at the cursor's values; texts of marks above them.
  private place(): void {
    if (this.labels === undefined) return; // the first draw, from uPlot's constructor
    const { plot, data } = this;
    const left = plot.bbox.left / devicePixelRatio;
    const top = plot.bbox.top / devicePixelRatio;
    const right = left + plot.bbox.width / devicePixelRatio;
    const bottom = top + plot.bbox.height / devicePixelRatio;
    const cursor = plot.cursor.idx ?? null;
    const hovered = cursor !== null && (plot.cursor.left ?? -1) >= 0 ? cursor : null;
    const shown: { label: HTMLElement; x: number; y: number }[] = [];
    this.labels.forEach((label, line) => {
      const values = data.values[line] ?? [];
      const index = hovered ?? values.findLastIndex((value) => value !== null);
      const height = values[index] ?? null;
      const value = data.said ? (data.said[line]?.[index] ?? null) : height;
      label.hidden = height === null || value === null || this.options.lines[line]!.hidden === true;
      if (label.hidden || height === null || value === null) return;
      label.textContent = `${this.options.lines[line]!.name} ${this.options.format(value)}`;
      const x = left + plot.valToPos(data.ks[index] ?? 0, "x");
      shown.push({ label, x: Math.min(x, right), y: top + plot.valToPos(height, "y") });
    });
    for (const group of groupsOf(shown)) spread(group, top, bottom);
    for (const { label, x, y } of shown) {
      label.style.transform = `translate(${x + 6}px, ${y - LABEL_HEIGHT / 2}px)`;
    }
    this.placeMarks(left, right);
    this.cursorTime.hidden = hovered === null;
    if (hovered !== null) {
      const x = left + plot.valToPos(data.ks[hovered] ?? 0, "x");
      this.cursorTime.textContent = clock(data.ks[hovered] ?? 0);
      this.cursorTime.style.transform = `translate(calc(${x}px - 50%), ${bottom + 4}px)`;
    }
  }

  private placeMarks(left: number, right: number): void {
    const texts: HTMLElement[] = [];
    let free = left;
    for (const mark of this.options.named ? this.data.marks : []) {
      const x = left + this.plot.valToPos(mark.k, "x");
      if (mark.k < this.data.from || x < free || x > right - 24) continue;
      free = x + Math.min(MARK_WIDTH, mark.text.length * CHARACTER_WIDTH + 8);
      const text = document.createElement("span");
      text.textContent = mark.text;
      text.style.transform = `translateX(${x}px)`;
      texts.push(text);
    }
    this.markTexts.replaceChildren(...texts);
  }
}

// Labels that end at about the same place, and so could cover each other.
function groupsOf<T extends { x: number }>(labels: T[]): T[][] {
  const groups: T[][] = [];
  for (const label of labels.toSorted((a, b) => a.x - b.x)) {
    const last = groups.at(-1);
    if (last !== undefined && label.x - last[0]!.x < LABEL_WIDTH) last.push(label);
    else groups.push([label]);
  }
  return groups;
}

// Moves labels apart so that none covers another, and none leaves the chart.
export function spread(labels: { y: number }[], top: number, bottom: number): void {
  labels.sort((a, b) => a.y - b.y);
  let least = top;
  for (const label of labels) {
    label.y = Math.max(label.y, least);
    least = label.y + LABEL_HEIGHT;
  }
  let most = bottom;
  for (const label of labels.toReversed()) {
    label.y = Math.min(label.y, most);
    most = label.y - LABEL_HEIGHT;
  }
}
