// The key figures on top: the newest value large, the whole test's beside it, the last minutes as a small line.

import { byId, element, setText } from "./elements";
import { count, number, percent, time } from "./format";
import { figure, metric, newest, Run, Series, State } from "./document";

interface Tile {
  label: string;
  /** Of the newest second, and of the whole test once that has ended. */
  value: (run: Run, state: State) => string; whole: (state: State) => string;
  note: (run: Run, state: State) => string;
  noteAtEnd: (run: Run, state: State) => string;
  line: (run: Run) => Series; color: number; wanted: (run: Run) => boolean; bad?: (state: State) => boolean;
}

function perSecond(values: Series): string { const value = newest(values); return value === null ? "–" : `${number(value)}/s`; }
function milliseconds(values: Series): string { const value = newest(values); return value === null ? "–" : time(value); }
function peak(values: Series): string { return number(Math.max(0, ...values.map((v) => v ?? 0))); }
function whole(state: State, name: string): string { return metric(state, name) ? `whole test p95 ${time(figure(state, name, "p(95)"))}, p99 ${time(figure(state, name, "p(99)"))}` : "no samples yet"; }
function failedOf(state: State): [number, number] {
  return state.endpoints.reduce(([failed, all], e) => [failed + e.failed, all + e.count], [0, 0]);
}
function errorShare(run: Run): Series {
  const requests = run.rate("requests"), calls = run.rate("calls"), bad = run.rate("requests_failed"), lost = run.rate("calls_failed");
  return requests.map((value, i) => { const all = (value ?? 0) + (calls[i] ?? 0); return all === 0 ? null : ((bad[i] ?? 0) + (lost[i] ?? 0)) / all; });
}

const total = (name: string) => (s: State) => `${number(figure(s, name, "rate"))}/s`;
const p95 = (name: string) => (s: State) => (metric(s, name) ? time(figure(s, name, "p(95)")) : "–");
const others = (name: string) => (_: Run, s: State) => (metric(s, name) ? `p50 ${time(figure(s, name, "med"))}, p99 ${time(figure(s, name, "p(99)"))}, max ${time(figure(s, name, "max"))}` : "no samples");

function rateTile(label: string, column: string, name: string, color: number, wanted: (run: Run) => boolean): Tile {
  return { label, color, wanted, value: (run) => perSecond(run.rate(column)), whole: total(name),
    note: (_, s) => `${count(figure(s, name, "count"))} in all, ${number(figure(s, name, "rate"))}/s`,
    noteAtEnd: (run, s) => `${count(figure(s, name, "count"))} in all, at most ${peak(run.rate(column))}/s`, line: (run) => run.rate(column) };
}
function timeTile(label: string, column: string, name: string, color: number, wanted: (run: Run) => boolean): Tile {
  return { label, color, wanted, value: (run) => milliseconds(run.column(column)), whole: p95(name), note: (_, s) => whole(s, name),
    noteAtEnd: others(name), line: (run) => run.column(column) };
}
function failedNote(_: Run, s: State): string {
  const [failed, all] = failedOf(s);
  return all === 0 ? "no requests yet" : `${count(failed)} of ${count(all)} failed`;
}

const kTiles: Tile[] = [
  rateTile("Requests", "requests", "http_reqs", 1, (run) => run.hasValues("requests") || !run.hasValues("calls")),
  rateTile("Events (gRPC calls)", "calls", "grpc_reqs", 2, (run) => run.hasValues("calls")),
  timeTile("Response time p95", "http_p95", "http_req_duration", 4, (run) => run.hasValues("http_p95") || !run.hasValues("calls")),
  timeTile("Event time p95", "grpc_p95", "grpc_req_duration", 4, (run) => run.hasValues("grpc_p95")),
  timeTile("Intended start p95", "intended_p95", "iteration_duration_intended", 6, (run) => run.hasValues("intended_p95")),
  { label: "Errors", color: 5, wanted: () => true, value: (run) => { const value = newest(errorShare(run)); return value === null ? "–" : percent(value); },
    whole: (s) => { const [failed, all] = failedOf(s); return all === 0 ? "–" : percent(failed / all); },
    note: failedNote, noteAtEnd: failedNote, line: errorShare, bad: (s) => failedOf(s)[0] > 0 },
  { label: "Active VUs", color: 3, wanted: () => true, value: (_, s) => count(s.vus_active), whole: (s) => count(figure(s, "vus", "max")),
    note: (_, s) => `${count(s.vus_initialized)} ready, at most ${count(s.max_vus)}`, noteAtEnd: (_, s) => `the most at a time, of ${count(s.max_vus)}`, line: (run) => run.column("vus") },
];

const kLinePoints = 90;

function sparkline(values: Series): string {
  const last = values.slice(-kLinePoints), most = Math.max(...last.map((v) => v ?? 0), 1e-9);
  if (last.length < 2) return "";
  let path = "", down = false;
  last.forEach((value, index) => {
    if (value === null) { down = false; return; }
    path += `${down ? "L" : "M"}${((index / (last.length - 1)) * 100).toFixed(1)} ${(23 - (value / most) * 22).toFixed(1)}`;
    down = true;
  });
  return path;
}

export class Tiles {
  private nodes = kTiles.map((tile) => {
    const value = element("p", { class: "tile-value" }, "–"), note = element("p", { class: "tile-note" });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 100 24"); svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("style", `stroke:var(--line-${tile.color})`);
    svg.append(path);
    const root = element("article", { class: "tile card" }, element("h2", {}, tile.label), value, note, svg);
    byId("tiles").append(root);
    return { root, value, note, path };
  });

  show(run: Run): void {
    const state = run.state;
    if (!state) return;
    kTiles.forEach((tile, index) => {
      const node = this.nodes[index];
      node.root.hidden = !tile.wanted(run);
      if (node.root.hidden) return;
      setText(node.value, run.end ? tile.whole(state) : tile.value(run, state));
      setText(node.note, (run.end ? tile.noteAtEnd : tile.note)(run, state));
      node.root.classList.toggle("is-bad", tile.bad?.(state) ?? false);
      node.path.setAttribute("d", sparkline(tile.line(run)));
    });
  }
}
