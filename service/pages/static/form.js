// The form: a field for each feature, filled in with an example row. It keeps the values of all features and shows only
// some of them, because there may be ten thousand.

import { Field } from "./field.js";
import { plural } from "./dom.js";
import { placeOf } from "./api.js";

const PAGE = 50;

export class Form {
  // `changed()` is called when a value has changed.
  constructor(root, model, changed) {
    this.root = root;
    this.model = model;
    this.changed = changed;
    this.fields = new Map(); // the fields made so far, by the place of their feature
    this.problems = new Map();
    this.limit = PAGE;
    this.example = 0;
    this.values = [...model.rows[0]];
    this.places = new Map(model.features.map((feature, place) => [feature.name, place]));
    this.#connect();
    this.render();
    root.form.hidden = false;
  }

  #connect() {
    const { search, query, more, next } = this.root;
    search.hidden = this.model.features.length <= 20;
    query.addEventListener("input", () => {
      this.limit = PAGE;
      this.render();
    });
    more.addEventListener("click", () => {
      const first = this.limit;
      this.limit += PAGE;
      const shown = this.render();
      shown[first]?.input.focus();
    });
    next.hidden = this.model.rows.length < 2;
    next.addEventListener("click", () => this.fill((this.example + 1) % this.model.rows.length));
  }

  fill(example) {
    this.example = example;
    this.values = [...this.model.rows[example]];
    this.clearProblems();
    for (const [place, field] of this.fields) field.value = this.values[place];
    this.root.example.textContent = `example ${example + 1} of ${this.model.rows.length}`;
    this.changed();
  }

  // The values by the names of their features.
  get entered() {
    return new Map(this.model.features.map((feature, place) => [feature.name, { feature, value: this.values[place] }]));
  }

  // Enters values of another model's form, as far as features of the same name accept them.
  enter(entered) {
    this.model.features.forEach((feature, place) => {
      const { feature: other, value } = entered.get(feature.name) ?? {};
      const known = !feature.categories || feature.categories.includes(value) || value === null;
      if (other?.kind !== feature.kind || !known || (value === null && !feature.nullable)) return;
      this.values[place] = value;
      const field = this.fields.get(place);
      if (field) field.value = value;
    });
    if (entered.size) this.changed();
  }

  // Shows the features whose names match the search, after those with problems.
  render() {
    const words = this.root.query.value.trim().toLowerCase();
    const wrong = [...this.problems.keys()];
    const found = [];
    let matching = 0;
    this.model.features.forEach((feature, place) => {
      if (words && !feature.name.toLowerCase().includes(words)) return;
      matching += 1;
      if (found.length < this.limit) found.push(place);
    });
    const shown = [...wrong.filter((place) => !found.includes(place)), ...found].map((place) => this.#field(place));
    this.root.fields.replaceChildren(...shown.map((field) => field.element));
    this.root.more.hidden = matching <= this.limit;
    const few = matching <= this.limit && !words;
    this.root.shown.textContent = few ? "" : `${found.length} of ${plural(matching, "feature")}`;
    return shown;
  }

  #field(place) {
    if (!this.fields.has(place)) {
      const field = new Field(this.model.features[place], place, (at, value) => {
        this.values[at] = value;
        this.problems.delete(at); // the problem was about the old value
        this.fields.get(at).problem = "";
        this.changed();
      });
      field.value = this.values[place];
      this.fields.set(place, field);
    }
    const field = this.fields.get(place);
    field.problem = this.problems.get(place) ?? "";
    return field;
  }

  // The row as a request has it: [name, value] pairs, or a list of values.
  get row() {
    return this.model.named
      ? { pairs: this.model.features.map((feature, place) => [feature.name, this.values[place]]) }
      : { list: this.values };
  }

  clearProblems() {
    this.problems.clear();
    for (const field of this.fields.values()) field.problem = "";
  }

  // Shows each problem beside its field; returns the messages of problems that belong to no field.
  showProblems(problems) {
    this.problems.clear();
    const others = [];
    for (const problem of problems) {
      const { feature } = placeOf(problem.pointer);
      const place = this.model.named ? this.places.get(feature) : feature === null ? undefined : Number(feature);
      const message = `Expected ${problem.expected}, got ${problem.got}.`;
      if (place in this.model.features) this.problems.set(place, message);
      else others.push(problem.pointer ? `${problem.pointer}: ${message}` : message);
    }
    const shown = this.render();
    shown.find((field) => this.problems.has(field.place))?.input.focus();
    return others;
  }
}
