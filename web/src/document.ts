// What the server tells of a run (src/engine/sinks/page/history.hpp): the document with everything so far, then an
// update a second. Rows are kept by column, as charts take them.

export interface Scenario {
  name: string; status: string; fraction: number; starts_in_s: number; elapsed_s: number; duration_s: number;
  vus: number; vus_active: number; vus_most: number; rate: number; max_rate: number; done_rate: number; iterations_done: number; iterations_total: number;
}
export interface Metric {
  name: string; type: "counter" | "gauge" | "rate" | "trend"; contains: "default" | "time" | "data"; submetric?: boolean;
  values: Record<string, number | null>;
}
export interface Threshold {
  metric: string; source: string; aggregation: string; limit: number; value: number | null; ok: boolean; aborts: boolean;
}
export interface Endpoint {
  method: string; name: string; count: number; failed: number; per_second: number;
  p50: number; p95: number; p99: number; max: number; outcomes: [string, number][];
}
export interface OpenModel {
  service_p50: number; service_p95: number; service_p99: number; service_max: number;
  intended_p50: number; intended_p95: number; intended_p99: number; intended_max: number; iterations: number; dropped: number;
}
export interface Generator {
  cpu_cores: number; resident_bytes: number; cpu_share: number | null; scheduled: number; late: number;
  slip_p99_ms: number; slip_max_ms: number; dropped: number; samples_dropped: number; verdict: string;
}
/** One of several that run the test together. */
export interface Agent {
  name: string; host: string; share: number; iterations: number; cpu_share: number; slip_p99_ms: number; loop_lag_p99_ms: number;
  round_trip_ms: number; late_s: number; lost: string; lost_at_s: number;
}
export interface State {
  phase: "init" | "setup" | "running" | "teardown"; elapsed_s: number; planned_s: number; duration_s: number;
  vus_active: number; vus_initialized: number; max_vus: number; iterations: number; interrupted: number;
  scenarios: Scenario[]; metrics: Metric[]; thresholds: Threshold[]; endpoints: Endpoint[]; failures: [string, number][];
  checks: { name: string; passes: number; fails: number }[]; open_model?: OpenModel; generator: Generator;
  agents?: Agent[];
}
export interface RunFacts {
  script: string; version: string; started_unix_ms: number; max_duration_s: number; max_vus: number; threads: number; cores: number;
  host: string; kernel: string; architecture: string; memory_bytes: number; scenarios: [string, string][];
  /** Its place in a longer test that is made of several runs. */
  part?: { index: number; count: number; text: string };
}
export interface DetailTable { title: string; columns: { name: string; unit?: string }[]; rows: (string | number | null)[][]; }
export interface Detail { tables?: DetailTable[]; problems?: string[]; }
export interface Ending { exit_code: number; reason: string; }

type Cell = number | null;
type WireRow = (Cell | Record<string, number>)[];
interface WireSystem { names: string[]; rows: Cell[][]; }
export interface WireUpdate { rows: WireRow[]; system: WireSystem; detail: Detail; state: State | null; }
export interface WireDocument extends WireUpdate { run: RunFacts; columns: string[]; end: Ending | null; }

const kShortestRow = 0.4;  // seconds

/** A column of numbers with gaps, by row. */
export type Series = (number | null)[];

export class Run {
  facts: RunFacts;
  state: State | null = null;
  detail: Detail = {};
  end: Ending | null;
  /** Seconds since the start at which each row ends. */
  times: number[] = [];
  lengths: number[] = [];
  systemTimes: number[] = [];
  private columns = new Map<string, Series>();
  private failureRows: Record<string, number>[] = [];
  private failureTotals = new Map<string, number>();
  private systemColumns = new Map<string, Series>();
  private names: string[];

  constructor(document: WireDocument) {
    this.facts = document.run;
    this.end = document.end;
    this.names = document.columns;
    for (const name of this.names) this.columns.set(name, []);
    this.add(document);
  }

  add(update: WireUpdate): void {
    const newest = this.times.length === 0 ? -1 : this.times[this.times.length - 1];
    for (const row of update.rows) {
      const at = row[0] as number, length = row[1] as number;
      // An update may repeat what the document held already.
      // ... and the last row of a run is what was left of a second: too short to say anything per second.
      if (at + length <= newest + 0.001 || (length < kShortestRow && newest > 0)) continue;
      this.times.push(at + length);
      this.lengths.push(length);
      this.names.forEach((name, index) => {
        const cell = row[index];
        if (name === "failures") this.addFailures(cell as Record<string, number>);
        else this.columns.get(name)!.push(cell as Cell);
      });
    }
    this.addSystem(update.system);
    if (update.state) this.state = update.state;
    this.detail = update.detail;
  }

  /** What it was made of, for a report. */
  toDocument(): WireDocument {
    const rows = this.times.map((time, index) => this.names.map((name): Cell | Record<string, number> =>
      name === "at" ? time - this.lengths[index] : name === "failures" ? this.failureRows[index] : this.columns.get(name)![index]));
    const names = [...this.systemColumns.keys()];
    const systemRows = this.systemTimes.map((time, index) => [time, ...names.map((name) => this.systemColumns.get(name)![index] ?? null)]);
    return { run: this.facts, columns: this.names, rows, system: { names, rows: systemRows }, detail: this.detail, state: this.state, end: this.end };
  }

  get rows(): number { return this.times.length; }

  column(name: string): Series { return this.columns.get(name) ?? []; }
  hasValues(name: string): boolean { return this.column(name).some((value) => value !== null); }
  /** A count column per second; 0 where nothing was counted once anything was. */
  rate(name: string): Series {
    const column = this.column(name);
    return column.map((value, index) => (value ?? 0) / this.lengths[index]);
  }
  /** The kinds of error that were most frequent, most frequent first. */
  failureKinds(most: number): string[] {
    return [...this.failureTotals.entries()].sort((a, b) => b[1] - a[1]).slice(0, most).map(([kind]) => kind);
  }
  failureRate(kind: string): Series {
    return this.failureRows.map((row, index) => (row[kind] ?? 0) / this.lengths[index]);
  }
  systemNames(prefix: string): string[] { return [...this.systemColumns.keys()].filter((name) => name.startsWith(prefix)); }
  system(name: string): Series { return this.systemColumns.get(name) ?? []; }

  private addFailures(failures: Record<string, number>): void {
    this.failureRows.push(failures);
    for (const [kind, count] of Object.entries(failures)) this.failureTotals.set(kind, (this.failureTotals.get(kind) ?? 0) + count);
  }

  private addSystem(system: WireSystem): void {
    const newest = this.systemTimes.length === 0 ? -1 : this.systemTimes[this.systemTimes.length - 1];
    for (const row of system.rows) {
      if ((row[0] as number) <= newest) continue;
      this.systemTimes.push(row[0] as number);
      system.names.forEach((name, index) => {
        let column = this.systemColumns.get(name);
        if (!column) this.systemColumns.set(name, (column = new Array(this.systemTimes.length - 1).fill(null)));
        column.push(row[index + 1] ?? null);
      });
      for (const column of this.systemColumns.values()) if (column.length < this.systemTimes.length) column.push(null);
    }
  }
}

export function metric(state: State, name: string): Metric | undefined { return state.metrics.find((m) => m.name === name); }
export function figure(state: State, name: string, value: string): number { return metric(state, name)?.values[value] ?? 0; }
/** The last value, or one of the two before it. */
export function newest(values: Series): number | null {
  for (let i = values.length - 1; i >= Math.max(0, values.length - 3); --i) if (values[i] !== null) return values[i];
  return null;
}
