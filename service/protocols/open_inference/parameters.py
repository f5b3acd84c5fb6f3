"""The `parameters` of the Open Inference Protocol that a request, a tensor and an output may have.

The protocol does not say which parameters exist. These tables list the accepted ones. Any other is refused, because it
may be meant to change the answer; docs/decisions/unknown-members.md.
"""

from collections.abc import Mapping
from typing import Any, Final

from service.validation.requests import check_members, invalid_request, shown

_CONTENT_TYPE: Final = "content_type"
# MLServer's names for the content of a tensor; all but base64 are read the same way as no name.
CONTENT_TYPES: Final = ("np", "pd", "str", "datetime", "base64")
# None of these can change the answer of a model without state that takes one request at a time, in order of arrival.
_OF_SCHEDULING: Final = ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers")
_OF_TRITON: Final = ("triton_enable_empty_final_response",)
OF_REQUEST: Final = ("binary_data_output", _CONTENT_TYPE, *_OF_SCHEDULING, *_OF_TRITON)
OF_TENSOR: Final = ("binary_data_size", _CONTENT_TYPE)
OF_OUTPUT: Final = ("binary_data", _CONTENT_TYPE)


def read_parameters(part: Mapping[str, Any], pointer: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters of a part of a request without those that are null; raises InvalidRows."""
    parameters = part.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise invalid_request(f"{pointer}/parameters", "an object", shown(parameters))
    given = {name: value for name, value in parameters.items() if value is not None}
    check_members(given, known, f"{pointer}/parameters")
    if given.get(_CONTENT_TYPE, "np") not in CONTENT_TYPES:
        expected, got = f"one of {', '.join(CONTENT_TYPES)}", shown(given[_CONTENT_TYPE])
        raise invalid_request(f"{pointer}/parameters/{_CONTENT_TYPE}", expected, got)
    return given


def read_string(part: Mapping[str, Any], name: str) -> str | None:
    """Return a member that is a string, if there is one; raises InvalidRows."""
    value = part.get(name)
    if not isinstance(value, str | None):
        raise invalid_request(f"/{name}", "a string", shown(value))
    return value


def read_flag(parameters: dict[str, Any], name: str, pointer: str, *, default: bool) -> bool:
    """Return a parameter that is true or false; raises InvalidRows."""
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise invalid_request(f"{pointer}/{name}", "true or false", shown(value))
    return value


def is_base64(parameters: dict[str, Any], *, default: bool = False) -> bool:
    """Return whether strings are encoded as base64."""
    return bool(parameters[_CONTENT_TYPE] == "base64") if _CONTENT_TYPE in parameters else default
