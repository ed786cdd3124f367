"""CloudEvents 1.0 in structured JSON mode (pure): what tax, foreign exchange, market supervision and commerce tell the hub.

One event (``application/cloudevents+json``) or a batch (``application/cloudevents-batch+json``). Read strictly: what is not said
to be allowed is refused, with a JSON pointer; a message is refused whole.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from adapters.strict_json import loads
from hub.domain.faults import Both, Fault, Refused, fault
from hub.domain.notices import NOTICES, Notice, authority_of
from hub.domain.texts import is_controlled

#: The media types; what they are told apart by.
EVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
#: Events of a batch at most; faults told of one message at most.
MOST_EVENTS, _MOST_FAULTS = 100, 25
#: Attributes of an event, and whether they must be there. Others are extensions: lower-case names, short texts.
_ATTRIBUTES = {
    "specversion": True, "id": True, "source": True, "type": True, "time": True, "data": True,
    "subject": False, "datacontenttype": False, "dataschema": False,
}  # fmt: skip
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_LONGEST = 256
_encode = msgspec.json.Encoder(order="sorted").encode


class Event(NamedTuple):
    """An event and where it stands in the body (a JSON pointer)."""

    path: str
    id: str
    notice: Notice
    data: Any  # Any: the struct of its type


def read(data: bytes, media_type: str, principal: str) -> list[Event]:
    """The events of a body that ``principal`` sent; raises Refused (family ``json``)."""
    value = loads(data)
    if media_type.startswith(BATCH):
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_EVENTS:
            raise Refused([fault("json.event_count", limit=MOST_EVENTS)])
        places = [(f"/{number}", one) for number, one in enumerate(value)]
    else:
        places = [("", value)]
    faults: list[Fault] = []
    events = []
    for path, one in places:
        wrong = _envelope(one, path)
        if wrong:
            faults += wrong
            continue
        found = _event(one, path, principal)
        if isinstance(found, Event):
            events.append(found)
        else:
            faults.append(found)
    faults += _together(events)
    if faults:
        raise Refused(faults[:_MOST_FAULTS])
    return events


def _together(events: list[Event]) -> list[Fault]:
    """What is wrong with events beside each other: one authority speaks, and says nothing twice."""
    found, seen = [], set[str]()
    for event in events:
        if authority_of(event.notice.type) != authority_of(events[0].notice.type):
            found.append(fault("json.event_mixed", path=f"{event.path}/type"))
        if event.notice.id in seen:
            found.append(fault("json.event", path=f"{event.path}/id", name="id", what=Both("it is that of another event of this batch", "与同批另一事件重复")))  # fmt: skip
        seen.add(event.notice.id)
    return found


def _envelope(value: Any, path: str) -> list[Fault]:  # Any: JSON
    """What is wrong with the attributes of an event."""
    if not isinstance(value, dict):
        return [fault("json.event", path=path, name="event", what=Both("it is no object", "不是对象"))]
    found = [
        fault("json.event", path=f"{path}/{name}", name=name, what=Both("it is missing", "缺失"))
        for name, needed in _ATTRIBUTES.items()
        if needed and name not in value
    ]
    for name, said in value.items():
        if name == "data":
            continue
        if name not in _ATTRIBUTES and not _EXTENSION.fullmatch(name):
            found.append(_wrong(path, name[:60], "there is no such attribute, nor may an extension be called so", "没有此属性，扩展属性名也不合规"))
        elif not isinstance(said, str) or not 0 < len(said) <= _LONGEST:
            found.append(_wrong(path, name, f"it is a text of 1 to {_LONGEST} characters", f"应为 1 至 {_LONGEST} 个字符的文本"))
        elif is_controlled(said):
            found.append(_wrong(path, name, *_CONTROLLED))
    if found:
        return found
    if value["specversion"] != "1.0":
        found.append(_wrong(path, "specversion", "it is 1.0", "应为 1.0"))
    if value.get("datacontenttype", "application/json") != "application/json":
        found.append(_wrong(path, "datacontenttype", "it is application/json", "应为 application/json"))
    if moment(value["time"]) is None:
        found.append(_wrong(path, "time", "it is a moment of RFC 3339 with its zone", "应为含时区的 RFC 3339 时间"))
    return found


_CONTROLLED = ("it holds a line break or another control character", "含有换行或其他控制字符")


def _controlled(value: Any, path: str) -> str:  # Any: JSON
    """The JSON pointer of a text with a control character; empty where there is none."""
    if isinstance(value, str):
        return path if is_controlled(value) else ""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((found for name, one in inner if (found := _controlled(one, f"{path}/{name}"))), "")


def _wrong(path: str, name: str, what: str, what_zh: str) -> Fault:
    pointed = name.replace("~", "~0").replace("/", "~1")
    return fault("json.event", path=f"{path}/{pointed}", name=name, what=Both(what, what_zh))


def _event(value: dict[str, Any], path: str, principal: str) -> Event | Fault:  # Any: JSON
    type_ = value["type"]
    shape = NOTICES.get(type_)
    if shape is None:
        return fault("json.event_type", path=f"{path}/type", type=type_[:60])
    try:
        data = msgspec.convert(value["data"], shape)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        return fault("json.event_data", path=f"{path}/data{_pointer(where)}", type=type_, what=what)
    # After the shape: names are known then, and it is no deeper than the shape is.
    if where := _controlled(value["data"], f"{path}/data"):
        return fault("json.event_data", path=where, type=type_, what=Both(*_CONTROLLED))
    time = moment(value["time"])
    assert time is not None
    # Who sent it is part of it: two authorities may number alike.
    id_ = sha256(f"{principal}\0{value['source']}\0{value['id']}".encode()).hexdigest()[:24]
    return Event(path, value["id"], Notice(id_, type_, time, _encode(value["data"])), data)


def _pointer(where: str) -> str:
    """msgspec's path (`$.reasons[0].code`) as a JSON pointer."""
    return re.sub(r"[.\[]", "/", where.strip("`").removeprefix("$").replace("]", "").replace("...", ""))


def moment(text: str) -> int | None:
    """A moment of RFC 3339 with its zone, ms since the epoch; None for what is none, or lies before 1970."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        found = round(datetime.fromisoformat(text.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return found if found >= 0 else None


_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
