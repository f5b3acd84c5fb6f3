// Starts the parts of the page: the form that asks for a token, or the form of the model and the section for files.

import { ApiError, predict, send } from "./api.js";
import { Answer } from "./answer.js";
import { make } from "./dom.js";
import { Drift } from "./drift.js";
import { startFiles } from "./files.js";
import { Form } from "./form.js";
import { written } from "./literal.js";
import { Snippets } from "./snippets.js";
import { askForToken } from "./token.js";
import { ModelWatch, parsePage } from "./watch.js";

const SOON = 150; // milliseconds from a change in the form to the update of the programs

const found = (id) => document.getElementById(id);

let watch = null;

// `entered` has the values that another model's form had, by the names of its features.
function start(entered = new Map()) {
  showAges();
  startWatch();
  if (found("token-form")) askForToken(openPage);
  if (found("files")?.hidden) startFiles(found("files"));
  startDrift();
  if (found("model")) startModel(JSON.parse(found("model").textContent), entered);
}

async function openPage() {
  const response = await send("./", { headers: { Accept: "text/html" } });
  showPage(parsePage(await response.text()));
}

// Replaces this page with another; the section for files stays as it is.
function showPage(page, entered) {
  const files = found("files");
  document.title = page.title;
  document.body.replaceChildren(...page.body.childNodes);
  if (files && found("files")) found("files").replaceWith(files);
  start(entered);
  found("main").focus();
}

// Checks from time to time whether the same model is still served.
function startWatch() {
  const { digest } = found("main").dataset;
  if (watch !== null) watch.digest = digest;
  else if (digest) watch = new ModelWatch(digest, showNotice);
}

function showNotice(page) {
  const scripts = (each) => each.querySelector("script[type=module]").getAttribute("src");
  const show = make("button", { type: "button" }, `Show ${page.title}`);
  show.addEventListener("click", () => {
    if (scripts(page) === scripts(document)) showPage(page, form?.entered);
    else location.reload(); // the page is from another version of the service
  });
  const named = (each) => `${each.title} (${each.getElementById("main").dataset.digest?.slice(0, 8)})`;
  const words = `Another model is served now: ${named(page)}. This page describes ${named(document)}.`;
  found("notice").replaceChildren(make("span", {}, words), show);
  found("notice").hidden = false;
}

let drift = null;

// Shows how rows differ from the training data, with a summary at the head of the page.
function startDrift() {
  drift?.stop();
  drift = found("drift") ? new Drift(found("drift"), found("main").dataset.digest, showFact) : null;
}

function showFact(words) {
  found("drift-fact").hidden = false;
  found("drift-fact").querySelector("a").textContent = words;
}

let form = null;

function startModel(model, entered) {
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
  form = new Form(root, model, () => changed());
  form.enter(entered);
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
    const answered = await predict(written(request, "json"), { signal: running.signal });
    form.clearProblems();
    answer.show(answered);
    if (answered.version !== found("main").dataset.version) watch.check();
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

// Lets the user choose outputs beside the prediction. Returns a function that lists the outputs to ask for; the list is
// empty if the user has chosen none.
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

// Shows how long ago each time was, in place of the time itself.
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
