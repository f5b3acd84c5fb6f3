// One feature of the form: its input, a hint of the accepted values, its distribution, and the server's message.
//
// The page checks nothing: it sends the input as it is, and shows the server's own message beside it.

import { distributionOf } from "./distribution.js";
import { make, percent, short } from "./dom.js";

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const MOST_OPTIONS = 30; // categories in a list to choose from; with more, the user searches by typing
const MOST_SUGGESTED = 50;

// The number, or else the text, which the server refuses with its own message.
function numberOrText(text) {
  const trimmed = text.trim();
  const value = Number(trimmed);
  return NUMBER.test(trimmed) && Number.isFinite(value) ? value : text;
}

export class Field {
  // `changed(place, value)` is called when the user enters another value.
  constructor(feature, place, changed) {
    this.feature = feature;
    this.place = place;
    const id = `f${place}`;
    this.input = this.#makeInput(id);
    this.input.id = id;
    this.input.setAttribute("aria-describedby", `${id}-hint ${id}-note ${id}-error`);
    this.distribution = distributionOf(feature);
    this.note = make("span", { id: `${id}-note`, class: "outside" });
    this.error = make("p", { id: `${id}-error`, class: "error" });
    this.missing = feature.nullable
      ? make("input", { type: "checkbox", id: `${id}-missing`, "aria-describedby": `${id}-name` })
      : null;
    this.element = make(
      "div",
      { class: feature.kind === "text" ? "field long-text" : "field" },
      make("label", { id: `${id}-name`, for: id, class: "name" }, feature.name || "(no name)"),
      make(
        "div",
        { class: "entry" },
        this.input,
        this.missing && make("label", { class: "missing", for: `${id}-missing` }, this.missing, "missing"),
        this.list,
      ),
      this.distribution && this.distribution.svg,
      make("p", { id: `${id}-hint`, class: "hint" }, hintOf(feature)),
      this.note,
      this.error,
    );
    const tell = () => {
      this.input.disabled = this.missing?.checked ?? false;
      this.#mark(this.value);
      changed(place, this.value);
    };
    this.input.addEventListener("input", tell);
    this.missing?.addEventListener("change", tell);
  }

  get value() {
    if (this.missing?.checked) return null;
    return this.#read(this.input.value);
  }

  set value(value) {
    if (this.missing) {
      this.missing.checked = value === null;
      this.input.disabled = value === null;
    }
    this.input.value = this.#write(value);
    this.#mark(value);
  }

  set problem(message) {
    this.error.textContent = message;
    this.element.classList.toggle("wrong", message !== "");
    if (message) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  #makeInput(id) {
    const { kind, categories, category_count: count, deciles, shares } = this.feature;
    this.options = categories && count <= MOST_OPTIONS ? categories : kind === "boolean" ? [true, false] : null;
    if (this.options) {
      return make("select", {}, ...this.options.map((each, at) => make("option", { value: at }, String(each) || "(empty)")));
    }
    if (kind === "text") return make("textarea", { rows: 4, spellcheck: "false" });
    const common = { spellcheck: "false", autocapitalize: "none", autocomplete: "off" };
    if (kind === "date") return make("input", { type: "date", ...common });
    if (kind === "datetime") return make("input", { type: "datetime-local", step: 1, ...common });
    const suggested = categories ?? (kind === "string" ? shares?.map(([value]) => value) : null);
    if (suggested) return this.#makeSearch(id, suggested.map(String), common);
    // Not of the type "number": such an input hides from us, and so from the server, any text that is not a number.
    const positive = kind === "number" && deciles && deciles[0] >= 0;
    return make("input", { type: "text", inputmode: positive ? "decimal" : false, ...common });
  }

  #makeSearch(id, suggested, common) {
    const input = make("input", { type: "text", list: `${id}-list`, ...common });
    this.list = make("datalist", { id: `${id}-list` });
    const fill = () => {
      const typed = input.value.toLowerCase();
      const known = suggested.includes(input.value); // if so, all others are suggested
      const found = known ? suggested : suggested.filter((each) => each.toLowerCase().includes(typed));
      this.list.replaceChildren(...found.slice(0, MOST_SUGGESTED).map((value) => make("option", { value })));
    };
    input.addEventListener("focus", fill);
    input.addEventListener("input", fill);
    return input;
  }

  #read(text) {
    const { kind, categories } = this.feature;
    if (this.options) return text === "" ? null : this.options[Number(text)];
    if (kind === "number") return text.trim() === "" ? null : numberOrText(text);
    if (kind === "boolean") return text;
    if (kind === "any") return text === "" ? null : numberOrText(text);
    return categories?.find((each) => String(each) === text) ?? text;
  }

  #write(value) {
    if (this.options) {
      const at = this.options.indexOf(value);
      return at < 0 ? "" : String(at);
    }
    if (value === null || value === undefined) return "";
    if (this.feature.kind === "date") return String(value).slice(0, 10);
    if (this.feature.kind === "datetime") return String(value).replace(/\.0+$/, "");
    return String(value);
  }

  #mark(value) {
    this.distribution?.move(value);
    const { deciles } = this.feature;
    const outside = deciles && typeof value === "number" && (value < deciles[0] || value > deciles[10]);
    this.note.textContent = outside ? "outside the range of the training data" : "";
  }
}

function hintOf({ kind, categories, category_count: count, deciles, shares, missing, hidden }) {
  const parts = [];
  if (kind === "any") parts.push("not used by the model");
  else if (categories && kind !== "boolean") parts.push(`one of ${count.toLocaleString("en")}`);
  else parts.push(kind === "datetime" ? "date and time" : kind);
  if (deciles) parts.push(`${short(deciles[0])} to ${short(deciles[10])}`);
  else if (shares && !categories && kind === "string") parts.push("other values are accepted");
  if (missing) parts.push(`${percent(missing)} missing`);
  if (hidden) parts.push("no training data is shown");
  return parts.join(" · ");
}
