"""A page in a browser of its own, with a record of what it should never do."""

from pathlib import Path

# Chromium reports each violation of a Content-Security-Policy to the page, and some not on the console.
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
REFUSED = "Failed to load resource: the server responded with a status of "
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


SECONDS = 60  # that a page may take for something, on a machine that does much else


class Visit:
    """One page, its server's origin, and what went wrong on it."""

    def __init__(self, context, origin: str, axe: Path) -> None:
        self.origin, self._axe = origin, axe
        self.refusals = {422}  # the statuses that the server may answer: Chromium reports each as an error
        self._problems: list[str] = []
        context.add_init_script(VIOLATIONS)
        self.page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._problems.append(f"page error: {error}"))
        self.page.on("request", self._request)

    def open(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def problems(self) -> list[str]:
        """Return all that the page should not have done until now."""
        return [*self._problems, *self.page.evaluate("window.violations || []")]

    def violations_of_accessibility(self) -> list[str]:
        """Return what axe-core finds, each with where it is."""
        self.page.evaluate(self._axe.read_text())
        found = self.page.evaluate("rules => axe.run({runOnly: rules}).then(({violations}) => violations)", RULES)
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}\n{node['html'][:200]}"
            for each in found
            for node in each["nodes"]
        ]

    def _console(self, message) -> None:
        refused = message.text.startswith(REFUSED) and int(message.text.removeprefix(REFUSED)[:3]) in self.refusals
        if message.type in ("error", "warning") and not refused:
            self._problems.append(f"console {message.type}: {message.text} ({message.location})")

    def _request(self, request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", f"blob:{self.origin}/")):
            self._problems.append(f"request elsewhere: {request.url}")
