"""The JSON twin's bytes: read strictly, so that two readers cannot see two different messages (pure)."""

from __future__ import annotations

import json
from typing import Any

from hub.domain.faults import Refused, fault

#: Deeper than any twin is.
MAX_DEPTH = 32
_LONGEST_NUMBER = 40


def loads(data: bytes) -> Any:  # Any: JSON
    """The value of a JSON body; raises Refused (family ``json``). A number with a fraction stays its own text, marked."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused([fault("json.encoding", line=data.count(b"\n", 0, error.start) + 1)]) from None
    if _deepest(text) > MAX_DEPTH:
        raise Refused([fault("json.depth")])
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_number, parse_float=_refuse_fraction, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise Refused([fault("json.malformed", line=error.lineno)]) from None
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refused([fault("json.encoding")]) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused([fault("json.duplicate_key", name=twice[:60].encode("utf-8", "replace").decode())])
    return made


def _refuse_number(_: str) -> Any:
    raise Refused([fault("json.number")])


def _refuse_fraction(text: str) -> Any:
    """``1.50`` as a JSON number loses its zero in most readers: amounts are strings."""
    raise Refused([fault("json.number", path=f"/{text[:_LONGEST_NUMBER]}")])


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Refused([fault("json.number")])
    return int(text)


def _deepest(text: str) -> int:
    """The deepest nesting, strings aside; counted before the parser recurses."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text if ("[" * MAX_DEPTH in text or text.count("{") + text.count("[") > MAX_DEPTH) else "":
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
