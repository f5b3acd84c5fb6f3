"""The OpenAPI document of a server and the model that it serves."""

from typing import Any, Final

from service import VERSION
from service.config.settings import Settings
from service.errors import InvalidRows, Problem
from service.formats import strict_json
from service.openapi import headers, operations
from service.openapi.drift_schema import drift_schema
from service.openapi.errors import ErrorResponses, problem_schema
from service.openapi.examples import Examples
from service.openapi.model_schemas import facts_of, schemas_of
from service.openapi.paths import TOKEN, Paths
from service.protocols.base import Codec, Contract
from service.protocols.description import JSON, Description, ModelFacts, Operation
from service.protocols.registry import ProtocolRegistry
from service.protocols.schemas import PROBLEM
from service.serving.served_model import ServedModel

PATH: Final = "/openapi.json"
_OPENAPI: Final = "3.1.0"
_MOST_DETAILED: Final = 1000  # features of a model whose errors have an example of its own
_MOST_SHOWN: Final = 8192  # bytes of the description of a model
# Relative to the document's own address, so that it is right below any path that a proxy serves.
_SERVERS: Final = [{"url": ".", "description": "The server that this document came from."}]
_URL: Final = b'"servers":[{"url":"%b"'


def document(settings: Settings, protocols: ProtocolRegistry, served: ServedModel) -> bytes:
    """Return the document as JSON."""
    contract, manifest = served.contract, served.loaded.manifest
    facts, samples = facts_of(contract, manifest, settings)
    errors = ErrorResponses(is_terse=settings.terse_errors, details=_details(facts, contract))
    examples = Examples(contract, manifest.golden, samples, settings.max_body_bytes)
    guarded, admin = settings.tokens_file is not None, ("not_found",) if settings.admin_bind else ()
    paths = Paths(examples, errors, settings.max_body_bytes, guarded=guarded)
    schemas = schemas_of(facts, contract, manifest, settings.log_redact)
    tags = []
    for codec in protocols.codecs:
        description = codec.describe(facts) if codec.describe else _bare(codec)
        tags.append({"name": description.tag, "description": description.text})
        schemas |= description.schemas
        paths.add_protocol(codec, description, admin=admin)
    for path, route in operations.ROUTES.items():
        example = _model_example(facts, served) if path == operations.MODEL_PATH else route.example
        paths.add_route(path, route, operations.TAG, admin=admin, example=example)
    components = {
        "schemas": {
            **schemas,
            PROBLEM: problem_schema(),
            operations.MODEL: operations.model_schema(),
            operations.DRIFT: drift_schema(),
        },
        "responses": errors.components,
        "parameters": headers.parameters(facts),
        "headers": headers.RESPONSE,
    }
    made: dict[str, Any] = {"openapi": _OPENAPI, "info": _info(facts, served, settings), "servers": _SERVERS}
    if guarded:
        scheme = {"type": "http", "scheme": "bearer", "description": "A token whose hash is in the server's file."}
        made["security"], components["securitySchemes"] = [{TOKEN: []}], {TOKEN: scheme}
    made["tags"] = [*tags, {"name": operations.TAG, "description": operations.TEXT}]
    return strict_json.dumps({**made, "paths": paths.found, "components": components})


def below(made: bytes, prefix: str) -> bytes:
    """Return a document with the path below which a proxy serves this server, so that a saved copy has it too."""
    return made.replace(_URL % b".", _URL % prefix.encode(), 1)


def _info(facts: ModelFacts, served: ServedModel, settings: Settings) -> dict[str, Any]:
    limits = f"A request has at most {settings.max_rows:,} rows and {settings.max_body_bytes:,} bytes."
    if facts.signature is None:
        return {"title": "ml-service", "version": VERSION, "description": f"Predictions of a model. {limits}"}
    identity, task = served.contract.identity, facts.signature.task.replace("_", " ")
    width = f"{len(facts.names)} feature{'s' if len(facts.names) > 1 else ''}"
    said = f"Predictions of a {task} with {width}, served by ml-service {VERSION}. {limits}"
    return {"title": identity.name, "version": identity.version, "description": said, "x-digest": identity.digest}


def _model_example(facts: ModelFacts, served: ServedModel) -> Any:
    """Return the answer of GET /model, if it may be shown and is short; it is the same on all servers of a model."""
    if not facts.samples:
        return None
    content = strict_json.dumps(served.describe() | {"loaded_at": served.loaded.manifest.created_at})
    return strict_json.loads(content) if len(content) <= _MOST_SHOWN else None


def _details(facts: ModelFacts, contract: Contract) -> dict[str, Problem]:
    """Return problems that a row of this model may have, by code, in the words of its reader."""
    if not facts.samples or len(facts.names) > _MOST_DETAILED:
        return {}
    row, by_name = facts.samples[0], facts.objects[0]
    lacking = {name: by_name[name] for name in list(by_name)[1:]}
    value = "abc" if contract.signature.features[0].dtype in ("float64", "bool") else []
    problems: dict[str, Problem] = {}
    for wrong in ([value, *row[1:]], row[1:], {**by_name, f"{facts.names[0][:40]}?": 1}, lacking, 1):
        try:
            contract.rows.read([wrong], "/features", single=True)
        except InvalidRows as error:
            problems.setdefault(error.code, error.problems[0])
    return problems


def _bare(codec: Codec) -> Description:
    """Describe a protocol that does not describe itself."""
    predict = Operation(f"{codec.name}_predict", "Predict", {JSON: {}}, {JSON: {}})
    return Description(codec.name, f"The protocol {codec.name}.", predict, error={})
