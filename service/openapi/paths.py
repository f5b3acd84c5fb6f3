"""The paths of the document, each with its operation."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from service.openapi import headers
from service.openapi.errors import OF_ANY, OF_PREDICTION, ErrorResponses, Refuse
from service.openapi.examples import Examples, media_type_of, shown
from service.openapi.operations import Route
from service.protocols.base import Codec, problem_json
from service.protocols.description import JSON, Description, Operation
from service.protocols.schemas import PROBLEM, STRING, Schema, object_of, ref

TOKEN: Final = "token"  # noqa: S105  # the name of the security scheme


class Paths:
    """Collects the operations of each path of a server; `guarded` says that the server asks for tokens."""

    def __init__(self, examples: Examples, errors: ErrorResponses, max_body_bytes: int, *, guarded: bool) -> None:
        self._examples, self._errors, self._guarded = examples, errors, guarded
        self._body_limit = f"At most {max_body_bytes} bytes, also when it is unpacked."
        self.found: dict[str, Any] = {}

    def add_protocol(self, codec: Codec, description: Description, *, admin: tuple[str, ...]) -> None:
        """Add the routes of a protocol; `admin` are the codes of statistics if they have another address."""
        for path in codec.routes:
            self._add_prediction(path, codec, description)
        for path in (*codec.pages, *codec.statistics, *codec.alive):
            answer = self._examples.of_page(codec, path)
            media_type = JSON if answer is None else media_type_of(answer)
            operation = description.pages.get(path) or Operation(_id(codec, path), path, {media_type: {}})
            public = path in codec.health
            codes = (*(("draining",) if public else self._token), *(admin if path in codec.statistics else ()))
            own = codec.owns(path)  # else failures have the native shape
            described = description if own else replace(description, error=ref(PROBLEM))
            refuse = codec.refuse if own else problem_json
            entry = self._add(path, "get", described, operation, refuse, codes, public=public)
            content = entry["responses"]["200"]["content"]
            if public and self._guarded:
                said = {"description": "Without a token, any name will do."}  # so the path reveals nothing of the model
                where = {"in": "path", "required": True, "schema": STRING}
                entry["parameters"] = [{"name": name, **said, **where} for name in _names(path)]
                content[JSON] = _ready_or(content.get(JSON))
            media = content.get(media_type)
            if answer is not None and media is not None and (value := shown(answer)) is not None:
                media["example"] = value

    def add_route(self, path: str, route: Route, tag: str, *, admin: tuple[str, ...], example: Any = None) -> None:
        """Add a route that belongs to no protocol, perhaps with an example of its JSON."""
        codes = (*route.codes, *(() if route.public else self._token), *(admin if route.admin else ()))
        description = Description(tag, "", route.operation)
        entry = self._add(path, "get", description, route.operation, problem_json, codes, public=route.public)
        if example is not None:
            entry["responses"]["200"]["content"][JSON]["example"] = example
        if route.cached:
            entry["parameters"] = headers.parameter_refs(["IfNoneMatch"])
            etag = headers.refs("ETag")
            entry["responses"]["200"]["headers"] |= etag
            entry["responses"]["304"] = {"description": "The caller has it already.", "headers": etag}

    @property
    def _token(self) -> tuple[str, ...]:
        return ("unauthorized",) if self._guarded else ()

    def _add_prediction(self, path: str, codec: Codec, description: Description) -> None:
        operation = description.predict
        entry = self._add(path, "post", description, operation, codec.refuse, (*OF_PREDICTION, *self._token))
        entry["parameters"] = [*entry.get("parameters", ()), *headers.parameter_refs(headers.OF_PREDICTION)]
        body = _content(operation.requests)
        entry["requestBody"] = {"description": self._body_limit, "required": True, "content": body}
        succeeded = entry["responses"]["200"]
        succeeded["headers"] |= headers.refs("Server-Timing")
        for name, (example, answer) in self._examples.answers(codec, operation.examples).items():
            _add_example(body, example.media_type, name, example.summary, example.body)
            _add_example(succeeded["content"], media_type_of(answer), name, example.summary, shown(answer))

    def _add(
        self,
        path: str,
        method: str,
        description: Description,
        operation: Operation,
        refuse: Refuse,
        codes: Iterable[str],
        *,
        public: bool = False,
    ) -> dict[str, Any]:
        names = _names(path)
        codes = (*OF_ANY, *codes, *(("unknown_model",) if names else ()))
        errors = self._errors.of(codes, description.tag, refuse, description.error)
        content = _content(operation.answers)
        about = headers.refs("X-Request-ID", "traceparent", "X-Model-Version")
        succeeded = {"description": operation.summary, "headers": about, "content": content}
        parameters = headers.parameter_refs(f"Path{name.capitalize()}" for name in names) + list(operation.parameters)
        entry: dict[str, Any] = {
            "operationId": f"{operation.id}_of_version" if "version" in names else operation.id,
            "summary": operation.summary,
            **({"description": operation.description} if operation.description else {}),
            "tags": [description.tag],
            **({"security": [{}, {TOKEN: []}]} if public and self._guarded else {}),
            **({"parameters": parameters} if parameters else {}),
            "responses": {"200": succeeded, **errors},
        }
        self.found.setdefault(path.replace("<name:", "{").replace(">", "}"), {})[method] = entry
        return entry


def _names(path: str) -> list[str]:
    return re.findall("<name:([a-z]+)>", path)


def _ready_or(media: dict[str, Any] | None) -> dict[str, Any]:
    """Return either answer of a health check: the one to callers without a token, or `media`."""
    ready = object_of({"ready": {"const": True, "type": "boolean"}})
    return {"schema": {"anyOf": [ready, *([media["schema"]] if media else [])]}}


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _add_example(content: dict[str, Any], media_type: str, name: str, summary: str, value: Any) -> None:
    media = content.get(media_type)
    if media is not None and value is not None:
        media.setdefault("examples", {})[name] = {"summary": summary, "value": value}


def _id(codec: Codec, path: str) -> str:
    """Return an operationId for a path without a description."""
    words = re.findall("[A-Za-z0-9]+", path.replace("<name:", "<"))
    return "_".join([codec.name, *(words or ["root"])]).lower()
