// Programs that send the request of the form, with its present values: in curl, Python and JavaScript.

import { base } from "./api.js";
import { copyButton } from "./copy.js";
import { make } from "./dom.js";
import { quoted, shellQuoted, written } from "./literal.js";

const MOST_ARGUMENT = 100_000; // bytes; Linux takes no argument of a program that is longer than 128 KiB
const LANGUAGES = { curl, Python: python, JavaScript: javascript };

export class Snippets {
  constructor(root, panel, { tokens }) {
    this.tokens = tokens;
    this.language = "curl";
    this.tabs = Object.keys(LANGUAGES).map((name) => this.#tab(name));
    this.source = make("pre", { id: "source", tabindex: 0, role: "tabpanel" }, make("code"));
    const tablist = make("div", { role: "tablist", "aria-label": "Language", class: "tabs" }, ...this.tabs);
    root.replaceChildren(
      make("div", { class: "code-head" }, tablist, copyButton(() => this.text, "Copy the program")),
      this.source,
    );
    panel.hidden = false;
  }

  #tab(name) {
    const tab = make("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "source" }, name);
    tab.addEventListener("click", () => this.choose(name));
    tab.addEventListener("keydown", (event) => this.#move(event));
    return tab;
  }

  #move(event) {
    const names = Object.keys(LANGUAGES);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = { Home: 0, End: names.length - 1 }[event.key];
    if (step === undefined && at === undefined) return;
    event.preventDefault();
    const next = at ?? (names.indexOf(this.language) + step + names.length) % names.length;
    this.choose(names[next]);
    this.tabs[next].focus();
  }

  choose(name) {
    this.language = name;
    this.show(this.document);
  }

  show(document) {
    this.document = document;
    this.text = LANGUAGES[this.language](new URL("predict", base).href, document, this.tokens);
    this.source.firstChild.textContent = this.text;
    this.source.setAttribute("aria-labelledby", `tab-${this.language}`);
    for (const tab of this.tabs) {
      const chosen = tab.textContent === this.language;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
  }
}

function curl(url, document, tokens) {
  const body = written(document, "json", "");
  const lines = [`curl -s ${shellQuoted(url)}`, "-H 'Content-Type: application/json'"];
  if (tokens) lines.push('-H "Authorization: Bearer $TOKEN"');
  const short = body.length < MOST_ARGUMENT;
  lines.push(short ? `-d ${shellQuoted(body)}` : "--data-binary @- <<'END'");
  return lines.join(" \\\n  ") + (short ? "\n" : `\n${body}\nEND\n`);
}

function python(url, document, tokens) {
  const header = tokens ? '    headers={"Authorization": f"Bearer {os.environ[\'TOKEN\']}"},\n' : "";
  return `${tokens ? "import os\n\n" : ""}import requests

answer = requests.post(
    ${quoted(url)},
${header}    json=${written(document, "python", "    ")},
    timeout=30,
)
answer.raise_for_status()
print(answer.json())
`;
}

function javascript(url, document, tokens) {
  const authorization = tokens ? ', Authorization: `Bearer ${process.env.TOKEN}`' : "";
  return `const response = await fetch(${quoted(url)}, {
    method: "POST",
    headers: { "Content-Type": "application/json"${authorization} },
    body: JSON.stringify(${written(document, "javascript", "    ")}),
});
if (!response.ok) throw new Error(await response.text());
console.log(await response.json());
`;
}
