// A file of rows: chosen, dropped or pasted, predicted in batches, and offered for download with the answers as further
// columns.

import { ApiError, predict, send } from "./api.js";
import { CsvError, peek } from "./csv.js";
import { make, plural } from "./dom.js";
import { Job, Stopped } from "./scoring.js";

const MOST_MAPPED = 100; // features whose columns can be chosen
const MOST_BAD_SHOWN = 100;
const MOST_COLUMNS_SHOWN = 20;
const CSV = { contentType: "text/csv; header=present", accept: "text/csv" };

export function startFiles(section) {
  const files = new Files();
  const input = make("input", { type: "file", id: "file", accept: ".csv,.tsv,.txt,text/csv" });
  const text = make("textarea", { id: "pasted", rows: 3, spellcheck: "false" });
  const use = make("button", { type: "button" }, "Use these rows");
  const drop = make(
    "div",
    { class: "drop" },
    make("label", { for: "file" }, "Choose a CSV file, or drop it here"),
    input,
    make("label", { for: "pasted" }, "Or paste rows"),
    text,
    use,
  );
  section.append(
    make("h2", { id: "files-title" }, "Predict a file"),
    make(
      "p",
      { class: "hint" },
      "CSV with the model's columns, in any order. The file is read in this browser, and only the columns of the model " +
        "are sent. The others come back beside the answers.",
    ),
    drop,
    files.element,
  );
  input.addEventListener("change", () => input.files.length && files.open(input.files[0], input.files[0].name));
  use.addEventListener("click", () => text.value.trim() && files.open(new Blob([text.value]), "pasted.csv"));
  section.addEventListener("drop", ({ dataTransfer }) => {
    if (dataTransfer.files.length) files.open(dataTransfer.files[0], dataTransfer.files[0].name);
  });
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    section.addEventListener(name, () => drop.classList.toggle("over", name.endsWith("er")));
  }
  // A file dropped beside the section does not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
  }
  section.setAttribute("aria-labelledby", "files-title");
  section.hidden = false;
}

class Files {
  #names = null; // of the model's features
  #source = null; // {blob, name, separator, first, places}
  #job = null;
  #running = null; // an AbortController

  constructor() {
    this.about = make("p", {});
    this.headed = make("input", { type: "checkbox", id: "headed" });
    this.summary = make("summary", {});
    this.mapping = make("div", { class: "mapping" });
    this.details = make("details", {}, this.summary, this.mapping);
    this.start = make("button", { type: "button", class: "primary" }, "Predict all rows");
    this.cancel = make("button", { type: "button" }, "Cancel");
    this.resume = make("button", { type: "button" }, "Resume");
    this.skip = make("button", { type: "button" }, "Skip refused rows");
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Rows predicted" });
    this.count = make("p", { class: "muted" });
    this.status = make("p", { role: "status", class: "said" });
    this.alert = make("p", { class: "error said", role: "alert" });
    this.progress = make("div", { class: "progress" }, this.bar, this.count);
    this.found = make("div", { class: "found" });
    this.downloads = make("p", { class: "actions" });
    const headed = make("label", { class: "choice", for: "headed" }, this.headed, "The first line has the columns' names");
    const actions = make("div", { class: "actions" }, this.start, this.cancel, this.resume, this.skip);
    this.options = make("div", { class: "chosen-file" }, this.about, headed, this.details);
    this.options.hidden = true;
    const shown = [this.progress, this.status, this.alert, this.downloads, this.found];
    this.element = make("div", {}, this.options, actions, ...shown);
    this.#connect();
    this.#show();
  }

