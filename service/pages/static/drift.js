// Shows how recent rows differ from the training data. It reads /model/drift at intervals while the page is visible.

import { ApiError, send } from "./api.js";
import { make, plural } from "./dom.js";
import { FeatureTable } from "./drift_table.js";
import { filled, legend, list } from "./shares.js";

const EVERY = 30_000; // milliseconds

export class Drift {
  #timer;
  #digest;
  #summed;

  // `summed(words)` gets a summary of each report in a few words.
  constructor(section, digest, summed) {
    [this.#digest, this.#summed] = [digest, summed];
    this.refresh = make("button", { type: "button" }, "Refresh");
    this.status = make("p", { role: "status", class: "verdict" });
    this.about = make("p", { class: "hint" });
    this.table = new FeatureTable();
    this.answers = make("div", { class: "answers" });
    this.limits = make("p", { class: "hint" });
    this.figures = make("div", { class: "figures", hidden: true }, legend(), this.table.element, this.answers, this.limits);
    section.replaceChildren(
      make("div", { class: "code-head" }, make("h2", { id: "drift-title", tabindex: "-1" }, "Drift"), this.refresh),
      this.status,
      this.about,
      this.figures,
    );
    section.setAttribute("aria-labelledby", "drift-title");
    section.hidden = false;
    this.refresh.addEventListener("click", () => this.ask());
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.look(), EVERY);
    this.look();
  }

  stop() {
    clearInterval(this.#timer);
  }

  // Asks for the user; the status is announced again even if it is the same.
  ask() {
    this.status.textContent = "";
    return this.look();
  }

  async look() {
    this.refresh.setAttribute("aria-busy", "true");
    try {
      const report = await (await send("model/drift")).json();
      if (report.model.digest === this.#digest) this.show(report);
      else this.#say("Another model is served now.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(error.message);
    }
    this.refresh.removeAttribute("aria-busy");
  }

  show(report) {
    const { window, over, prediction, score } = report;
    this.figures.hidden = false;
    this.table.show(report);
    this.answers.replaceChildren(
      ...answer("Predicted classes", prediction.classes, prediction.psi, "prediction_psi", over),
      ...answer(SCORES[score.kind] ?? "Scores", score.bins, score.psi, "score_psi", over),
    );
    this.about.textContent = describe(window);
    this.limits.textContent = explain(report.limits);
    this.#say(verdict(report));
    this.#summed(summary(report));
  }

  #say(words) {
    if (this.status.textContent !== words) this.status.textContent = words; // else screen readers repeat it each time
  }
}

const SCORES = { probability: "Probability of the predicted class", number: "Predicted numbers" };

// One sentence: what is over its limit, or that nothing is, or why that is not known.
function verdict({ window, over, features, prediction, score }) {
  if (!window.enough) {
    const [rows, least] = [window.rows, window.least_rows].map((count) => count.toLocaleString("en"));
    return `Too few rows yet: ${rows} of at least ${least}. Figures of fewer would differ by chance alone.`;
  }
  const known = [...features, prediction, score].some(({ psi, missing_ratio }) => (psi ?? missing_ratio ?? null) !== null);
  if (!known) return "The bundle does not say what the training data were like.";
  if (!over.length) return "No figure is over its limit.";
  const names = [...new Set(over.map(({ feature }) => feature))].filter((name) => name !== null);
  const parts = names.length ? [`${names.length} of ${plural(features.length, "feature")}`] : [];
  const figures = new Set(over.filter(({ feature }) => feature === null).map(({ figure }) => figure));
  if (figures.has("prediction_psi")) parts.push("the predicted classes");
  if (figures.has("score_psi")) parts.push("the scores");
  return `${upper(listed(parts))} differ from the training data by more than the limits.`;
}

function listed(parts) {
  return parts.length > 2 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts.join(" and ");
}

function upper(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function summary({ window, over }) {
  if (!window.enough) return "too few rows yet";
  return over.length ? `${plural(over.length, "figure")} over the limits` : "none seen";
}

function describe({ rows, minutes, oldest_seconds: oldest }) {
  const past = oldest === null ? minutes : Math.min(minutes, Math.max(1, Math.ceil(oldest / 60)));
  const time = past === 1 ? "minute" : `${past.toLocaleString("en", { maximumSignificantDigits: 3 })} minutes`;
  return `${plural(rows, "row")} of the past ${time}, beside the rows that the model was trained on.`;
}

function explain({ psi }) {
  return (
    "PSI, the population stability index, is 0 if shares are as in training. From chance alone it is about " +
    `(bins − 1) / rows; above ${psi} it counts as drift. Marked figures are over their limits.`
  );
}

function answer(title, bins, psi, figure, over) {
  if (!filled(bins).length) return [];
  const limit = over.find((each) => each.figure === figure && each.feature === null)?.limit;
  const index = psi === null ? "" : ` · PSI ${psi.toFixed(2)}`;
  const mark = limit === undefined ? null : make("strong", { class: "exceeds" }, ` ▲ over ${limit}`);
  return [make("div", {}, make("h3", {}, title, index, mark), list(bins))];
}
