// Predicts the rows of a file in batches, one after the other. It can stop after any batch, and continue there.

import { ApiError } from "./api.js";
import { CsvError, read, write } from "./csv.js";
import { plural } from "./dom.js";

const MOST_ROWS = 5000; // of a batch
const MOST_CHARACTERS = 2 ** 20; // of a batch
const [QUICK, SLOW] = [250, 1000]; // milliseconds: after a quicker batch the next is larger, after a slower one smaller
const MOST_WAIT = 30_000;
const MOST_SHOWN = 5;
const MOST_PROBLEMS = 1000;
const LATER = [429, 503]; // statuses
const OF_ROWS = [400, 413, 422, 504]; // statuses that some rows may cause, while others are accepted
const OF_COLUMNS = ["missing_feature", "unknown_feature", "duplicate_name"];

// The reason why a job stopped, in words for the user.
export class Stopped extends Error {}

export class Job {
  #blob;
  #separator;
  #names;
  #places;
  #predictCsv;
  #rows; // the file's rows as they are read
  #waiting = []; // rows that have been read and not answered
  #read = { rows: 0, bytes: 0, all: false };
  #head; // whether the next row is the header line
  #columns; // the names of the file's columns
  #batch = 500;
  #parts = []; // of the result, each a Blob, which a browser may keep on disk
  #badParts = [];
  skip = false; // whether to leave out refused rows
  done = 0;
  bad = 0;
  problems = []; // {line, name, reason} of the rows that stopped the job
  sample = []; // the first answers
  answered = null; // the names of the columns of answers
  version = null;
  broken = null; // the error because of which the file cannot be read further

