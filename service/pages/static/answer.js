// The answer: labels or numbers, the probability of each class, further outputs, and how long it took.

import { make, makeSvg, percent } from "./dom.js";

const MOST_BARS = 10; // classes that are shown at first
const PHASES = { queue: "waiting", parse: "reading", predict: "predicting" };

export class Answer {
  constructor(root, panel, model) {
    this.root = root;
    this.model = model;
    this.panel = panel;
    panel.hidden = false;
  }

  // Marks the answer as older than the form.
  outdate() {
    this.root.classList.add("outdated");
  }

  show({ document, milliseconds, phases }) {
    const labels = document.predictions[0];
    this.root.classList.remove("outdated");
    this.root.replaceChildren(
      this.#labels(labels),
      ...this.#threshold(labels),
      ...this.#probabilities(document, labels),
      ...this.#further(document),
      timing(milliseconds, phases),
    );
    this.panel.scrollIntoView({ block: "nearest" }); // on a phone, it is below the form
  }

  #labels(labels) {
    if (!Array.isArray(labels)) return make("p", { class: "label" }, shown(labels));
    const { task } = this.model;
    if (task === "transformer") return table("Values", labels.map((value, at) => [String(at), shown(value)]));
    return table("Prediction", labels.map((value, at) => [`output ${at}`, shown(value)]));
  }

  #threshold(label) {
    const least = new Map(this.model.thresholds).get(label);
    return least === undefined ? [] : [make("p", { class: "threshold" }, `answered from a probability of ${least} on`)];
  }

  #probabilities(document, labels) {
    const { classes, outputs } = this.model;
    const found = document.probabilities?.[0] ?? separate(document);
    if (!found) return [];
    if (!Array.isArray(found[0])) {
      const several = outputs !== null;
      const named = several ? found.map((_, at) => `output ${at}`) : classes?.[0];
      const title = several ? "Probability of each output" : "Probability";
      return [bars(title, found, (at) => shown(named?.[at] ?? at), (at) => (several ? labels[at] : named?.[at] === labels))];
    }
    return found.map((each, output) =>
      bars(
        `Probability of output ${output}`,
        each,
        (at) => shown(classes?.[output][at] ?? at),
        (at) => classes?.[output][at] === labels[output],
      ),
    );
  }

  #further(document) {
    return this.model.answers
      .filter(({ name, further }) => further && name in document)
      .map(({ name, columns }) => {
        const value = document[name][0];
        const rows = Array.isArray(value) ? value.map((each, at) => [columns?.[at] ?? String(at), shown(each)]) : [["", shown(value)]];
        return table(name, rows);
      });
  }
}

// If the request names outputs, the probabilities of each output of the model have a name of their own.
function separate(document) {
  const found = [];
  while (`probabilities_${found.length}` in document) found.push(document[`probabilities_${found.length}`][0]);
  return found.length ? found : null;
}

function shown(value) {
  return value === "" ? "(empty)" : String(value);
}

function bars(title, probabilities, nameOf, isAnswer) {
  const order = probabilities.map((_, at) => at).sort((one, other) => probabilities[other] - probabilities[one]);
  const list = make("ul", { class: "bars" });
  const show = (places) =>
    list.append(
      ...places.map((at) =>
        make(
          "li",
          { class: isAnswer(at) ? "chosen" : false },
          make("span", { class: "bar-name" }, nameOf(at)),
          makeSvg(
            "svg",
            { class: "bar", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 1" },
            makeSvg("rect", { width: Math.max(0, Math.min(1, probabilities[at])) * 100, height: 1 }),
          ),
          make("span", { class: "bar-value", title: String(probabilities[at]) }, percent(probabilities[at])),
        ),
      ),
    );
  show(order.slice(0, MOST_BARS));
  const rest = order.slice(MOST_BARS);
  const more = rest.length ? make("button", { type: "button", class: "show-all" }, `Show all ${order.length}`) : null;
  more?.addEventListener("click", () => {
    show(rest);
    more.remove();
    list.tabIndex = -1;
    list.focus();
  });
  return make("div", { class: "distribution-of-classes" }, make("h3", {}, title), list, more);
}

function table(title, rows) {
  return make(
    "div",
    { class: "values" },
    make("h3", {}, title),
    make(
      "dl",
      {},
      ...rows.map(([name, value]) => make("div", {}, name && make("dt", {}, name), make("dd", {}, value))),
    ),
  );
}

function timing(milliseconds, phases) {
  const parts = phases.map(({ name, milliseconds: each }) => `${PHASES[name] ?? name} ${duration(each)}`);
  const within = parts.length ? ` (in the server: ${parts.join(", ")})` : "";
  return make("p", { class: "timing" }, `Round trip ${duration(milliseconds)}${within}`);
}

function duration(milliseconds) {
  return milliseconds < 1 ? `${milliseconds.toFixed(2)} ms` : `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}
