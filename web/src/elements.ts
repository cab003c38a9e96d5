// The few ways in which this page makes and changes elements.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

export function bodyOf(section: string): HTMLElement { return byId(section).querySelector<HTMLElement>(".body")!; }

export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** A cell: its text, and the exact number behind it where there is one. */
export interface TableCell { text: string; value?: number | null; node?: Node; className?: string; }
export interface TableColumn { name: string; numeric?: boolean; title?: string; }

/**
 * A table that changes in place: cells keep their nodes, so that a reader's place and selection survive updates.
 * Wide ones scroll inside their own region, which the keyboard reaches.
 */
export class Table {
  readonly root: HTMLElement;
  private body: HTMLTableSectionElement;
  private empty: HTMLElement;

  constructor(label: string, private columns: TableColumn[], emptyText: string) {
    this.body = element("tbody");
    const head = element("tr");
    for (const column of columns) head.append(element("th", { scope: "col", class: column.numeric ? "number" : "", title: column.title }, column.name));
    const table = element("table", {}, element("caption", { class: "unseen" }, label), element("thead", {}, head), this.body);
    this.empty = element("p", { class: "empty" }, emptyText);
    this.root = element("div", { class: "scroll", role: "region", "aria-label": `${label}: table`, tabindex: "0" }, table, this.empty);
    this.show([]);
  }

  show(rows: TableCell[][]): void {
    this.empty.hidden = rows.length > 0;
    (this.root.firstElementChild as HTMLElement).hidden = rows.length === 0;
    while (this.body.rows.length > rows.length) this.body.deleteRow(-1);
    rows.forEach((cells, index) => {
      const row = this.body.rows[index] ?? this.body.insertRow();
      cells.forEach((cell, place) => {
        let target = row.cells[place];
        if (!target) {
          target = place === 0 ? element("th", { scope: "row" }) : element("td");
          row.append(target);
        }
        const className = [this.columns[place].numeric ? "number" : "", cell.className ?? ""].filter(Boolean).join(" ");
        if (target.className !== className) target.className = className;
        if (cell.value !== undefined && cell.value !== null) target.dataset.value = String(cell.value);
        else delete target.dataset.value;  // a row that moved down leaves its cells to another
        if (cell.node) target.replaceChildren(cell.node);
        else setText(target, cell.text);
      });
    });
  }
}
