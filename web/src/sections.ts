// The page's sections below the charts: each shows a part of the state in tables and sentences.

import { bodyOf, byId, element, setText, Table, TableCell } from "./elements";
import { bytes, clock, count, inUnit, number, percent, time, Unit } from "./format";
import { Agent, Detail, Generator, Metric, Run, State } from "./document";

/** k6's error codes (https://grafana.com/docs/k6/latest/javascript-api/error-codes/) in words. */
const kErrorWords: Record<string, string> = {
  "1000": "other error", "1010": "network error", "1020": "bad URL", "1050": "timed out", "1100": "DNS error", "1101": "no such host",
  "1110": "address not allowed", "1111": "host not allowed", "1200": "TCP error", "1201": "broken pipe", "1202": "TCP error", "1210": "could not connect",
  "1211": "connect timed out", "1212": "connection refused", "1220": "connection reset", "1300": "TLS error", "1310": "unknown certificate authority",
  "1311": "wrong certificate host", "1600": "HTTP/2 error", "1701": "bad response body",
};

/** "HTTP 500", gRPC's names as they are, "error 1212" with what it means. */
export function outcomeText(outcome: string): string {
  if (/^[1-9]\d\d$/.test(outcome)) return `HTTP ${outcome}`;
  const code = /^error (\d+)$/.exec(outcome)?.[1];
  return code && kErrorWords[code] ? `${kErrorWords[code]} (${code})` : outcome;
}

function inMetricUnit(metric: Metric | undefined, value: number): string {
  if (metric?.contains === "time") return time(value);
  if (metric?.contains === "data") return bytes(value);
  return metric?.type === "rate" ? percent(value) : number(value);
}

class Thresholds {
  private table = new Table("Thresholds", [{ name: "State" }, { name: "Metric" }, { name: "Criterion" }, { name: "Now", numeric: true }],
    "The script sets no thresholds: nothing decides whether this run passes.");
  constructor() { bodyOf("thresholds").append(this.table.root); }

  show(state: State): void {
    this.table.show(state.thresholds.map((threshold): TableCell[] => {
      const [metricName] = threshold.metric.split("{");
      const metric = state.metrics.find((m) => m.name === metricName);
      const [word, className] = threshold.value === null ? ["no samples", "state-none"] : threshold.ok ? ["✓ holds", "state-good"] : ["✗ crossed", "state-bad"];
      const shown = threshold.value === null ? "–" : threshold.aggregation === "count" || (metric?.type === "counter" && threshold.aggregation === "rate")
        ? number(threshold.value) : inMetricUnit(metric, threshold.value);
      return [{ text: word, className }, { text: threshold.metric, className: "code" },
        { text: threshold.source + (threshold.aborts ? " (aborts)" : ""), className: "code" }, { text: shown, value: threshold.value }];
    }));
  }
}

class Failures {
  private table = new Table("Errors by kind", [{ name: "Kind" }, { name: "Count", numeric: true }, { name: "Of all requests", numeric: true }], "No errors.");
  constructor() { bodyOf("failures").append(this.table.root); }

  show(state: State): void {
    const all = state.endpoints.reduce((sum, endpoint) => sum + endpoint.count, 0);
    this.table.show(state.failures.map(([kind, failed]) => [
      { text: outcomeText(kind) }, { text: count(failed), value: failed }, { text: percent(failed / all) }]));
  }
}

class Endpoints {
  private table = new Table("Endpoints", [{ name: "Endpoint" }, { name: "Requests", numeric: true }, { name: "Rate", numeric: true }, { name: "Failed", numeric: true },
    { name: "p50", numeric: true }, { name: "p95", numeric: true }, { name: "p99", numeric: true }, { name: "max", numeric: true }, { name: "Outcomes" }], "No requests yet.");
  constructor() { bodyOf("endpoints").append(this.table.root); }

  show(state: State): void {
    this.table.show(state.endpoints.map((e): TableCell[] => [
      { text: "", node: element("span", {}, element("span", { class: "method" }, e.method), " ", element("span", { class: "code" }, e.name)) },
      { text: count(e.count), value: e.count }, { text: `${number(e.per_second)}/s` },
      { text: e.failed === 0 ? "0" : `${count(e.failed)} (${percent(e.failed / e.count)})`, value: e.failed, className: e.failed === 0 ? "" : "state-bad" },
      { text: time(e.p50), value: e.p50 }, { text: time(e.p95), value: e.p95 }, { text: time(e.p99), value: e.p99 }, { text: time(e.max), value: e.max },
      { text: e.outcomes.map(([kind, n]) => `${outcomeText(kind).replace("HTTP ", "")} × ${count(n)}`).join(", "), className: "soft" },
    ]));
  }
}

