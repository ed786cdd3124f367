"""A JSON Schema (2020-12) judge for the keywords our schemas use; any other keyword is an error of the test."""

from __future__ import annotations

import re
from typing import Any

_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
_SILENT = {"$schema", "title", "description", "default"}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """Whether the schema accepts a JSON value."""
    return all(_KEYWORDS[name](argument, value, schema) for name, argument in schema.items() if name not in _SILENT)


def _is(type_: str, value: Any) -> bool:
    return isinstance(value, _TYPES[type_]) and not (type_ == "integer" and isinstance(value, bool))


def _type(types: str | list[str], value: Any, _: Any) -> bool:
    return any(_is(type_, value) for type_ in ([types] if isinstance(types, str) else types))


def _items(items: dict[str, Any], value: Any, _: Any) -> bool:
    return not isinstance(value, list) or all(accepts(items, item) for item in value)


def _properties(properties: dict[str, Any], value: Any, _: Any) -> bool:
    return not isinstance(value, dict) or all(accepts(s, value[name]) for name, s in properties.items() if name in value)


def _additional(allowed: bool, value: Any, schema: dict[str, Any]) -> bool:
    return allowed or not isinstance(value, dict) or value.keys() <= schema["properties"].keys()


def _text(check: Any) -> Any:
    return lambda argument, value, _: not isinstance(value, str) or check(argument, value)


def _array(check: Any) -> Any:
    return lambda argument, value, _: not isinstance(value, list) or check(argument, value)


def _number(check: Any) -> Any:
    return lambda argument, value, _: not _is("integer", value) or check(argument, value)


_KEYWORDS = {
    "type": _type,
    "items": _items,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": lambda names, value, _: not isinstance(value, dict) or set(names) <= value.keys(),
    "const": lambda wanted, value, _: value == wanted,
    "enum": lambda values, value, _: value in values,
    "minLength": _text(lambda low, text: len(text) >= low),
    "maxLength": _text(lambda high, text: len(text) <= high),
    "pattern": _text(lambda pattern, text: re.search(pattern, text) is not None),
    "minItems": _array(lambda low, items: len(items) >= low),
    "maxItems": _array(lambda high, items: len(items) <= high),
    "minimum": _number(lambda low, number: number >= low),
    "maximum": _number(lambda high, number: number <= high),
}
