// Shows the OpenAPI document with Swagger UI, after asking for a token if one is needed.

import { send } from "./api.js";
import { askForToken } from "./token.js";

const SCHEME = "token"; // in components.securitySchemes of the document

const found = (id) => document.getElementById(id);

function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
}

function say(text) {
  found("notice").textContent = text;
  found("notice").hidden = false;
}

async function show(token = "") {
  const response = await send("openapi.json");
  const spec = await response.json();
  const { version } = spec.info;
  const ui = SwaggerUIBundle({
    spec,
    domNode: found("docs"),
    plugins: [accessible],
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    syntaxHighlight: { theme: "nord" },
    validatorUrl: null,
    onComplete: () => token && ui.preauthorizeApiKey(SCHEME, token),
    responseInterceptor: (answer) => {
      const answering = answer.headers["x-model-version"];
      if (answering && response.headers.get("X-Model-Version") !== answering) {
        say(`Version ${answering} of the model answers now; this page describes version ${version}. Load it again.`);
      }
      return answer;
    },
  });
}

async function open(token) {
  await show(token);
  found("gate").remove();
}

// Adds what Swagger UI lacks for keyboards and screen readers: names, landmarks, and headings in order; and removes links
// within buttons, and the choice of servers, of which there is only one.
function accessible({ React: { createElement, Fragment } }) {
  const around = (make) => (Original) => (props) => make(createElement(Original, props));
  const landmark = (label) => around((part) => createElement("section", { "aria-label": label }, part));
  const hidden = (text, element = "span") => createElement(element, { className: "visually-hidden" }, text);
  return {
    wrapComponents: {
      InfoContainer: landmark("About"),
      AuthorizeBtnContainer: landmark("Access"),
      ServersContainer: () => () => null,
      operations: around((part) => createElement(Fragment, null, hidden("Routes", "h2"), part)),
      ExamplesSelect: (Original) => (props) =>
        createElement("label", null, props.showLabels === false ? hidden("Example") : null, createElement(Original, props)),
      TextArea: (Original) => (props) => createElement(Original, { "aria-label": "Body", ...props }),
      DeepLink: () => ({ text }) => createElement("span", { className: "nostyle" }, text),
    },
  };
}

// Lets the keyboard scroll, gives tables their role back, and names choices, whenever Swagger UI draws something.
function mend() {
  const root = found("docs");
  const observer = new MutationObserver(() => {
    for (const each of root.querySelectorAll("pre.microlight:not([tabindex])")) each.tabIndex = 0;
    for (const each of root.querySelectorAll("table[role=region]")) each.removeAttribute("role");
    for (const each of root.querySelectorAll("[data-param-name] select:not([aria-label])")) {
      each.setAttribute("aria-label", each.closest("[data-param-name]").dataset.paramName);
    }
  });
  observer.observe(root, { childList: true, subtree: true });
}

followColorScheme();
mend();
if (found("token-form")) askForToken(open);
else show().catch((failure) => say(failure.message));
