// A chart over the run's time: uPlot's canvas, with a legend of our own that says the values in words, so that those
// who do not see the lines (or cannot hover) have them too. Left and right arrows move the cursor.

import uPlot from "uplot";
import { element, setText } from "./elements";
import { clock, inUnit, Unit } from "./format";
import { newest, type Series } from "./document";

export interface Line { label: string; values: Series; color: number; dashed?: boolean; fill?: boolean; }
export interface ChartSpec { title: string; unit: Unit; hint?: string; emptyText?: string; }

const kHeight = 190;
/** Steps of the time axis, in seconds: what clocks have. */
const kTimeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const sync = uPlot.sync("time");
const all = new Set<Chart>();

function style(name: string): string { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

export class Chart {
  readonly root: HTMLElement;
  private plotPlace: HTMLElement;
  private legend: HTMLElement;
  private empty: HTMLElement;
  private plot: uPlot | null = null;
  private shape = "";
  private times: number[] = [];
  private lines: Line[] = [];
  private cursor: number | null = null;

  constructor(private spec: ChartSpec) {
    const title = element("h3", {}, spec.title);
    this.legend = element("dl", { class: "legend" });
    this.plotPlace = element("div", { class: "plot", tabindex: "0", role: "img", "aria-label": spec.title });
    this.empty = element("p", { class: "empty" }, spec.emptyText ?? "No samples yet");
    this.root = element("article", { class: "card chart" }, element("div", { class: "chart-head" }, title, spec.hint ? element("p", { class: "hint" }, spec.hint) : null), this.legend, this.plotPlace, this.empty);
    this.plotPlace.addEventListener("keydown", (event) => this.onKey(event));
    this.plotPlace.addEventListener("blur", () => this.plot?.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => this.resize()).observe(this.plotPlace);
    all.add(this);
  }

  show(times: number[], lines: Line[]): void {
    this.times = times;
    this.lines = lines.filter((line) => line.values.some((value) => value !== null));
    const some = times.length > 1 && this.lines.length > 0;
    this.root.classList.toggle("is-empty", !some);
    this.empty.hidden = some;
    this.plotPlace.hidden = this.legend.hidden = !some;
    if (!some) return;
    const shape = this.lines.map((line) => line.label).join("\n");
    if (!this.plot || shape !== this.shape) {
      this.shape = shape;
      this.rebuild();
    } else {
      this.plot.setData(this.data(), true);
    }
    this.describe();
  }

  rebuild(): void {
    this.plot?.destroy();
    this.plot = null;
    if (this.lines.length === 0 || this.times.length < 2) return;
    this.plot = new uPlot(this.options(), this.data(), this.plotPlace);
    this.legend.replaceChildren(...this.lines.map((line) => element("div", {},
      element("dt", {}, element("span", { class: line.dashed ? "swatch dashed" : "swatch", style: `--c:var(--line-${line.color})` }), line.label), element("dd"))));
  }

  private data(): uPlot.AlignedData { return [this.times, ...this.lines.map((line) => line.values)] as uPlot.AlignedData; }

  private options(): uPlot.Options {
    const axis = { stroke: style("--soft"), grid: { stroke: style("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width: Math.max(120, this.plotPlace.clientWidth), height: kHeight, legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false }, points: { size: 7 } },
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high === null || high <= 0 ? 1 : high * 1.08] } },
      axes: [
        { ...axis, values: (_, splits) => splits.map((s) => clock(s)), incrs: kTimeSteps, space: 56, size: 26 },
        { ...axis, values: (_, splits) => splits.map((s) => (s === 0 ? "0" : inUnit(s, this.spec.unit))), size: 62, space: 34 },
      ],
      series: [{}, ...this.lines.map((line) => ({
        label: line.label, stroke: style(`--line-${line.color}`), width: line.dashed ? 1.25 : 1.75, dash: line.dashed ? [5, 4] : undefined,
        fill: line.fill ? style(`--line-${line.color}`) + "22" : undefined, points: { show: false }, spanGaps: false,
      }))],
      hooks: { setCursor: [(plot) => { this.cursor = plot.cursor.idx ?? null; this.describe(); }] },
    };
  }

  private resize(): void {
    const width = this.plotPlace.clientWidth;
    if (this.plot && width > 0 && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: kHeight });
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.plot || !["ArrowLeft", "ArrowRight", "Home", "End", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape") { this.plot.setCursor({ left: -10, top: -10 }); return; }
    const last = this.times.length - 1, now = this.cursor ?? last;
    const step = Math.max(1, Math.round(last / 120)) * (event.shiftKey ? 10 : 1);
    const next = event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(last, Math.max(0, now + (event.key === "ArrowLeft" ? -step : step)));
    this.plot.setCursor({ left: this.plot.valToPos(this.times[next], "x"), top: kHeight / 2 });
  }

  /** The legend's values: those under the cursor, or the newest. */
  describe(): void {
    const at = this.cursor ?? this.times.length - 1;
    const words: string[] = [];
    this.lines.forEach((line, index) => {
      // The last row may be too short for a gauge's sample.
      const value = this.cursor === null ? newest(line.values) : line.values[at];
      const text = value === null || value === undefined ? "–" : inUnit(value, this.spec.unit);
      const place = this.legend.children[index]?.lastElementChild;
      if (place) setText(place, text);
      words.push(`${line.label} ${text}`);
    });
    this.plotPlace.setAttribute("aria-label", `${this.spec.title}, ${this.cursor === null ? "newest" : `at ${clock(this.times[at])}`}: ${words.join(", ")}`);
  }
}

/** After the theme has changed: a canvas does not follow style sheets. */
export function repaintCharts(): void { for (const chart of all) chart.rebuild(), chart.describe(); }
