"""The data of one payment request: their fields, their one way of being written, the text that is signed (pure).

Source: attachments of GACC announcement 2018 No. 179; a record is ``{"payExchangeInfoHead": {…}, "payExchangeInfoLists":
[…]}``. Paths are JSON pointers. A fault never holds a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple, NoReturn

import msgspec

from hub.domain.faults import Fault, Refused, fault, kind_of

#: Bytes of one record: some hundred orders with long links; an upload holds one.
MAX_BYTES = 4 << 20
#: Characters of a number; an amount needs 20 at most.
_NUMBER = 28
HEAD, LISTS = "payExchangeInfoHead", "payExchangeInfoLists"


class Field(NamedTuple):
    """A field: its name, most characters, whether it is mandatory, and what it holds besides text."""

    name: str
    most: int
    needed: bool = True
    holds: str = "text"  # "amount", "time", "guid" or the values allowed, separated by commas


HEAD_FIELDS = (
    Field("guid", 36, holds="guid"),
    Field("initalRequest", 8000),
    Field("initalResponse", 8000),
    Field("ebpCode", 18),
    Field("payCode", 18),
    Field("payTransactionId", 60),
    Field("totalAmount", 20, holds="amount"),
    Field("currency", 4),
    Field("verDept", 1, holds="1,2,3"),
    Field("payType", 1, needed=False, holds="1,2,3,4"),
    Field("tradingTime", 14, holds="time"),
    Field("note", 1000, needed=False),
)
#: ``goodsInfo`` stands between the first and the others.
ORDER_FIELDS = (
    Field("orderNo", 60),
    Field("recpAccount", 60),
    Field("recpCode", 18, needed=False),
    Field("recpName", 100),
)
GOODS = "goodsInfo"
GOODS_FIELDS = (Field("gname", 250), Field("itemLink", 3000))


class Record(msgspec.Struct, frozen=True):
    """A payment request as it is signed and sent: two JSON texts, its orders' numbers, what is wrong with it.

    The texts are empty where a fault refuses.
    """

    head: str
    lists: str
    orders: tuple[str, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether customs can be answered with it."""
        return not refusing(self.faults)


