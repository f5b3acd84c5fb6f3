"""Examples of requests, each with the protocol's answer."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from model.bundle.manifest import Golden
from model.loading import answered
from service.errors import ServiceError
from service.formats import strict_json
from service.protocols.base import JSON, Answer, Codec, Contract, Statistics
from service.protocols.description import Example

MOST_BYTES: Final = 2**18  # of one body: an example is read by people
_OTHERS: Final = 2**13  # of further examples of a route
_NOTHING_YET: Final = Statistics(0, 0, 0, 0.0, 0.0)


class Examples:
    """Answers examples from the golden rows, without predicting anything."""

    def __init__(self, contract: Contract, golden: Golden, samples: Sequence[int], max_body_bytes: int) -> None:
        self._contract, self._samples = contract, list(samples)
        self._prediction = answered(golden)
        self._most = min(MOST_BYTES, max_body_bytes)

    def answers(self, codec: Codec, examples: Mapping[str, Example]) -> dict[str, tuple[Example, Answer]]:
        """Return the examples that this server accepts, with their answers.

        Examples that are too large, or that the server's settings refuse, are left out.
        """
        answers: dict[str, tuple[Example, Answer]] = {}
        for name, example in examples.items():
            body = strict_json.dumps(example.body) if example.media_type == JSON else str(example.body).encode()
            if len(body) > (self._most if not answers else min(self._most, _OTHERS)):
                continue
            with suppress(ServiceError):
                answers[name] = example, self._answer(codec, example, body)
        return answers

    def of_page(self, codec: Codec, path: str) -> Answer | None:
        """Return the answer of a protocol's page; None if it must not be shown or is too large."""
        if path in codec.alive:
            answer = codec.alive[path]
        elif not self._samples:
            return None
        elif path in codec.pages:
            answer = codec.pages[path](self._contract)
        else:
            answer = codec.statistics[path](self._contract, _NOTHING_YET)
        return answer if len(answer.content) <= _OTHERS else None

    def _answer(self, codec: Codec, example: Example, body: bytes) -> Answer:
        headers = {"Content-Type": example.media_type, **example.headers}
        contract = self._contract.of_request()
        call = codec.decode(body, lambda name: headers.get(name, ""), contract)
        samples = self._samples[:1] if example.single else self._samples
        contract, prediction = contract.with_row_ids(self._prediction.of_rows(samples))
        return codec.encode(call, prediction, contract)


def media_type_of(answer: Answer) -> str:
    """Return an answer's media type without parameters."""
    return answer.content_type.partition(";")[0]


def shown(answer: Answer) -> Any:
    """Return an answer as the value of an example: JSON parsed, text as it is; None for anything else."""
    media_type = media_type_of(answer)
    if media_type == JSON or media_type.endswith("+json"):
        return strict_json.loads(answer.content) if answer.content else None
    return answer.content.decode() if media_type.startswith("text/") or media_type == "application/jsonlines" else None
