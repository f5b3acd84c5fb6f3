// Starts what the page has: the form that asks for a token, or the form of the model and the part for files.

import { ApiError, predict, send, setToken } from "./api.js";
import { Answer } from "./answer.js";
import { make } from "./dom.js";
import { startFiles } from "./files.js";
import { Form } from "./form.js";
import { written } from "./literal.js";
import { Snippets } from "./snippets.js";

const SOON = 150; // milliseconds after which the programs follow the form

const found = (id) => document.getElementById(id);

function start() {
  showAges();
  if (found("token-form")) askForToken();
  if (found("files")) startFiles(found("files"));
  if (found("model")) startModel(JSON.parse(found("model").textContent));
}

function askForToken() {
  const [form, input, error] = [found("token-form"), found("token"), found("token-error")];
  form.hidden = false;
  input.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    setToken(input.value.trim());
    try {
      const response = await send("./", { headers: { Accept: "text/html" } });
      replacePage(await response.text());
    } catch (failure) {
      setToken("");
      error.textContent = failure.code === "unauthorized" ? "This token is not known." : failure.message;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  });
}

// Puts the page of the model in the place of the one that asks for a token. Scripts of a parsed document do not run.
function replacePage(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const each of page.querySelectorAll("noscript")) each.remove();
  document.title = page.title;
  document.body.replaceChildren(...page.body.childNodes);
  start();
  found("main").focus();
}

function startModel(model) {
  const root = Object.fromEntries(
    ["form", "alert", "search", "query", "fields", "shown", "more", "next", "example"].map((id) => [id, found(id)]),
  );
  const outputs = startOutputs(model, () => changed());
  const snippets = new Snippets(found("code"), found("code-panel"), model);
  const answer = new Answer(found("answer"), found("answer-panel"), model);
  let timer;
  const request = () => {
    const { row } = form;
    const pairs = [["instances", [row.list ?? row]]];
    if (outputs().length) pairs.push(["outputs", outputs()]);
    return { pairs };
  };
  const changed = () => {
    answer.outdate();
    clearTimeout(timer);
    timer = setTimeout(() => snippets.show(request()), SOON);
  };
  const form = new Form(root, model, () => changed());
  snippets.show(request());
  root.form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(root, form, answer, request());
  });
}

let running = null;

async function ask(root, form, answer, request) {
  running?.abort();
  running = new AbortController();
  root.alert.replaceChildren();
  root.form.setAttribute("aria-busy", "true");
  try {
    const found = await predict(written(request, "json"), { signal: running.signal });
    form.clearProblems();
    answer.show(found);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    answer.outdate();
    const others = form.showProblems(error.problems);
    const beside = error.problems.length > others.length;
    showAlert(root.alert, others.length ? others : beside ? [] : [error.message], error);
  } 
  root.form.removeAttribute("aria-busy");
}

function showAlert(alert, messages, { requestId }) {
  const hint = messages.length && requestId ? make("p", { class: "muted" }, `Request ${requestId}`) : null;
  alert.replaceChildren(...messages.map((message) => make("p", {}, message)), ...(hint ? [hint] : []));
}

// Lets the user choose outputs beside the prediction; returns what tells which outputs to ask for, none for the usual.
function startOutputs(model, changed) {
  const further = model.answers.filter((each) => each.further);
  const usual = model.answers.filter((each) => !each.further).map(({ name }) => name);
  const boxes = further.map(({ name }) => make("input", { type: "checkbox", value: name }));
  found("outputs").hidden = further.length === 0;
  found("outputs").querySelector("fieldset").append(
    ...boxes.map((box) => make("label", { class: "choice" }, box, make("code", {}, box.value))),
  );
  for (const box of boxes) box.addEventListener("change", changed);
  return () => {
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    return chosen.length ? [...usual, ...chosen] : [];
  };
}

// Says beside each time how long ago it was.
function showAges() {
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const [unit, size] = units.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
    if (Number.isNaN(seconds)) continue;
    time.title = time.textContent;
    time.textContent = format.format(Math.trunc(seconds / size), unit);
  }
}

start();
