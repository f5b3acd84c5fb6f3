"""Renders the pages."""

from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from service.formats import strict_json
from service.pages.model_view import describe_model
from service.pages.static_files import StaticFiles
from service.serving.served_model import ServedModel


class Pages:
    """Renders the model's page, the page of the API, and the page that asks for a token.

    `static` is the path of the static files, relative to the page. `tokens` says that access needs a token. The pages
    show no training data of `hidden` features. `metrics` says whether the page's own address has the metrics.
    """

    def __init__(self, static: str, *, tokens: bool, metrics: bool, hidden: AbstractSet[str] = frozenset()) -> None:
        self._context = {"static": static, "tokens": tokens, "metrics": metrics}
        self._tokens, self._hidden = tokens, hidden

    def model(self, served: ServedModel) -> str:
        """Return the page of a model."""
        view = describe_model(served, tokens=self._tokens, hidden=self._hidden)
        return self._render("model.html", model=view, manifest=served.loaded.manifest)

    def docs(self) -> str:
        """Return the page of the API; it says nothing of the model, and requests the OpenAPI document."""
        return self._render("docs.html", swagger=StaticFiles.of_swagger_ui().directory.removeprefix("/"))

    def shell(self) -> str:
        """Return the page that asks for a token; it says nothing of the model."""
        return self._render("token.html")

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.policies["json.dumps_function"] = lambda value, **_: strict_json.dumps(value).decode()
        return templates

    def _render(self, template: str, **context: Any) -> str:
        return self._templates.get_template(template).render(self._context, **context)