class Scenarios {
  private table = new Table("Scenarios", [{ name: "Scenario" }, { name: "State" }, { name: "Progress", numeric: true }, { name: "VUs", numeric: true }, { name: "Most VUs", numeric: true }, { name: "Iterations", numeric: true }, { name: "Rate", numeric: true }, { name: "Rate asked", numeric: true }], "Not planned yet.");
  constructor() { bodyOf("scenarios").append(this.table.root); }

  show(state: State): void {
    this.table.show(state.scenarios.map((s) => [
      { text: s.name, className: "code" },
      { text: s.status === "waiting" && s.starts_in_s > 0 ? `starts in ${clock(s.starts_in_s)}` : s.status, className: s.status === "interrupted" ? "state-bad" : s.status === "done" ? "state-good" : "" },
      { text: `${Math.floor(s.fraction * 100)} %` }, { text: `${count(s.vus_active)} of ${count(s.vus)}` },
      { text: count(s.vus_most) }, { text: count(s.iterations_done) }, { text: `${number(s.done_rate)}/s` },
      { text: s.max_rate > 0 ? `${number(s.rate)}/s` : "–" }]));
  }
}

class Checks {
  private table = new Table("Checks", [{ name: "Check" }, { name: "Passed", numeric: true }, { name: "Failed", numeric: true }, { name: "Share", numeric: true }], "The script checks nothing.");
  constructor() { bodyOf("checks").append(this.table.root); }

  show(state: State): void {
    this.table.show(state.checks.map((check) => [
      { text: check.name }, { text: count(check.passes), value: check.passes },
      { text: count(check.fails), value: check.fails, className: check.fails > 0 ? "state-bad" : "" }, { text: percent(check.passes / (check.passes + check.fails)) }]));
  }
}

class Metrics {
  private trends = new Table("Trends", [{ name: "Trend" }, ...["avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"].map((name) => ({ name, numeric: true })), { name: "samples", numeric: true }], "No trends yet.");
  private others = new Table("Counters, rates and gauges", [{ name: "Metric" }, { name: "Kind" }, { name: "Value", numeric: true }, { name: "Per second, share or range", numeric: true }], "No counters yet.");
  constructor() { bodyOf("metrics").append(this.trends.root, this.others.root); }

  show(state: State): void {
    const name = (metric: Metric): TableCell => ({ text: metric.name, className: metric.submetric ? "code inner" : "code" });
    this.trends.show(state.metrics.filter((m) => m.type === "trend").map((m) => [name(m),
      ...["avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"].map((key) => ({ text: inMetricUnit(m, m.values[key] ?? 0), value: m.values[key] })),
      { text: count(m.values["count"] ?? 0), value: m.values["count"] }]));
    this.others.show(state.metrics.filter((m) => m.type !== "trend").map((m) => {
      const v = (key: string) => m.values[key] ?? 0;
      const shown = m.type === "counter"
        ? [{ text: m.contains === "data" ? bytes(v("count")) : count(v("count")), value: v("count") }, { text: m.contains === "data" ? `${bytes(v("rate"))}/s` : `${number(v("rate"))}/s`, value: v("rate") }]
        : m.type === "rate" ? [{ text: percent(v("rate")), value: v("rate") }, { text: `${count(v("passes"))} of ${count(v("passes") + v("fails"))}` }]
          : [{ text: inMetricUnit(m, v("value")), value: v("value") }, { text: `${inMetricUnit(m, v("min"))} to ${inMetricUnit(m, v("max"))}` }];
      return [name(m), { text: m.type, className: "soft" }, ...shown];
    }));
  }
}

class GeneratorHealth {
  private sentence = element("p", { class: "note" });
  private facts = element("dl", { class: "facts" });
  private agents = new Table("Agents", [{ name: "Agent" }, { name: "State" }, { name: "Share", numeric: true }, { name: "Iterations", numeric: true },
    { name: "CPU", numeric: true }, { name: "Start delay p99", numeric: true }, { name: "Loop lag p99", numeric: true }, { name: "Round trip", numeric: true }], "");
  constructor() {
    bodyOf("generator").append(this.sentence, this.facts, this.agents.root);
    this.agents.root.hidden = true;
  }

