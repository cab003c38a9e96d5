// Which charts the page has, and what each draws.

import { Chart, ChartSpec, Line } from "./chart";
import { byId } from "./elements";
import { Run, Series } from "./document";
import { outcomeText } from "./sections";
import { Unit } from "./format";

interface Plan { place: string; spec: ChartSpec; lines: (run: Run) => Line[]; wanted?: (run: Run) => boolean; }

function percentiles(prefix: string) {
  return (run: Run): Line[] => [
    { label: "p50", values: run.column(`${prefix}_p50`), color: 2 },
    { label: "p95", values: run.column(`${prefix}_p95`), color: 4 },
    { label: "p99", values: run.column(`${prefix}_p99`), color: 5 },
  ];
}

const has = (name: string) => (run: Run) => run.hasValues(name);

const kLoad: Plan[] = [
  { place: "load-charts", spec: { title: "Throughput", unit: "per_second", hint: "finished in each second" }, lines: (run) => [
    ...(run.hasValues("requests") ? [{ label: "Requests", values: run.rate("requests"), color: 1, fill: true }] : []),
    ...(run.hasValues("calls") ? [{ label: "Events (gRPC)", values: run.rate("calls"), color: 2, fill: true }] : []),
    { label: "Iterations", values: run.rate("iterations"), color: 8, dashed: true },
    ...(run.hasValues("dropped") ? [{ label: "Dropped", values: run.rate("dropped"), color: 5 }] : []),
  ] },
  { place: "load-charts", spec: { title: "Response time", unit: "ms", hint: "HTTP, service time" }, lines: percentiles("http"), wanted: (run) => run.hasValues("http_p50") || !run.hasValues("grpc_p50") },
  { place: "load-charts", spec: { title: "Event time", unit: "ms", hint: "gRPC, service time" }, lines: percentiles("grpc"), wanted: has("grpc_p50") },
  { place: "load-charts", spec: { title: "From the intended start", unit: "ms", hint: "iterations, waiting for the generator included" }, wanted: has("intended_p50"), lines: (run) => [
    ...percentiles("intended")(run), { label: "p95 without waiting", values: run.column("iteration_p95"), color: 8, dashed: true }] },
  { place: "load-charts", spec: { title: "Errors", unit: "per_second", hint: "by kind", emptyText: "No errors" }, lines: (run) =>
    run.failureKinds(6).map((kind, index) => ({ label: outcomeText(kind), values: run.failureRate(kind), color: [5, 4, 6, 1, 3, 8][index] })) },
  { place: "load-charts", spec: { title: "Virtual users", unit: "count" }, lines: (run) => [
    { label: "Active", values: run.column("vus"), color: 3, fill: true }, { label: "Ready", values: run.column("vus_max"), color: 8, dashed: true }] },
  { place: "load-charts", spec: { title: "Data", unit: "bytes_per_second" }, wanted: (run) => run.hasValues("received") || run.hasValues("sent"), lines: (run) => [
    { label: "Received", values: run.rate("received"), color: 1 }, { label: "Sent", values: run.rate("sent"), color: 6 }] },
  { place: "generator-charts", spec: { title: "Generator CPU", unit: "cores" }, lines: (run) => [{ label: "Cores busy", values: run.column("generator_cores"), color: 7, fill: true }] },
  { place: "generator-charts", spec: { title: "Start delay", unit: "ms", hint: "from when an iteration was due" }, wanted: has("slip_p99"), lines: (run) => [{ label: "p99", values: run.column("slip_p99"), color: 5 }] },
];

/** The system's figures by the first part of their names (src/engine/sinks/page/system_view.hpp); a line each. */
const kSystem: { prefix: string; title: string; unit: Unit; hint?: string }[] = [
  { prefix: "cpu/", title: "CPU by process", unit: "cores", hint: "cores busy" },
  { prefix: "memory/", title: "Memory by process", unit: "bytes", hint: "resident" },
  { prefix: "connections/", title: "Database connections", unit: "count", hint: "by state" },
  { prefix: "transactions/", title: "Database transactions", unit: "per_second" },
  { prefix: "hits/", title: "Cache hits and HOT updates", unit: "share" },
  { prefix: "wal/", title: "Write-ahead log", unit: "bytes_per_second" },
  { prefix: "locks/", title: "Locks", unit: "count" },
  { prefix: "flush_size/", title: "Flush size", unit: "plain", hint: "event handler, events a batch" },
  { prefix: "flush_time/", title: "Flush time", unit: "ms", hint: "event handler, from sending a batch to its commit" },
  { prefix: "buffer/", title: "Events waiting for their commit", unit: "count" },
];
const kSystemColors = [1, 2, 4, 6, 5, 3, 7, 8];

export class Charts {
  private charts = new Map<string, Chart>();

  show(run: Run): void {
    for (const plan of kLoad) {
      if (plan.wanted && !plan.wanted(run)) continue;
      this.chart(plan.spec, plan.place, kLoad.map((p) => p.spec.title)).show(run.times, plan.lines(run));
    }
    byId("system").hidden = run.systemTimes.length === 0 && !run.detail.problems?.length;
    for (const { prefix, title, unit, hint } of kSystem) {
      const names = run.systemNames(prefix);
      if (names.length === 0) continue;
      this.chart({ title, unit, hint }, "system-charts", kSystem.map((s) => s.title)).show(run.systemTimes, names.map((name, index) => ({
        label: name.slice(prefix.length), values: run.system(name) as Series, color: kSystemColors[index % kSystemColors.length] })));
    }
  }

  /** Made when first wanted, and put where its place among the others is. */
  private chart(spec: ChartSpec, place: string, order: string[]): Chart {
    let chart = this.charts.get(spec.title);
    if (!chart) {
      chart = new Chart(spec);
      const before = order.slice(order.indexOf(spec.title) + 1).map((title) => this.charts.get(title)?.root).find((root) => root?.parentElement?.id === place);
      byId(place).insertBefore(chart.root, before ?? null);
      this.charts.set(spec.title, chart);
    }
    return chart;
  }
}
