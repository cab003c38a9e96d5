// The live page and the report: one document. With data inside it is the report of a run that has ended; without, it
// asks the server that it came from.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { repaintCharts } from "./chart";
import { Charts } from "./charts";
import { byId, element, setText } from "./elements";
import { clock, count, number, percent, time } from "./format";
import { Run, WireDocument, WireUpdate, figure, metric } from "./document";
import { Sections } from "./sections";
import { Tiles } from "./tiles";

/** Rows beyond which the whole document is asked for again: the server has coarser ones by then (4,096 at most). */
const kMostRows = 4600;
/** Until the page looks for a campaign's next level, whose server starts when the system has come to rest. */
const kNextPartMs = 1000;
const kDataPlace = '<script id="data" type="application/json"></' + 'script>';
const kThemes = ["auto", "light", "dark"];

type Connection = "connecting" | "live" | "lost" | "ended" | "report";

class Page {
  private run: Run | null = null;
  private connection: Connection = "connecting";
  private source: EventSource | null = null;
  /** The page as the server gave it, without data. */
  private blank = "";
  private tiles = new Tiles();
  private charts = new Charts();
  private sections = new Sections();
  private scheduled = false;
  private announced = "";
  private crossed = new Set<string>();

  open(document: WireDocument): void {
    this.run = new Run(document);
    this.crossed.clear();
    this.showPart();
    this.sections.showFacts(this.run);
    setText(byId("script"), document.run.script.split("/").pop() ?? document.run.script);
    setText(byId("subtitle"), document.run.scenarios.map(([name, what]) => `${name}: ${what}`).join(" · "));
    window.document.title = `${document.run.script.split("/").pop()} · Gauntlet`;
  }

  /** A campaign's levels are runs of their own, each with a server of its own at the same place. */
  private showPart(): void {
    const part = this.run!.facts.part, place = byId("part");
    place.hidden = part === undefined;
    if (!part) return;
    setText(place.querySelector("p")!, `Level ${part.index} of ${part.count}: ${part.text}`);
    const done = `${Math.round(((part.index - 1) / part.count) * 100)}`, bar = place.querySelector<HTMLElement>(".progress")!;
    bar.setAttribute("aria-valuenow", done);
    (bar.firstElementChild as HTMLElement).style.width = `${done}%`;
  }

  showReport(document: WireDocument): void {
    this.connection = "report";
    byId("save").hidden = true;
    this.open(document);
    this.render();
  }

  connect(): void {
    if (!this.blank) fetch("./").then((answer) => answer.text()).then((text) => { this.blank = text; }, () => { /* then there is nothing to save at the end */ });
    this.source?.close();
    const source = (this.source = new EventSource("events"));
    source.addEventListener("document", (event) => {
      this.connection = "live";
      const save = byId("save") as HTMLAnchorElement;
      save.hidden = false;
      save.href = "/report";
      this.open(JSON.parse((event as MessageEvent<string>).data) as WireDocument);
      if (this.run!.end) this.finish();
      this.renderSoon();
    });
    source.addEventListener("update", (event) => {
      this.run?.add(JSON.parse((event as MessageEvent<string>).data) as WireUpdate);
      if (this.run && this.run.rows > kMostRows) this.connect();
      this.renderSoon();
    });
    source.addEventListener("end", (event) => {
      if (this.run) this.run.end = JSON.parse((event as MessageEvent<string>).data);
      this.finish();
      this.renderSoon();
    });
    source.onerror = () => {
      if (this.connection === "ended") return;
      this.connection = "lost";
      this.renderSoon();
    };
  }

