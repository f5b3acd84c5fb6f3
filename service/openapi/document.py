"""The OpenAPI document of a server and the model that it serves."""

import re
from collections.abc import Iterable
from typing import Any, Final

from service import VERSION
from service.config.settings import Settings
from service.errors import Failure, terse
from service.formats import strict_json
from service.openapi import errors, headers, operations
from service.openapi.examples import Examples, shown
from service.openapi.model_schemas import facts_of, schemas_of
from service.protocols.base import Answer, Codec
from service.protocols.description import JSON, Description, Operation
from service.protocols.error_shapes import problem_json
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ServedModel

PATH: Final = "/openapi.json"
_OPENAPI: Final = "3.1.0"
_TOKEN: Final = "token"  # noqa: S105  # the name of the scheme
# Relative to the document's own address, so that it holds behind any path prefix.
_SERVERS: Final = [{"url": ".", "description": "The server that this document came from."}]


def document(settings: Settings, protocols: ProtocolRegistry, served: ServedModel) -> bytes:
    """Return the document as JSON."""
    return strict_json.dumps(_Maker(settings, protocols, served).made())


class _Maker:
    """Makes one document."""

    def __init__(self, settings: Settings, protocols: ProtocolRegistry, served: ServedModel) -> None:
        self._settings, self._protocols, self._served = settings, protocols, served
        contract, manifest = served.contract, served.loaded.manifest
        self._facts, samples = facts_of(contract, manifest, is_terse=settings.terse_errors)
        self._examples = Examples(contract, manifest.golden, samples, settings.max_body_bytes)
        self._paths: dict[str, Any] = {}
        self._tags: list[dict[str, str]] = []
        self._schemas = schemas_of(self._facts, contract, manifest.baseline)
        self._schemas |= {errors.PROBLEM: errors.problem_schema(), operations.MODEL: operations.model_schema()}

    def made(self) -> dict[str, Any]:
        """Return the document."""
        for codec in self._protocols.codecs:
            self._add_protocol(codec)
        self._add_operations()
        guarded = self._settings.tokens_file is not None
        scheme = {"type": "http", "scheme": "bearer", "description": "A token whose hash is in TOKENS_FILE."}
        return {
            "openapi": _OPENAPI,
            "info": self._info(),
            "servers": _SERVERS,
            **({"security": [{_TOKEN: []}]} if guarded else {}),
            "tags": self._tags,
            "paths": self._paths,
            "components": {
                "schemas": self._schemas,
                "headers": headers.RESPONSE,
                "parameters": headers.REQUEST,
                **({"securitySchemes": {_TOKEN: scheme}} if guarded else {}),
            },
        }

    def _info(self) -> dict[str, Any]:
        facts, settings = self._facts, self._settings
        limits = f"A request has at most {settings.max_rows} rows and {settings.max_body_bytes} bytes."
        if facts.signature is None:
            return {"title": "ml-service", "version": VERSION, "description": f"Predictions of a model. {limits}"}
        identity, task = self._served.contract.identity, facts.signature.task.replace("_", " ")
        said = f"Predictions of a {task} with {len(facts.names)} features, served by ml-service {VERSION}. {limits}"
        return {"title": identity.name, "version": identity.version, "description": said}

    def _add_protocol(self, codec: Codec) -> None:
        found = codec.describe(self._facts) if codec.describe else _bare(codec)
        self._tags.append({"name": found.tag, "description": found.text})
        self._schemas |= found.schemas
        for path in codec.routes:
            self._add(path, "post", found.predict, self._prediction(codec, path, found), found.tag)
        for path in (*codec.pages, *codec.statistics, *codec.alive):
            operation = found.pages.get(path) or Operation(_id(codec, path), path, {JSON: {}})
            codes = (*errors.OF_ANY, *(("unknown_model",) if "<" in path else ()))
            public = path in codec.health
            codes = (*codes, *(("draining",) if public else self._guard(admin=path in codec.statistics)))
            self._add(path, "get", operation, self._responses(codec, found, operation, codes), found.tag, public=public)

    def _prediction(self, codec: Codec, path: str, found: Description) -> dict[str, Any]:
        """Return what an operation that predicts has beside its texts."""
        operation = found.predict
        body = {kind: {"schema": schema} for kind, schema in operation.requests.items()}
        codes = (*errors.OF_ANY, *errors.OF_PREDICTION, *self._guard(), *(("unknown_model",) if "<" in path else ()))
        made = self._responses(codec, found, operation, codes)
        answers = made["responses"]["200"]["content"]
        made["responses"]["200"]["headers"] |= headers.of_prediction()
        for name, (example, answer) in self._examples.answers(codec, operation.examples).items():
            _add_example(body[example.media_type], name, example.summary, example.body)
            media_type = answer.content_type.partition(";")[0]
            if (value := shown(answer)) is not None and media_type in answers:
                _add_example(answers[media_type], name, example.summary, value)
        parameters = [*operation.parameters, *headers.parameters(of_prediction=True)]
        return {"parameters": parameters, "requestBody": {"required": True, "content": body}, **made}

    def _add_operations(self) -> None:
        self._tags.append({"name": operations.TAG, "description": operations.TEXT})
        for path, route in operations.ROUTES.items():
            codes = (*errors.OF_ANY, *route.codes, *(() if route.public else self._guard(admin=route.admin)))
            native = Description("", "", route.operation)
            made = self._responses(None, native, route.operation, codes)
            self._add(path, "get", route.operation, made, operations.TAG, public=route.public)

    def _guard(self, *, admin: bool = False) -> tuple[str, ...]:
        """Return the codes of requests that are not let in."""
        moved = admin and self._settings.admin_bind
        return (*(("unauthorized",) if self._settings.tokens_file else ()), *(("not_found",) if moved else ()))

    def _responses(
        self, codec: Codec | None, found: Description, operation: Operation, codes: Iterable[str]
    ) -> dict[str, Any]:
        refuse = codec.refuse if codec else problem_json
        is_terse = self._settings.terse_errors

        def said(failure: Failure, request_id: str) -> Answer:
            return refuse(terse(failure) if is_terse else failure, request_id)

        content = {kind: {"schema": schema} for kind, schema in operation.answers.items()}
        succeeded = {"description": operation.summary, "headers": headers.of_any(), "content": content}
        return {"responses": {"200": succeeded, **errors.responses(codes, said, found.error)}}

    def _add(
        self, path: str, method: str, operation: Operation, made: dict[str, Any], tag: str, *, public: bool = False
    ) -> None:
        of_version = "<name:version>" in path and "<name:model>" in path
        said = {"description": operation.description} if operation.description else {}
        parameters = [*self._of_path(path), *made.pop("parameters", operation.parameters)]
        self._paths.setdefault(_openapi_path(path), {})[method] = {
            "operationId": f"{operation.id}_of_version" if of_version else operation.id,
            "summary": operation.summary,
            **said,
            "tags": [tag],
            **({"security": []} if public and self._settings.tokens_file else {}),
            **({"parameters": parameters} if parameters else {}),
            **made,
        }

    def _of_path(self, path: str) -> list[dict[str, Any]]:
        """Return the parameters in a path, with the one value that is not a 404."""
        facts = {"model": self._facts.served_as, "version": self._facts.version}
        return [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", **({"enum": [value]} if value else {})},
            }
            for name, value in facts.items()
            if f"<name:{name}>" in path
        ]


def _add_example(media: dict[str, Any], name: str, summary: str, value: Any) -> None:
    media.setdefault("examples", {})[name] = {"summary": summary, "value": value}


def _openapi_path(path: str) -> str:
    return path.replace("<name:", "{").replace(">", "}")


def _id(codec: Codec, path: str) -> str:
    """Return an operationId for a path that nobody has described."""
    words = re.findall("[A-Za-z0-9]+", path.replace("<name:", "<"))
    return "_".join([codec.name, *words] if words else [codec.name, "root"]).lower()


def _bare(codec: Codec) -> Description:
    """Describe a protocol that does not describe itself."""
    routes = Operation(f"{codec.name}_predict", "Predict", {JSON: {}}, {JSON: {}})
    return Description(codec.name, f"The protocol {codec.name}.", routes, error={})