def refusing(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Those that refuse; the others only flag."""
    return tuple(found for found in faults if kind_of(found.code).status)


# ---- reading


def parse(data: bytes) -> Any:  # Any: JSON, numbers as Decimal
    """The value of a JSON text; raises Refused (family ``json``, ``payment_data.too_large``)."""
    if len(data) > MAX_BYTES:
        raise Refused([fault("payment_data.too_large", limit=MAX_BYTES)])
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_no)
    except UnicodeDecodeError:
        raise Refused([fault("json.encoding")]) from None
    except json.JSONDecodeError as error:
        raise Refused([fault("json.malformed", line=error.lineno)]) from None
    except RecursionError:
        raise Refused([fault("json.depth")]) from None
    if "\\u" in text:
        _whole(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        # The name may be anything, so it is not said.
        raise Refused([fault("json.duplicate_key", name="…")])
    return made


def _number(text: str) -> Decimal:
    if len(text) > _NUMBER:
        _no(text)
    try:
        return Decimal(text)
    except DecimalException:
        _no(text)


def _no(text: str) -> NoReturn:
    del text
    raise Refused([fault("json.number")])


def _whole(value: object) -> None:
    """Refuse half a surrogate pair: it cannot be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise Refused([fault("json.encoding")]) from None


def read(data: bytes) -> Record:
    """The record of a JSON text; raises Refused where it is no JSON."""
    return record(parse(data))


def record(value: object) -> Record:
    """The record of a parsed value."""
    found = tuple(faults(value))
    if refusing(found) or not isinstance(value, dict):
        return Record("", "", tuple(_orders(value)), found)
    head, lists = value[HEAD], value[LISTS]
    return Record(compact(_head(head)), compact([_line(line) for line in lists]), tuple(_orders(value)), found)


def _orders(value: object) -> Iterator[str]:
    lists = value.get(LISTS) if isinstance(value, dict) else None
    for line in lists if isinstance(lists, list) else ():
        number = line.get("orderNo") if isinstance(line, dict) else None
        if isinstance(number, str) and 0 < len(number) <= 60:
            yield number


# ---- checking


def faults(value: object) -> Iterator[Fault]:
    """Everything that is wrong with a parsed record."""
    if not isinstance(value, dict):
        yield fault("payment_data.shape", field="/", kind="object")
        return
    yield from _unknown(value, "", {HEAD, LISTS})
    head, lists = value.get(HEAD), value.get(LISTS)
    if isinstance(head, dict):
        yield from _fields(head, f"/{HEAD}", HEAD_FIELDS)
    else:
        yield fault("payment_data.shape", path=f"/{HEAD}", field=HEAD, kind="object")
    if not isinstance(lists, list) or not lists:
        yield fault("payment_data.shape", path=f"/{LISTS}", field=LISTS, kind="array")
        return
    seen: set[str] = set()
    for index, line in enumerate(lists):
        path = f"/{LISTS}/{index}"
        yield from _line_faults(line, path)
        number = line.get("orderNo") if isinstance(line, dict) else None
        if isinstance(number, str) and number:
            if number in seen:
                yield fault("payment_data.repeated_order", path=f"{path}/orderNo")
            seen.add(number)


def _line_faults(line: object, path: str) -> Iterator[Fault]:
    if not isinstance(line, dict):
        yield fault("payment_data.shape", path=path, field=LISTS, kind="object")
        return
    yield from _fields(line, path, ORDER_FIELDS, GOODS)
    goods = line.get(GOODS)
    if not isinstance(goods, list) or not goods:
        yield fault("payment_data.shape", path=f"{path}/{GOODS}", field=GOODS, kind="array")
        return
    for index, item in enumerate(goods):
        if isinstance(item, dict):
            yield from _fields(item, f"{path}/{GOODS}/{index}", GOODS_FIELDS)
        else:
            yield fault("payment_data.shape", path=f"{path}/{GOODS}/{index}", field=GOODS, kind="object")


def _fields(value: dict[str, Any], path: str, fields: tuple[Field, ...], *others: str) -> Iterator[Fault]:
    yield from _unknown(value, path, {*others, *(field.name for field in fields)})
    for field in fields:
        yield from _field(value.get(field.name), f"{path}/{field.name}", field)


def _unknown(value: dict[str, Any], path: str, known: set[str]) -> Iterator[Fault]:
    if value.keys() - known:
        yield fault("payment_data.unknown", path=path or "/")


def _field(value: object, path: str, field: Field) -> Iterator[Fault]:
    name = field.name
    if value is None or value == "":
        if field.needed:
            yield fault("payment_data.missing", path=path, field=name)
    elif field.holds == "amount":
        if not isinstance(value, Decimal) or not _is_amount(value):
            yield fault("payment_data.amount", path=path, field=name)
    elif not isinstance(value, str):
        yield fault("payment_data.shape", path=path, field=name, kind="string")
    elif field.holds == "time":
        if not _is_time(value):
            yield fault("payment_data.time", path=path, field=name)
    elif field.holds not in ("text", "guid"):
        if value not in field.holds.split(","):
            yield fault("payment_data.value", path=path, field=name, allowed=field.holds)
    elif len(value) > field.most:
        yield fault("payment_data.too_long", path=path, field=name, limit=field.most)
    elif not value.strip() and field.needed:
        yield fault("payment_data.missing", path=path, field=name)
    elif field.holds == "guid" and (len(value) != field.most or value != value.upper()):
        yield fault("payment_data.guid", path=path)


def _is_amount(value: Decimal) -> bool:
    """N19,5: of 19 digits 5 behind the point."""
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -5 and value.adjusted() < 14 and not value.is_signed()


def _is_time(value: str) -> bool:
    if len(value) != 14 or not (value.isascii() and value.isdigit()):
        return False
    try:
        datetime.strptime(value, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether there is such a time
    except ValueError:
        return False
    return True


# ---- writing


def _head(head: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: head[field.name] for field in HEAD_FIELDS if head.get(field.name) is not None}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    first, *others = ORDER_FIELDS
    goods = [{field.name: item[field.name] for field in GOODS_FIELDS} for item in line[GOODS]]
    rest = {field.name: line[field.name] for field in others if line.get(field.name) is not None}
    return {first.name: line[first.name], GOODS: goods, **rest}


def compact(value: object) -> str:
    """JSON without spaces; texts in UTF-8; amounts in their shortest form, which any reader writes back as it was."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(name)}:{compact(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(inner) for inner in value) + "]"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def signed_text(session: str, head: str, lists: str, service_time: str) -> str:
    """What is signed: every value in double quotes, JSON inside not escaped, joined with ``||``."""
    return f'"sessionID":"{session}"||"{HEAD}":"{head}"||"{LISTS}":"{lists}"||"serviceTime":"{service_time}"'


def upload(session: str, head: str, lists: str, service_time: str, certificate_number: str, value: str) -> str:
    """``payExInfoStr``: the very texts that were signed, with certificate number and signature (Base64)."""
    return (
        f'{{"sessionID":{_quoted(session)},"{HEAD}":{head},"{LISTS}":{lists},"serviceTime":{_quoted(service_time)},'
        f'"certNo":{_quoted(certificate_number)},"signValue":{_quoted(value)}}}'
    )


def certificate_number(serial: str) -> str:
    """``certNo`` of a serial number in hexadecimal: whole bytes, as cards show it (``3a1`` → ``03a1``)."""
    return serial.zfill(len(serial) + len(serial) % 2)
