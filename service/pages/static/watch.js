// Notices when the server has another model than the one on the page.

import { ApiError, send } from "./api.js";

const EVERY = 20_000; // milliseconds, while the page is visible

export class ModelWatch {
  #etag = null;
  #changed;

  // `changed(page)` gets the page of a model with another digest, as a document.
  constructor(digest, changed) {
    [this.digest, this.#changed] = [digest, changed];
    const look = () => document.visibilityState === "visible" && this.check();
    setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
  }

  // Asks for the page; the browser has a copy, and the server answers 304 as long as it has not changed.
  async check() {
    try {
      const response = await send("./", { headers: { Accept: "text/html" }, cache: "no-cache" });
      const etag = response.headers.get("ETag");
      if (etag === this.#etag) return;
      const page = parsePage(await response.text());
      this.#etag = etag;
      const { digest } = page.getElementById("main").dataset;
      if (digest === this.digest) return;
      this.digest = digest;
      this.#changed(page);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the server may be restarting: the next check asks again
    }
  }
}

export function parsePage(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const each of page.querySelectorAll("noscript")) each.remove(); // scripts of a parsed document do not run
  return page;
}
