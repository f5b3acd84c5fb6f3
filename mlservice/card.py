"""What a notebook shows of a server: HTML that needs no style of its own page, in light and dark."""

import html
import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 2000  # characters of an example
_CARD: Final = (
    "border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:.8em 1em;margin:.4em 0;max-width:60em;"
    "font-family:system-ui,sans-serif;line-height:1.5"
)
_CODE: Final = (
    "background:rgba(128,128,128,.12);border-radius:4px;padding:.5em .7em;margin:.6em 0 0;overflow-x:auto;"
    "white-space:pre-wrap;overflow-wrap:anywhere;color:inherit;font-family:ui-monospace,monospace;font-size:90%"
)
_MUTED: Final = "opacity:.75"


def card(url: str | None, model: Mapping[str, Any], row: Any) -> str:
    """Return the card of a server, which has no URL once it is stopped; `row` is one that the model takes."""
    count = len(model.get("features", ()))
    facts = f"{model['task']}, {count} feature{'' if count == 1 else 's'}, computed by {model['engine']}"
    head = f"<strong>{_text(model['name'])} {_text(model['version'])}</strong>"
    if url is None:
        return f'<div style="{_CARD}">{head} <span style="{_MUTED}">is stopped</span></div>'
    links = f'{_link(url, url)} <span style="{_MUTED}">·</span> {_link(f"{url}/docs", "API")}'
    return (
        f'<div style="{_CARD}"><div>{head} <span style="{_MUTED}">is served at</span> {links}</div>'
        f'<div style="{_MUTED}">{_text(facts)}</div><pre style="{_CODE}">{_text(_curl(url, row))}</pre></div>'
    )


def _curl(url: str, row: Any) -> str:
    body = json.dumps({"features": row}, ensure_ascii=False)
    if row is None or len(body) > _LONGEST:
        return f"curl {url}/model"
    return f"curl {url}/predict -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def _link(target: str, text: str) -> str:
    return f'<a href="{_text(target)}" target="_blank" rel="noopener">{_text(text)}</a>'


def _text(value: Any) -> str:
    return html.escape(str(value))
