"""What is wrong with one element, in a stable word and a sentence of each language.

Sentences name fields and rules, never what was in the field: schema faults are shown and logged.
"""

from __future__ import annotations

import re
from typing import Literal

from schemas.model import Field

Reason = Literal[
    "missing",  # a required element or attribute is not there
    "unexpected",  # not known here, or in the wrong place
    "edition_2016",  # everything is there, in another order, as the edition of 2016 or a printed table has it
    "too_many",  # more of it than allowed
    "empty",  # must have a value
    "too_long",  # more characters or digits than allowed
    "too_short",
    "pattern",  # not of the form demanded
    "type",  # no number where a number must be
    "not_allowed",  # another value than the only one allowed; text, xsi:nil or xsi:type where they may not be
    "other",
]

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)

#: reason → (English, Chinese); ``{name}`` the element, ``{of}`` its meaning, ``{rule}`` what holds
_SENTENCES: dict[str, tuple[str, str]] = {
    "missing": ("{name}{of} is missing", "缺少 {name}{of}"),
    "unexpected": ("{name}{of} is not expected here", "{name}{of} 不应出现在此处"),
    "edition_2016": (
        "{name}{of} is out of order, as in messages of the edition of 2016 or in the specification's printed tables",
        "{name}{of} 顺序不符（如 2016 版报文或规范文本表格中的顺序）",
    ),
    "too_many": ("{name}{of} occurs more often than allowed ({rule})", "{name}{of} 出现次数超过上限（{rule}）"),
    "empty": ("{name}{of} must not be empty", "{name}{of} 不能为空"),
    "too_long": ("{name}{of} is longer than allowed ({rule})", "{name}{of} 超过允许长度（{rule}）"),
    "too_short": ("{name}{of} is shorter than allowed ({rule})", "{name}{of} 短于要求长度（{rule}）"),
    "pattern": ("{name}{of} has not the form demanded ({rule})", "{name}{of} 格式不符（{rule}）"),
    "type": ("{name}{of} is not of the form {rule}", "{name}{of} 不是 {rule} 格式"),
    "not_allowed": ("{name}{of} holds what is not allowed ({rule})", "{name}{of} 含有不允许的内容（{rule}）"),
    "other": ("{name}{of} does not conform to the schema", "{name}{of} 不符合报文模式"),
}


#: More of a sentence, in English and in Chinese; empty where there is nothing to add.
More = tuple[str, str]
NO_MORE: More = ("", "")


def sentences(
    reason: Reason, name: str, en: str = "", zh: str = "", rule: str = "", more: More = NO_MORE
) -> tuple[str, str]:
    """The sentence in English and in Chinese."""
    english, chinese = _SENTENCES[reason]
    return (
        english.format(name=name, of=f" ({en})" if en else "", rule=rule) + more[0],
        chinese.format(name=name, of=f"（{zh}）" if zh else "", rule=rule) + more[1],
    )


def belongs(here: list[str], name: str = "", after: str | None = None) -> More:
    """What belongs where something else stands, and where that belongs: ``after`` an element, or first (empty)."""
    english, chinese = "", ""
    if here:
        english += f"; {' or '.join(here)} belongs here"
        chinese += f"；此处应为 {' 或 '.join(here)}"
    if after is not None:
        english += f"; {name} belongs " + (f"after {after}" if after else "first")
        chinese += f"；{name} 应" + (f"位于 {after} 之后" if after else "位于最前")
    return english, chinese


def allowed_in(edition: str, rule: str = "") -> More:
    """That another edition has nothing against it, by its own rule."""
    english, chinese = (f" ({rule})", f"（{rule}）") if rule else ("", "")
    return f"; edition {edition} allows it{english}", f"；{edition} 版允许{chinese}"


def value_fault(field: Field, text: str) -> tuple[Reason, str] | None:
    """Why ``text`` is not a value of ``field``, with the rule it breaks; None if it is one."""
    if text == "" and (field.fixed or field.schema_default):
        return None
    found = _number(field, text) if field.number else _text(field, text)
    if found is None and field.fixed and text != field.fixed:
        return "not_allowed", f"= {field.fixed}"
    return found


def _text(field: Field, text: str) -> tuple[Reason, str] | None:
    if len(text) < field.min:
        return ("too_short" if text else "empty"), field.type
    if field.max is not None and len(text) > field.max:
        return "too_long", field.type
    if field.pattern and not re.fullmatch(field.pattern, text):
        return "pattern", field.pattern
    return None


#: Digits of the greatest xs:int; longer texts are not worth converting.
_INT_DIGITS = 10


def _number(field: Field, text: str) -> tuple[Reason, str] | None:
    value = text.strip(" \t\r\n")
    if not value:
        return "empty", field.type
    if not (_DECIMAL if field.base == "decimal" else _INTEGER).fullmatch(value):
        return "type", field.type
    whole, _, fraction = value.lstrip("+-").partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if field.base == "int" and (len(whole) > _INT_DIGITS or not -(2**31) <= int(value) < 2**31):
        return "too_long", field.type
    if field.digits and len(whole) + len(fraction) > field.digits:
        return "too_long", field.type
    return ("too_long", field.type) if field.base == "decimal" and len(fraction) > field.fraction else None
