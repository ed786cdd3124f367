"""What is said of deliveries to subscribers: how each recipient stands, and what is to be sent again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class DeliveryReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of ``deliveries``: how a recipient stands at one of the processes that deliver, key = ``recipient+instance``.

    Counts are of the process's life (``since``, ms): ``delivered``, ``parked`` and ``skipped`` events, ``retried`` attempts that
    decided nothing. ``breaker`` is closed, open or probing; open until ``next_try``. ``note`` is the last failure: a fault's code
    and a status, never what the other side wrote. Times are ms, 0 for never.
    """

    recipient: str
    instance: str
    at: int
    since: int
    delivered: int = 0
    retried: int = 0
    parked: int = 0
    skipped: int = 0
    attempts: int = 0
    last_success: int = 0
    last_failure: int = 0
    note: str = ""
    breaker: str = "closed"
    next_try: int = 0
    running: bool = True


class Redelivery(msgspec.Struct, frozen=True):
    """A record of ``redeliveries``: an event that was parked is to be sent to that subscription again; where it lies."""

    subscription: str
    topic: str
    partition: int
    offset: int


#: The longest id.
_MOST_ID = 500


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as subscribers get it: CloudEvents 1.0, structured mode, JSON."""

    specversion: str
    id: str
    type: str
    source: str
    time: str = ""
    subject: str = ""
    data: msgspec.Raw = msgspec.Raw()


def cloud_event(headers: Iterable[tuple[str, bytes]], value: bytes, place: str) -> tuple[str, str, bytes]:
    """(id, type, body) of a record of a public topic; ``place`` is its id where it brings none of its own.

    The id is what a receiver tells repetitions by, and fit for a header.
    """
    said = {name: content.decode("utf-8", "replace") for name, content in headers if name.startswith("ce_")}
    id = _plain(said.get("ce_id") or place)
    type_ = said.get("ce_type") or "hub.record.published.v1"
    event = CloudEvent(
        "1.0", id, type_, said.get("ce_source") or "/hub", said.get("ce_time", ""), said.get("ce_subject", ""), msgspec.Raw(value)
    )
    return id, type_, _encode(event)


def _plain(id: str) -> str:
    """An id as a header can hold it: what is no printable ASCII is written as its bytes, ``%E4``."""
    if id.isascii() and id.isprintable() and "%" not in id:
        return id[:_MOST_ID]
    made = [chr(byte) if 32 < byte < 127 and byte != 37 else f"%{byte:02X}" for byte in id.encode("utf-8", "replace")]
    return "".join(made)[:_MOST_ID]


_encode = msgspec.json.Encoder().encode
