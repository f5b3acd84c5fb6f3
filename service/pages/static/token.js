// The form that asks for a token.

import { setToken } from "./api.js";

// Calls `open(token)` with each token that the user sends; if that fails, the form says why.
export function askForToken(open) {
  const [form, input, error] = ["token-form", "token", "token-error"].map((id) => document.getElementById(id));
  form.hidden = false;
  input.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    const token = input.value.trim();
    setToken(token);
    try {
      await open(token);
    } catch (failure) {
      setToken("");
      error.textContent = failure.code === "unauthorized" ? "This token is not known." : failure.message;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  });
}