  /** At the browser's next frame, however many updates come before it; a hidden tab is drawn when it is looked at. */
  private renderSoon(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => { this.scheduled = false; this.render(); });
  }

  private render(): void {
    this.renderHead();
    if (!this.run) return;
    this.tiles.show(this.run);
    this.charts.show(this.run);
    this.sections.show(this.run);
    this.renderVerdict();
    this.announce();
  }

  private finish(): void {
    this.connection = "ended";
    this.source?.close();
    const part = this.run?.facts.part;
    if (part && part.index < part.count) setTimeout(() => this.connect(), kNextPartMs);
    // The server ends with the run: what it would have saved is made here.
    const save = byId("save") as HTMLAnchorElement;
    save.hidden = !this.blank;
    if (!this.blank || !this.run) return;
    // Functions: a replacement text would read "$&" in the data as a pattern.
    const data = JSON.stringify(this.run.toDocument()).replace(/</g, "\\u003c");
    const report = this.blank.replace(kDataPlace, () => kDataPlace.replace("><", () => `>${data}<`));
    save.href = URL.createObjectURL(new Blob([report], { type: "text/html" }));
    save.download = "gauntlet-report.html";
  }

  private renderHead(): void {
    const state = this.run?.state, end = this.run?.end;
    const [word, kind] = end ? (end.exit_code === 0 ? ["Passed", "good"] : [end.exit_code === 105 ? "Interrupted" : "Failed", "bad"])
      : this.connection === "connecting" ? ["Connecting", "idle"] : this.connection === "lost" ? ["Connection lost", "bad"]
        : !state ? ["Starting", "idle"] : state.phase === "running" ? ["Running", "live"] : [state.phase === "setup" ? "Setup" : state.phase === "teardown" ? "Teardown" : "Starting", "live"];
    const chip = byId("status");
    setText(chip, word);
    chip.className = `chip ${kind}`;
    if (!state) return;
    const weight = state.scenarios.reduce((sum, s) => sum + s.duration_s, 0);
    const share = end ? 1 : weight > 0 ? state.scenarios.reduce((sum, s) => sum + s.fraction * s.duration_s, 0) / weight : 0;
    setText(byId("clock"), end ? clock(state.elapsed_s) : `${clock(state.elapsed_s)} / ${clock(state.planned_s)}`);
    const progress = byId("progress");
    progress.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    (progress.firstElementChild as HTMLElement).style.width = `${(share * 100).toFixed(1)}%`;
    progress.className = `progress ${end ? kind : ""}`;
  }

  /** What a person who opens a finished run wants first: did it pass, and what did it reach. */
  private renderVerdict(): void {
    const { end, state } = this.run!;
    const place = byId("verdict");
    place.hidden = !end;
    if (!end || !state) return;
    const crossed = state.thresholds.filter((t) => !t.ok).length, all = state.thresholds.length;
    const title = end.exit_code === 0 ? (all === 0 ? "The run has ended" : `Passed: ${all === 1 ? "the threshold held" : `all ${all} thresholds held`}`)
      : crossed > 0 ? `Failed: ${crossed} of ${all} thresholds crossed` : end.exit_code === 105 ? "Interrupted before its end" : "Failed";
    const sentences: string[] = [];
    const requests = figure(state, "http_reqs", "count"), calls = figure(state, "grpc_reqs", "count");
    if (requests > 0) sentences.push(`${count(requests)} requests (${number(figure(state, "http_reqs", "rate"))}/s), p95 ${time(figure(state, "http_req_duration", "p(95)"))}, p99 ${time(figure(state, "http_req_duration", "p(99)"))}, ${percent(figure(state, "http_req_failed", "rate"))} failed.`);
    if (calls > 0) sentences.push(`${count(calls)} events (${number(figure(state, "grpc_reqs", "rate"))}/s), p95 ${time(figure(state, "grpc_req_duration", "p(95)"))}, p99 ${time(figure(state, "grpc_req_duration", "p(99)"))}${metric(state, "grpc_req_failed") ? `, ${percent(figure(state, "grpc_req_failed", "rate"))} failed` : ""}.`);
    if (state.open_model) sentences.push(`From the intended start p95 ${time(state.open_model.intended_p95)}, p99 ${time(state.open_model.intended_p99)}.`);
    place.className = `verdict card ${end.exit_code === 0 ? "good" : "bad"}`;
    place.replaceChildren(element("h2", {}, title), element("p", {}, sentences.join(" ")),
      ...(end.reason && crossed === 0 ? [element("p", { class: "code" }, end.reason)] : []),
      state.generator.verdict ? element("p", { class: "warning" }, `Beware: ${state.generator.verdict}.`) : "");
  }

  /** For those who listen: only what changes the picture. */
  private announce(): void {
    const { state, end } = this.run!;
    let text = "";
    for (const threshold of state?.thresholds ?? []) {
      const name = `${threshold.metric} ${threshold.source}`;
      if (threshold.ok) { this.crossed.delete(name); continue; }
      if (this.crossed.has(name)) continue;
      this.crossed.add(name);
      text += `Threshold crossed: ${name}. `;
    }
    if (end) text = end.exit_code === 0 ? "The run has ended. It passed." : `The run has ended. It failed: ${end.reason}`;
    if (text && text !== this.announced) setText(byId("announce"), (this.announced = text));
  }
}

function setTheme(theme: string): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(byId("theme"), `Theme: ${theme}`);
  repaintCharts();
}

function storedTheme(): string {
  try { return localStorage.getItem("gauntlet-theme") ?? "auto"; } catch { return "auto"; }
}

let theme = storedTheme();
setTheme(theme);
byId("theme").addEventListener("click", () => {
  theme = kThemes[(kThemes.indexOf(theme) + 1) % kThemes.length];
  try { localStorage.setItem("gauntlet-theme", theme); } catch { /* a file's page may have no storage; the choice lasts as long as it is open */ }
  setTheme(theme);
});
// Paper is always light: the charts are painted anew for it, and again afterwards.
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", repaintCharts);
addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; repaintCharts(); });
addEventListener("afterprint", () => setTheme(theme));

const page = new Page();
const data = byId("data").textContent ?? "";
if (data.trim()) page.showReport(JSON.parse(data) as WireDocument);
else page.connect();