  #connect() {
    this.headed.addEventListener("change", () => this.#map());
    this.start.addEventListener("click", () => this.#start());
    this.cancel.addEventListener("click", () => this.#running.abort());
    this.resume.addEventListener("click", () => this.#go());
    this.skip.addEventListener("click", () => {
      this.#job.skip = true;
      this.#go();
    });
  }

  // Reads the start of a file, and finds the columns that the model takes.
  async open(blob, name) {
    this.#running?.abort();
    [this.#source, this.#job] = [null, null];
    this.#say("");
    try {
      this.#names = (await (await send("model")).json()).features.map((feature) => feature.name);
      const { separator, rows } = await peek(blob, 1);
      if (!rows.length) throw new CsvError("The file is empty.");
      const first = rows[0].cells;
      this.#source = { blob, name, separator, first };
      this.headed.checked = this.#names.some((each) => first.includes(each)) || first.length !== this.#names.length;
      const sign = { ",": "commas", ";": "semicolons", "\t": "tabs" }[separator];
      const columns = first.length > 1 ? `${plural(first.length, "column")}, separated by ${sign}` : "1 column";
      this.about.textContent = `${name}: ${size(blob.size)}, ${columns}`;
      this.#map();
    } catch (error) {
      this.#fail(error);
    }
    this.#show();
  }

  // Maps features to columns by name, or by order if the file has no names.
  #map() {
    const { first } = this.#source;
    const headed = this.headed.checked;
    const columns = headed ? first : first.map((_, place) => this.#names[place] ?? `column ${place + 1}`);
    const places = this.#names.map((name, at) => (headed ? first.indexOf(name) : at < first.length ? at : -1));
    Object.assign(this.#source, { columns, places });
    const choices = [["-1", "(not in the file)"], ...columns.map((name, place) => [place, name || `column ${place + 1}`])];
    const mapped = this.#names.length <= MOST_MAPPED && columns.length <= MOST_MAPPED ? this.#names : [];
    const rows = mapped.map((name, at) => {
      const options = choices.map(([value, label]) => make("option", { value }, label));
      const select = make("select", { id: `column-${at}` }, ...options);
      select.value = String(places[at]);
      select.addEventListener("change", () => {
        places[at] = Number(select.value);
        this.#summarize();
      });
      return make("div", { class: "mapped" }, make("label", { for: select.id }, name || "(no name)"), select);
    });
    this.mapping.replaceChildren(...rows);
    this.#summarize();
    this.details.open = places.includes(-1);
  }

  #summarize() {
    const { columns, places } = this.#source;
    const lacking = this.#names.filter((_, at) => places[at] < 0);
    const others = columns.filter((_, place) => !places.includes(place));
    const found = `Columns: ${this.#names.length - lacking.length} of ${plural(this.#names.length, "feature")} found`;
    const listed = (names) => names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
    this.summary.textContent =
      found +
      (lacking.length ? `, not in the file: ${listed(lacking)}` : "") +
      (others.length ? `; passed through, not sent: ${listed(others)}` : "");
  }

  #start() {
    const { blob, separator, columns, places } = this.#source;
    const sent = this.#names.map((name, at) => [name, places[at]]).filter(([, place]) => place >= 0);
    if (!sent.length) return this.#say("None of the file's columns is one of the model's.", true);
    this.#job = new Job({
      blob,
      separator,
      columns,
      headed: this.headed.checked,
      names: sent.map(([name]) => name),
      places: sent.map(([, place]) => place),
      predictCsv: (body, signal) => predict(body, { ...CSV, signal }),
    });
    return this.#go();
  }

  async #go() {
    const job = this.#job;
    this.#running = new AbortController();
    const [begun, before] = [performance.now(), job.done + job.bad];
    const report = (words) => {
      const finished = job.done + job.bad;
      const left = ((job.total - finished) * (performance.now() - begun)) / (finished - before);
      this.#count(job, Number.isFinite(left) && left > 0 ? `about ${duration(left)} left` : "");
      if (words !== this.status.textContent) this.#say(words);
    };
    this.#say("");
    this.#show();
    this.cancel.focus();
    try {
      await job.run(this.#running.signal, report);
      if (job === this.#job) this.#say(`Done: ${plural(job.done, "row")} predicted${job.bad ? `, ${job.bad} left out` : ""}.`);
    } catch (error) {
      if (job !== this.#job) return; // another file was opened
      if (error.name === "AbortError") this.#say("Stopped. Resume goes on from here.");
      else this.#fail(error);
    } finally {
      if (job === this.#job) this.#running = null;
    }
    this.#count(job, "");
    this.#show();
    (job.complete ? this.downloads.firstChild : job.problems.length && !job.skip ? this.skip : this.resume)?.focus();
  }

  #count(job, words) {
    this.bar.value = job.total ? (job.done + job.bad) / job.total : 0;
    const total = (job.exact ? "" : "about ") + job.total.toLocaleString("en");
    this.count.textContent = [`${(job.done + job.bad).toLocaleString("en")} of ${total} rows`, words].filter(Boolean).join(", ");
  }

  #say(words, wrong = false) {
    this.status.textContent = wrong ? "" : words;
    this.alert.textContent = wrong ? words : "";
  }

  #fail(error) {
    if (![ApiError, CsvError, Stopped].some((kind) => error instanceof kind)) throw error;
    this.#say(error.message, true);
  }

  #show() {
    const [job, running] = [this.#job, this.#running !== null];
    const held = job !== null && !running && !job.complete;
    this.options.hidden = this.#source === null || running;
    this.start.hidden = this.#source === null || running;
    this.start.textContent = job === null ? "Predict all rows" : "Start again";
    this.cancel.hidden = !running;
    this.resume.hidden = !held || job.broken || (job.problems.length > 0 && !job.skip);
    this.skip.hidden = !held || !job.problems.length || job.skip;
    this.progress.hidden = job === null;
    this.#showDownloads(running ? null : job);
    this.found.replaceChildren(...(job === null ? [] : [...refusedRows(job), ...firstAnswers(job)]));
  }

  #showDownloads(job) {
    for (const link of this.downloads.children) URL.revokeObjectURL(link.href);
    const name = this.#source?.name.replace(/\.\w+$/, "");
    const links = [];
    if (job?.done) links.push(download(job.result(), `${name}.predicted.csv`, `Download ${plural(job.done, "row")}`));
    if (job?.bad) links.push(download(job.badRows(), `${name}.refused.csv`, `Download ${plural(job.bad, "refused row")}`));
    this.downloads.replaceChildren(...links);
  }
}