  // `places` has, for each of the features `names`, its column in the file. `predictCsv(body, signal)` posts a body.
  constructor({ blob, separator, columns, headed, names, places, predictCsv }) {
    [this.#blob, this.#separator, this.#columns, this.#head] = [blob, separator, columns, headed];
    [this.#names, this.#places, this.#predictCsv] = [names, places, predictCsv];
    this.#rows = read(blob, separator);
  }

  // The number of rows: an estimate until all have been read.
  get total() {
    const { rows, bytes, all } = this.#read;
    return all ? rows : Math.round((rows * this.#blob.size) / Math.max(1, bytes));
  }

  get exact() {
    return this.#read.all;
  }

  get complete() {
    return this.#read.all && !this.#waiting.length;
  }

  // Continues until every row is answered; throws Stopped, CsvError, or an error of `predictCsv`.
  async run(signal, report) {
    this.problems = [];
    for (;;) {
      await this.#fill();
      if (!this.#waiting.length) return;
      const rows = this.#take();
      try {
        await this.#predict(rows, signal, report);
      } catch (error) {
        this.#waiting.unshift(...rows.filter((row) => !row.bad));
        throw error;
      }
      report("");
    }
  }

  // The file's columns, followed by those of the answers.
  result() {
    const taken = new Set(this.#columns);
    const named = this.answered.map((name) => (taken.has(name) ? `${name}_predicted` : name));
    return new Blob([write([[...this.#columns, ...named]], this.#separator), ...this.#parts], { type: "text/csv" });
  }

  // The rows that were left out, with the line on which each stands and the reason.
  badRows() {
    const head = write([["line", "reason", ...this.#columns]], this.#separator);
    const parts = this.#badParts.toSorted((one, other) => one.line - other.line).map(({ part }) => part);
    return new Blob([head, ...parts], { type: "text/csv" });
  }

  async #fill() {
    while (this.#waiting.length < this.#batch && !this.#read.all) {
      const { value, done } = await this.#next();
      if (done) {
        this.#read.all = true;
        return;
      }
      if (this.#head && value.rows.length) {
        this.#head = false;
        value.rows.shift();
      }
      for (const row of value.rows) this.#waiting.push(row);
      this.#read.rows += value.rows.length;
      this.#read.bytes = value.bytes;
    }
  }

  // Returns the next rows; once the file could not be read, throws the same error again.
  async #next() {
    if (this.broken) throw this.broken;
    try {
      return await this.#rows.next();
    } catch (error) {
      this.broken = error instanceof CsvError ? error : new CsvError(`The file cannot be read: ${error.message}`);
      throw this.broken;
    }
  }

  #take() {
    let [count, characters] = [0, 0];
    while (count < Math.min(this.#batch, this.#waiting.length) && characters < MOST_CHARACTERS) {
      characters += this.#waiting[count++].cells.reduce((sum, cell) => sum + cell.length + 1, 0);
    }
    return this.#waiting.splice(0, count);
  }

  async #predict(rows, signal, report) {
    const width = this.#columns.length;
    const wrong = (cells) => `expected ${width} values, as in the first line, got ${cells.length}`;
    const odd = rows.filter(({ cells }) => cells.length !== width);
    this.#refuse(odd.map((row) => ({ row, name: "", reason: wrong(row.cells) })));
    const right = rows.filter((row) => !row.bad);
    if (!right.length) return;
    const cells = right.map((row) => this.#places.map((place) => row.cells[place]));
    const begun = performance.now();
    try {
      const { text, version } = await this.#answer(write([this.#names, ...cells]), signal, report);
      this.#check(version);
      this.#keep(right, await table(text));
      this.#adapt(performance.now() - begun);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#refused(right, error);
    }
  }

  // Posts a body, again as long as the server is busy.
  async #answer(body, signal, report) {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#predictCsv(body, signal);
      } catch (error) {
        if (!LATER.includes(error.status)) throw error;
        report("The server is busy: waiting for it.");
        await pause(Math.min(MOST_WAIT, (error.retryAfter || 1) * 1000 * 2 ** Math.min(tries, 4)), signal);
      }
    }
  }

  #check(version) {
    const before = this.version;
    this.version = version;
    if (before !== null && version !== before) {
      throw new Stopped(
        `The model was replaced. Version ${version} answers now; ${plural(this.done, "row")} came from version ${before}. ` +
          "Resume to go on with the new one.",
      );
    }
  }

  #refused(rows, error) {
    if (!OF_ROWS.includes(error.status) || OF_COLUMNS.includes(error.code)) throw new Stopped(error.message);
    const named = error.problems.flatMap(({ pointer, expected, got }) => {
      const [, row, name = ""] = /^\/(\d+)(?:\/(.*))?$/s.exec(pointer) ?? [];
      const reason = `expected ${expected}, got ${got}`;
      return row in rows ? [{ row: rows[row], name: name.replaceAll("~1", "/").replaceAll("~0", "~"), reason }] : [];
    });
    if (named.length) this.#refuse(named);
    else if (rows.length === 1) this.#refuse([{ row: rows[0], name: "", reason: error.message }]);
    else this.#batch = Math.ceil(rows.length / 2); // one row is refused, or there are too many
    this.#waiting.unshift(...rows.filter((row) => !row.bad));
  }

  #refuse(problems) {
    if (!problems.length) return;
    const room = MOST_PROBLEMS - this.problems.length;
    this.problems.push(...problems.slice(0, room).map(({ row, name, reason }) => ({ line: row.line, name, reason })));
    if (!this.skip) throw new Stopped("Some rows are refused. Skip them, or correct the file and start again.");
    for (const row of new Set(problems.map((each) => each.row))) {
      const own = problems.filter((each) => each.row === row);
      const reasons = own.map(({ name, reason }) => (name ? `${name}: ${reason}` : reason));
      row.bad = true;
      this.bad += 1;
      const line = write([[String(row.line), reasons.join("; "), ...row.cells]], this.#separator);
      this.#badParts.push({ line: row.line, part: new Blob([line]) });
    }
  }

  #keep(rows, [head, ...found]) {
    this.answered ??= head;
    if (head.join() !== this.answered.join()) {
      throw new Stopped("The model was replaced, and its answers have other columns now: start again.");
    }
    const lines = rows.map((row, index) => [...row.cells, ...found[index]]);
    this.#parts.push(new Blob([write(lines, this.#separator)]));
    for (let index = 0; this.sample.length < MOST_SHOWN && index < rows.length; index++) {
      this.sample.push({ line: rows[index].line, cells: found[index] });
    }
    this.done += rows.length;
  }

  #adapt(milliseconds) {
    if (milliseconds < QUICK) this.#batch = Math.min(MOST_ROWS, this.#batch * 2);
    if (milliseconds > SLOW) this.#batch = Math.max(1, Math.ceil(this.#batch / 2));
  }
}

async function table(text) {
  const rows = [];
  for await (const each of read(new Blob([text]), ",")) rows.push(...each.rows.map(({ cells }) => cells));
  return rows;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}
