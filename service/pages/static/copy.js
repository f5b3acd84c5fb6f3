// A button that copies a text.

import { make } from "./dom.js";

export function copyButton(text, label) {
  const button = make("button", { type: "button", class: "copy", "aria-label": label }, "Copy");
  const said = make("span", { class: "visually-hidden", role: "status" });
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    said.textContent = copied ? "Copied." : "It could not be copied.";
    setTimeout(() => {
      button.textContent = "Copy";
      said.textContent = "";
    }, 2000);
  });
  return make("span", { class: "copying" }, button, said);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // without TLS there is no clipboard, and it may be forbidden
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = make("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}
