// Values as the source text of JSON, Python, JavaScript and the shell, whatever characters are in them.

// Characters that are not printed, or that change the direction of the text around them.
const HIDDEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

// A string in double quotes, which JSON, Python and JavaScript all read the same way.
export function quoted(text) {
  return JSON.stringify(text).replace(HIDDEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// One word of a POSIX shell.
export function shellQuoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const WORDS = {
  json: { true: "true", false: "false", null: "null" },
  javascript: { true: "true", false: "false", null: "null" },
  python: { true: "True", false: "False", null: "None" },
};

// A document of values, lists, and { pairs: [[name, value], …] } for objects with any names. Objects, and lists with
// objects in them, have a line for each member, indented by more than `indent`; if that is null, all is on one line.
export function written(value, language, indent = null) {
  const inner = indent === null ? null : `${indent}    `;
  if (Array.isArray(value)) {
    if (value.length === 1) return `[${written(value[0], language, indent)}]`;
    const lined = value.some((each) => each?.pairs);
    const parts = value.map((each) => written(each, language, lined ? inner : null));
    return enclosed(parts, "[]", language, lined ? indent : null);
  }
  if (value !== null && typeof value === "object") {
    const parts = value.pairs.map(([name, each]) => `${key(name, language)}: ${written(each, language, inner)}`);
    return enclosed(parts, "{}", language, indent);
  }
  return typeof value === "string" ? quoted(value) : typeof value === "number" ? String(value) : WORDS[language][value];
}

function enclosed(parts, [open, close], language, indent) {
  if (indent === null) return `${open}${parts.join(", ")}${close}`;
  const last = language === "json" ? "" : ",";
  return `${open}\n${parts.map((part) => `${indent}    ${part}`).join(",\n")}${last}\n${indent}${close}`;
}

// In JavaScript, "__proto__" before a colon would set the prototype.
function key(name, language) {
  return language === "javascript" && name === "__proto__" ? '["__proto__"]' : quoted(name);
}
