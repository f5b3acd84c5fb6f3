// Reads CSV (RFC 4180) piece by piece into rows, each with the number of the line on which it starts; writes CSV.

const MOST_CHARACTERS = 2 ** 22; // of one row: without a limit, a quote that is not closed takes the rest of the file
const SEPARATORS = [",", ";", "\t"];
const NEEDS_QUOTES = /[",;\t\r\n]/;
const SEPARATOR_LINE = /^sep=.$/; // Excel's first line

export class CsvError extends Error {}

// Yields the rows that each piece of the file completes, as {line, cells}, and how many bytes have been read.
export async function* read(blob, separator) {
  let [text, line, width] = ["", 1, 0];
  for await (const { piece, bytes, last } of pieces(blob)) {
    const taken = take(text + piece, separator, line, last);
    [text, line] = [taken.rest, taken.line];
    if (text.length > MOST_CHARACTERS) {
      throw new CsvError(`Line ${line}: the row has more than ${MOST_CHARACTERS} characters. Is a quote not closed?`);
    }
    width ||= taken.rows[0]?.cells.length ?? 0;
    // A blank line is an empty cell if rows have one cell, and is skipped if they have more.
    const rows = width > 1 ? taken.rows.filter(({ cells }) => cells.length > 1 || cells[0] !== "") : taken.rows;
    yield { rows: rows.filter(({ line: at, cells }) => at > 1 || !SEPARATOR_LINE.test(cells.join(separator))), bytes };
  }
}

// Returns the first rows of a file, and the sign between their cells.
export async function peek(blob, count) {
  const start = await blob.slice(0, 2 ** 16).text();
  const lines = start.split(/[\r\n]+/).filter((each) => each && !SEPARATOR_LINE.test(each));
  const signs = (lines[0] ?? "").replaceAll(/"[^"]*"/g, "");
  const often = SEPARATORS.map((each) => signs.split(each).length);
  const separator = SEPARATORS[often.indexOf(Math.max(...often))];
  const found = [];
  for await (const { rows } of read(blob, separator)) {
    found.push(...rows.slice(0, count - found.length));
    if (found.length === count) break;
  }
  return { separator, rows: found };
}

export function write(rows, separator = ",") {
  return rows.map((cells) => cells.map(quoted).join(separator) + "\r\n").join("");
}

function quoted(cell) {
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

async function* pieces(blob) {
  const decoder = new TextDecoder("utf-8", { fatal: true }); // removes a byte order mark
  const reader = blob.stream().getReader();
  let [bytes, last] = [0, false];
  try {
    while (!last) {
      const { value, done } = await reader.read();
      [bytes, last] = [bytes + (value?.length ?? 0), done];
      yield { piece: decoded(decoder, value, done), bytes, last };
    }
  } finally {
    await reader.cancel();
  }
}

function decoded(decoder, bytes, last) {
  try {
    return decoder.decode(bytes, { stream: !last });
  } catch {
    throw new CsvError("The file is not text in UTF-8: save it as CSV in UTF-8.");
  }
}

// Returns the complete rows of a text, and the rest, which may continue in the next piece.
function take(text, separator, line, last) {
  const [rows, ends] = [[], /\r\n|\n|\r/g];
  let start = 0;
  while (start < text.length) {
    const row = takeRow(text, start, separator, ends, line, last);
    if (row === null) break;
    rows.push({ line, cells: row.cells });
    [start, line] = [row.next, line + row.lines];
  }
  return { rows, rest: text.slice(start), line };
}

// Returns the cells of the row that begins at `start`, where the next row begins, and the row's number of lines; null if
// the row may continue in the next piece.
function takeRow(text, start, separator, ends, line, last) {
  const plain = lineEnd(text, start, ends, last);
  if (plain === null && !last) return null;
  const content = text.slice(start, plain.at);
  if (!content.includes('"')) return { cells: content.split(separator), next: plain.next, lines: 1 };
  const cells = [];
  let [at, lines] = [start, 1];
  for (;;) {
    if (text[at] !== '"') {
      const end = lineEnd(text, at, ends, last);
      if (end === null) return null;
      const sign = text.indexOf(separator, at);
      const stop = sign >= 0 && sign < end.at ? sign : end.at;
      cells.push(text.slice(at, stop));
      if (stop === end.at) return { cells, next: end.next, lines };
      at = stop + 1;
      continue;
    }
    const close = closingQuote(text, at);
    if (close < 0 && last) throw new CsvError(`Line ${line}: a quote is not closed.`);
    if (close < 0 || (close >= text.length - 2 && !last)) return null; // what follows may be another quote
    const cell = text.slice(at + 1, close);
    lines += cell.match(/\r\n|\n|\r/g)?.length ?? 0;
    cells.push(cell.replaceAll('""', '"'));
    at = close + 2;
    if (text[close + 1] === separator) continue;
    const end = lineEnd(text, close + 1, ends, last);
    if (end?.at !== close + 1) throw new CsvError(`Line ${line}: expected ${separator} after a value in quotes.`);
    return { cells, next: end.next, lines };
  }
}

function lineEnd(text, from, ends, last) {
  ends.lastIndex = from;
  const found = ends.exec(text);
  if (found === null) return last ? { at: text.length, next: text.length } : null;
  if (found[0] === "\r" && ends.lastIndex === text.length && !last) return null; // \n may follow
  return { at: found.index, next: ends.lastIndex };
}

function closingQuote(text, open) {
  let close = text.indexOf('"', open + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  return close;
}
