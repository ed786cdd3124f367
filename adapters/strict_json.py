"""The one strict JSON reader (pure): two readers must not see two different messages.

No name twice in an object, no number that a reader may round, no half characters, bounded depth and number of values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

import msgspec

from hub.domain.faults import Refused, fault

#: Deeper than any twin is; more values than a hundred documents of a hundred lines have; digits of an exact integer.
MAX_DEPTH = 32
MAX_VALUES = 1_000_000
_DIGITS = 15
_MOST_FAULTS = 25
#: What Python's reader says → both languages.
_WHAT: dict[str, tuple[str, str]] = {
    "Expecting value": ("a value is expected here", "此处应为值"),
    "Expecting ',' delimiter": ("a comma or a closing bracket is expected here", "此处应为逗号或右括号"),
    "Expecting ':' delimiter": ("a colon is expected here", "此处应为冒号"),
    "Expecting property name enclosed in double quotes": (
        "a name in double quotation marks is expected here",
        "此处应为带双引号的名称",
    ),
    "Extra data": ("there is something behind the end", "结束后还有多余内容"),
    "Unterminated string starting at": ("the string that begins here does not end", "此处开始的字符串没有结束"),
    "Invalid control character at": (
        "a string holds a line break or another control character",
        "字符串含有换行或其他控制字符",
    ),
    "Invalid \\escape": ("an escape that JSON does not know", "JSON 中没有的转义"),
    "Invalid \\uXXXX escape": ("\\u is not followed by four hexadecimal digits", "\\u 后不是四位十六进制数"),
}

#: To its end or, unclosed, to the end of the text, never looked at twice: from each quote anew it would take time by the square
#: of the length, and hold the interpreter all the while.
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes, *, texts: bool = False) -> Any:  # Any: JSON
    """The value of a JSON body; raises Refused (family ``json``).

    ``texts``: numbers are taken as the texts that stand there, so that nobody rounds them.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused([fault("json.encoding", line=data.count(b"\n", 0, error.start) + 1)]) from None
    if text.startswith("\ufeff"):
        _refuse("json.encoding", line=1)
    if sum(map(text.count, ",:[{")) > MAX_VALUES:
        _refuse("json.size", limit=MAX_VALUES)
    if _deepest(text) > MAX_DEPTH:
        _refuse("json.depth")
    rounded: list[_Inexact] = []

    def inexact(text: str) -> _Inexact:
        """NaN, Infinity, and fractions: ``1.50`` loses its zero in most readers, so amounts are strings."""
        rounded.append(_Inexact(text))
        return rounded[-1]

    def as_text(text: str) -> str:
        """As it was written; with an exponent, or longer than any amount, it is none that anybody wrote."""
        return inexact(text) if "e" in text or "E" in text or len(text) > 2 * _DIGITS else text

    def integer(text: str) -> int | _Inexact:
        return int(text) if len(text) <= _DIGITS else inexact(text)

    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=inexact, parse_float=as_text if texts else inexact,
            parse_int=as_text if texts else integer,
        )  # fmt: skip
    except json.JSONDecodeError as error:
        en, zh = _WHAT.get(error.msg, (error.msg, error.msg))
        bare = fault("json.malformed", line=error.lineno)
        said = f"{bare.message[:-1]}: line {error.lineno}, column {error.colno}: {en}."
        said_zh = f"{bare.message_zh[:-1]}：第 {error.lineno} 行第 {error.colno} 列：{zh}。"
        raise Refused([msgspec.structs.replace(bare, message=said, message_zh=said_zh)]) from None  # fmt: skip
    if "\\u" in text and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        _refuse("json.encoding")
    if rounded:
        raise Refused([fault("json.number", path=path) for path in islice(_inexact(value, ""), _MOST_FAULTS)])
    return value


class _Inexact(str):
    """Stands for a number that a reader may round, until its place is known."""

    __slots__ = ()


def _inexact(value: Any, path: str) -> Iterator[str]:
    """JSON pointers of the numbers that a reader may round."""
    if isinstance(value, _Inexact):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, _CONTAINERS):
                yield from _inexact(inner, f"{path}/{name[:60].replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, _CONTAINERS):
                yield from _inexact(inner, f"{path}/{index}")


_CONTAINERS = (_Inexact, dict, list)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        _refuse("json.duplicate_key", name=_SURROGATE.sub("?", name[:60]))
    return made


def _deepest(text: str) -> int:
    """The deepest nesting, strings aside; found before the parser recurses."""
    depth = deepest = 0
    for bracket in _NOT_BRACKETS.sub("", _STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _refuse(code: str, line: int = 0, **values: Any) -> NoReturn:
    raise Refused([fault(code, line=line, **values)])
