// A table of how each feature differs from the training data, with the features over a limit first.

import { make, percent } from "./dom.js";
import { list, mostChanged, picture } from "./shares.js";

const FIGURES = [
  { figure: "psi", title: "PSI", write: (value) => value.toFixed(2) },
  { figure: "missing_ratio", title: "Missing", write: percent, beside: "training_missing_ratio" },
  { figure: "unseen_ratio", title: "Unseen", write: percent },
  { figure: "out_of_range_ratio", title: "Out of range", write: percent },
];

export class FeatureTable {
  #rows = new Map();

  constructor() {
    const head = ["Feature", "Training and now", ...FIGURES.map(({ title }) => title)];
    this.body = make("tbody", { role: "rowgroup" });
    const cells = head.map((title) => make("th", { scope: "col", role: "columnheader" }, title));
    // The roles are explicit because narrow pages show the table as blocks, which removes a table's own roles.
    this.element = make(
      "table",
      { class: "drift", role: "table", "aria-labelledby": "drift-title" },
      make("colgroup", {}, ...head.map(() => make("col", {}))),
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...cells)),
      this.body,
    );
  }

  show({ features, over }) {
    for (const feature of features) {
      if (!this.#rows.has(feature.name)) this.#rows.set(feature.name, new Row(feature));
      this.#rows.get(feature.name).show(feature, over.filter((each) => each.feature === feature.name));
    }
    if (this.body.contains(document.activeElement)) return; // the row with the focus must not move
    const rows = features.map(({ name }) => this.#rows.get(name));
    rows.sort((one, other) => other.weight - one.weight);
    if (rows.some((row, at) => this.body.children[at] !== row.element)) this.body.replaceChildren(...rows.map((row) => row.element));
  }
}

class Row {
  constructor({ name, bins }) {
    this.picture = make("div", {});
    this.details = make("details", {}, make("summary", {}, "Shares"), make("div", {}));
    this.details.addEventListener("toggle", () => this.#list());
    this.cells = FIGURES.map(({ title }) => make("td", { role: "cell", "data-title": title }));
    const shown = make("td", { role: "cell", class: "pictured" }, this.picture, bins.length ? this.details : null);
    this.element = make("tr", { role: "row" }, make("th", { scope: "row", role: "rowheader" }, name || "(no name)"), shown, ...this.cells);
  }

  show(feature, over) {
    this.feature = feature;
    this.weight = (over.length ? 1e6 : 0) + (feature.psi ?? 0);
    this.element.classList.toggle("drifts", over.length > 0);
    this.picture.replaceChildren(this.#picture(feature));
    for (const [at, each] of FIGURES.entries()) {
      const found = over.find(({ figure }) => figure === each.figure);
      this.cells[at].replaceChildren(...figure(feature, each, found));
    }
    this.#list();
  }

  #picture({ bins, kind }) {
    if (bins.length) return picture(bins, `Most changed: ${mostChanged(bins) || "not known yet"}`);
    return make("span", { class: "hint" }, kind === "other" ? "compared by missing values only" : "its values are not shown");
  }

  #list() {
    this.details.lastChild.replaceChildren(...(this.details.open ? [list(this.feature.bins)] : []));
  }
}

function figure(feature, { figure: name, write, beside }, over) {
  const value = feature[name];
  if (value === null || value === undefined) return [make("span", { class: "muted" }, "–")];
  const then = beside && feature[beside] !== null ? make("span", { class: "hint" }, ` (training ${write(feature[beside])})`) : "";
  if (over === undefined) return [make("span", {}, write(value)), then];
  return [make("strong", { class: "exceeds" }, write(value)), then, make("span", { class: "exceeds limit" }, `▲ over ${write(over.limit)}`)];
}
