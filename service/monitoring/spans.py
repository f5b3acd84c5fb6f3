"""Makes the span of a finished request."""

import time
from collections.abc import Iterable
from itertools import pairwise

from service.monitoring.prediction_log import Outcome
from service.monitoring.refusal import Refusal
from service.serving.served_model import ServedModel
from service.tracing.request_span import Begun, HttpFacts, Phase, RequestSpan, ServedBy


def span_of(
    begun: Begun, http: HttpFacts, outcome: Outcome, served: ServedModel | None, entered: Iterable[tuple[str, float]]
) -> RequestSpan:
    """Return the span of a prediction request that ends now.

    `entered` are the phases in order, each with when the request entered it (monotonic clock).
    """
    unix = outcome.time - time.monotonic()
    moments = [*((name, unix + start) for name, start in entered), ("", outcome.time)]
    phases = tuple(Phase(name, start, end) for (name, start), (_, end) in pairwise(moments))
    return RequestSpan(
        begun,
        http,
        phases[0].start,
        outcome.time,
        outcome.request_id,
        outcome.code,
        200 if outcome.refusal is None else outcome.refusal.status,
        outcome.protocol,
        _served_by(served, outcome),
        phases,
    )


def span_of_unrouted(begun: Begun, outcome: Outcome, refusal: Refusal) -> RequestSpan:
    """Return the span of a request that was refused without reaching a prediction route; its duration is 0."""
    caller = refusal.caller
    http = HttpFacts(caller.method, caller.path, caller.client)
    return RequestSpan(begun, http, outcome.time, outcome.time, outcome.request_id, outcome.code, refusal.status)


def _served_by(served: ServedModel | None, outcome: Outcome) -> ServedBy | None:
    if served is None:
        return None
    identity = served.contract.identity
    rows = None if outcome.call is None else len(outcome.call.rows)
    return ServedBy(identity.name, identity.version, identity.digest, served.loaded.engine.name, rows)
