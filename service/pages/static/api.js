// Requests to the service: its address, the token (kept in memory only), and its errors.

// The page's own address: all others are relative to it, so that they are right below any path that a proxy serves.
export const base = new URL(".", document.baseURI);

let token = "";

export function setToken(value) {
  token = value;
}


// An error of the service or the network. `problems` are about single values: each has the JSON pointer to the value in
// the request, what was expected there, and what came.
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", requestId = "", problems = [], retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, requestId, problems, retryAfter });
  }
}

// Sends a request to a path relative to the page; returns the response. Throws ApiError, or AbortError if `signal`
// aborts the request.
export async function send(path, { headers = {}, ...options } = {}) {
  let response;
  try {
    const authorization = token ? { Authorization: `Bearer ${token}` } : {};
    response = await fetch(new URL(path, base), {
      cache: "no-store",
      credentials: "same-origin",
      ...options,
      headers: { ...headers, ...authorization },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(
      error.name === "TypeError" && !/^[\x20-\x7e]*$/.test(token)
        ? "A token has letters, digits and signs of ASCII only."
        : "The server cannot be reached; check the connection, and try again.",
    );
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

// Asks for predictions. `body` is a string or bytes of the content type; the answer has the type `accept`, and is parsed
// if that is JSON.
export async function predict(body, { contentType = "application/json", accept = "application/json", signal } = {}) {
  const start = performance.now();
  const response = await send("predict", {
    method: "POST",
    body,
    signal,
    headers: { "Content-Type": contentType, Accept: accept },
  });
  const text = await response.text();
  const milliseconds = performance.now() - start;
  return {
    text,
    document: accept === "application/json" ? parse(text) : null,
    milliseconds,
    phases: phasesOf(response.headers.get("Server-Timing") ?? ""),
    version: response.headers.get("X-Model-Version") ?? "",
    requestId: response.headers.get("X-Request-ID") ?? "",
  };
}

// The row and the feature, or column, that a problem's JSON pointer leads to: "/instances/3/age" is row 3, "age".
export function placeOf(pointer) {
  const [, , row, ...rest] = pointer.split("/");
  const feature = rest.length ? rest.join("/").replaceAll("~1", "/").replaceAll("~0", "~") : null;
  return { row: row === undefined ? null : Number(row), feature };
}

// Integers that a JavaScript number cannot hold become strings with all their digits, if the browser tells the source.
function parse(text) {
  return JSON.parse(text, (_key, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source)
      ? context.source
      : value,
  );
}

async function errorOf(response) {
  const requestId = response.headers.get("X-Request-ID") ?? "";
  const about = { status: response.status, requestId, retryAfter: Number(response.headers.get("Retry-After")) || 0 };
  const text = await response.text().catch(() => "");
  try {
    const { detail, title, code, errors } = JSON.parse(text);
    return new ApiError(detail || title || `The server answered ${response.status}.`, {
      ...about,
      code,
      problems: errors ?? [],
    });
  } catch {
    return new ApiError(`Something between this page and the service answered ${response.status}.`, about);
  }
}

function phasesOf(header) {
  return header.split(",").flatMap((part) => {
    const found = /^\s*([\w-]+);dur=([\d.]+)/.exec(part);
    return found ? [{ name: found[1], milliseconds: Number(found[2]) }] : [];
  });
}