function refusedRows({ problems }) {
  const shown = problems.toSorted((one, other) => one.line - other.line).slice(0, MOST_BAD_SHOWN);
  const rows = shown.map(({ line, name, reason }) => [line, name, reason]);
  const more = problems.length > shown.length ? make("p", { class: "muted" }, "There are more of them.") : null;
  return rows.length ? [table("Refused rows", ["Line", "Column", "Reason"], rows), ...(more ? [more] : [])] : [];
}

function firstAnswers({ sample, answered }) {
  const rows = sample.map(({ line, cells }) => [line, ...cells.slice(0, MOST_COLUMNS_SHOWN)]);
  return rows.length ? [table("First answers", ["Line", ...answered.slice(0, MOST_COLUMNS_SHOWN)], rows)] : [];
}

function table(title, head, rows) {
  const heads = make("tr", {}, ...head.map((each) => make("th", { scope: "col" }, each)));
  const lines = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, String(cell)))));
  const whole = make("table", {}, make("caption", {}, title), make("thead", {}, heads), make("tbody", {}, ...lines));
  return make("div", { class: "scroll", role: "region", "aria-label": title, tabindex: 0 }, whole);
}

function download(blob, name, words) {
  return make("a", { href: URL.createObjectURL(blob), download: name, class: "button" }, words);
}

function size(bytes) {
  const [unit, name] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "bytes"]].find(([each]) => bytes >= each) ?? [1, "bytes"];
  return `${Number((bytes / unit).toPrecision(3))} ${name}`;
}

function duration(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