  private showAgents(agents: Agent[]): void {
    this.agents.root.hidden = agents.length === 0;
    this.agents.show(agents.map((a): TableCell[] => [
      { text: a.name, className: "code" },
      a.lost ? { text: `✗ lost at ${clock(a.lost_at_s)}: ${a.lost}`, className: "state-bad" }
        : { text: a.late_s > 2.5 ? `${a.late_s.toFixed(0)} s late` : "✓ on time", className: a.late_s > 2.5 ? "" : "state-good" },
      { text: percent(a.share), value: a.share }, { text: count(a.iterations), value: a.iterations }, { text: percent(a.cpu_share), value: a.cpu_share },
      { text: time(a.slip_p99_ms), value: a.slip_p99_ms }, { text: time(a.loop_lag_p99_ms), value: a.loop_lag_p99_ms },
      { text: time(a.round_trip_ms), value: a.round_trip_ms }]));
  }

  show(generator: Generator, run: Run): void {
    this.showAgents(run.state?.agents ?? []);
    const cores = run.facts.cores;
    this.sentence.className = generator.verdict ? "note bad" : "note good";
    setText(this.sentence, generator.verdict ? `${generator.verdict[0].toUpperCase()}${generator.verdict.slice(1)}: these figures are not the target's.`
      : "The generator keeps up: the figures on this page are the target's.");
    const rows: [string, string][] = [
      ["CPU now", run.state?.agents ? `${generator.cpu_cores.toFixed(2)} cores of all agents` : `${generator.cpu_cores.toFixed(2)} of ${cores} cores`],
      ["CPU, whole test", generator.cpu_share === null ? "–" : percent(generator.cpu_share)],
      ["Memory", bytes(generator.resident_bytes)],
      ["Started late (> 10 ms)", generator.scheduled === 0 ? "closed model: nothing is due" : `${count(generator.late)} of ${count(generator.scheduled)}`],
      ["Start delay p99 · max", generator.scheduled === 0 ? "–" : `${time(generator.slip_p99_ms)} · ${time(generator.slip_max_ms)}`],
      ["Dropped iterations", count(generator.dropped)],
    ];
    rows.forEach(([name, value], index) => {
      let row = this.facts.children[index];
      if (!row) this.facts.append((row = element("div", {}, element("dt", {}, name), element("dd"))));
      setText(row.lastElementChild!, value);
    });
  }
}

class Environment {
  show(run: Run): void {
    const f = run.facts;
    const rows: [string, string][] = [
      ["Script", f.script], ["Started", new Date(f.started_unix_ms).toISOString().replace("T", " ").slice(0, 19) + " UTC"],
      ["Engine", `gauntlet ${f.version}, ${f.threads} thread${f.threads === 1 ? "" : "s"}`],
      ["Machine", `${f.host}: ${f.cores} core${f.cores === 1 ? "" : "s"}, ${bytes(f.memory_bytes)}, ${f.kernel} ${f.architecture}`],
      ...f.scenarios.map(([name, what]): [string, string] => [`Scenario ${name}`, what]),
    ];
    bodyOf("environment").replaceChildren(element("dl", { class: "facts wide" }, ...rows.map(([k, v]) => element("div", {}, element("dt", {}, k), element("dd", {}, v)))));
  }
}

/** Tables that the system's monitors name themselves. */
class SystemTables {
  private tables = new Map<string, Table>();

  show(detail: Detail): void {
    const place = byId("system").querySelector<HTMLElement>(".tables")!;
    for (const wanted of detail.tables ?? []) {
      let table = this.tables.get(wanted.title);
      if (!table) {
        table = new Table(wanted.title, wanted.columns.map((c) => ({ name: c.name, numeric: c.unit !== undefined })), "None now.");
        this.tables.set(wanted.title, table);
        place.append(element("div", { class: "card" }, element("h3", {}, wanted.title), table.root));
      }
      table.show(wanted.rows.map((row) => row.map((cell, index): TableCell => typeof cell === "number"
        ? { text: inUnit(cell, wanted.columns[index].unit as Unit), value: cell }
        : { text: cell ?? "–", className: wanted.columns[index].unit ? "" : "code" })));
    }
    const note = byId("system").querySelector<HTMLElement>(".note")!;
    const text = (detail.problems ?? []).join(" ");
    note.hidden = text === "";
    setText(note, text);
  }
}

export class Sections {
  private thresholds = new Thresholds();
  private failures = new Failures();
  private endpoints = new Endpoints();
  private scenarios = new Scenarios();
  private checks = new Checks();
  private metrics = new Metrics();
  private generator = new GeneratorHealth();
  private environment = new Environment();
  private system = new SystemTables();

  show(run: Run): void {
    this.system.show(run.detail);
    if (!run.state) return;
    for (const part of [this.thresholds, this.failures, this.endpoints, this.scenarios, this.checks, this.metrics]) part.show(run.state);
    this.generator.show(run.state.generator, run);
  }
  showFacts(run: Run): void { this.environment.show(run); }
}
