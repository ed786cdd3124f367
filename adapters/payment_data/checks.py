"""Judging a request of customs and an upload to customs (pure): fields, form, signature."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from adapters.certificates import Certificate, is_signed_by, same_serial
from adapters.payment_data.form import HEAD, LISTS, Record, compact, parse, record, refusing, signed_text
from hub import sm2
from hub.domain.faults import Fault, Refused, fault

#: Neither quote nor backslash: a session is the same text within JSON, in the signed text, and in a log.
_SESSION = re.compile(r"[!#-\[\]-~]{1,64}")
_OWN = ("sessionID", "serviceTime", "certNo", "signValue")
_RSA_SIZES = range(1024, 8193)


class Request(msgspec.Struct, frozen=True):
    """``openReq``: customs asks for the payment data of an order."""

    order: str
    session: str
    service_time: int


class Checked(msgspec.Struct, frozen=True):
    """What was found in an upload; ``text`` is what had to be signed (it holds the data: not for logs)."""

    session: str
    orders: tuple[str, ...]
    faults: tuple[Fault, ...]
    text: str = ""

    @property
    def sound(self) -> bool:
        """Whether customs would take it."""
        return not refusing(self.faults)


def read_request(data: bytes) -> Request:
    """The request in ``openReq``; raises Refused ``payment_data.request`` or of the family ``json``."""
    value = parse(data)
    order, session, time = (
        (value.get("orderNo"), value.get("sessionID"), value.get("serviceTime"))
        if isinstance(value, dict)
        else (None,) * 3
    )
    moment = _moment(time)
    sound = isinstance(order, str) and 0 < len(order) <= 60 and order.isprintable()
    if not sound or not isinstance(session, str) or not _SESSION.fullmatch(session) or moment is None:
        raise Refused([fault("payment_data.request")])
    return Request(str(order), session, moment)


def _moment(value: object) -> int | None:
    """Milliseconds, as a number or in quotes."""
    text = compact(value) if isinstance(value, Decimal) else value
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,15}", text) else None


class _Texts(msgspec.Struct):
    """The parts of an upload as they are written."""

    head: msgspec.Raw = msgspec.field(name=HEAD)
    lists: msgspec.Raw = msgspec.field(name=LISTS)


def check_upload(data: bytes, certificate: Certificate | None = None, at: int | None = None) -> Checked:
    """Judge ``payExInfoStr``. ``certificate``: the platform's (None: the signature is not asked); ``at``: ms when it must
    be valid (None: not asked). Never raises for what a sender can send.
    """
    try:
        value = parse(data)
    except Refused as refused:
        return Checked("", (), refused.faults)
    if not isinstance(value, dict):
        return Checked("", (), (fault("payment_data.shape", field="payExInfoStr", kind="object"),))
    found = record({name: inner for name, inner in value.items() if name not in _OWN})
    faults = [*_shape(value), *found.faults]
    session = value.get("sessionID")
    session = session if isinstance(session, str) and _SESSION.fullmatch(session) else ""
    if refusing(tuple(faults)):
        return Checked(session, found.orders, tuple(faults))
    texts = msgspec.json.decode(data, type=_Texts)
    head, lists = bytes(texts.head).decode(), bytes(texts.lists).decode()
    if (head, lists) != (found.head, found.lists):
        faults.append(fault("payment_data.form"))
    upload = _Upload(session, head, lists, str(_moment(value["serviceTime"])), value["signValue"])
    if certificate is not None:
        faults += _signature(upload, value["certNo"], certificate, at, found)
    return Checked(session, found.orders, tuple(faults), upload.text)


def _shape(value: dict[str, Any]) -> Iterator[Fault]:
    session = value.get("sessionID")
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        yield fault("payment_data.shape", path="/sessionID", field="sessionID", kind="string")
    if _moment(value.get("serviceTime")) is None:
        yield fault("payment_data.shape", path="/serviceTime", field="serviceTime", kind="number")
    for name, most in (("certNo", 64), ("signValue", 2048)):
        text = value.get(name)
        if text is None or text == "":
            yield fault("payment_data.missing", path=f"/{name}", field=name)
        elif not isinstance(text, str):
            yield fault("payment_data.shape", path=f"/{name}", field=name, kind="string")
        elif len(text) > most:
            yield fault("payment_data.too_long", path=f"/{name}", field=name, limit=most)


# ---- the signature


class _Upload(msgspec.Struct, frozen=True):
    session: str
    head: str
    lists: str
    time: str
    value: str

    @property
    def text(self) -> str:
        return signed_text(self.session, self.head, self.lists, self.time)


def _signature(
    upload: _Upload, number: str, certificate: Certificate, at: int | None, found: Record
) -> Iterator[Fault]:
    if not same_serial(number, certificate.serial):
        yield fault("payment_data.certificate_number", path="/certNo")
    if at is not None and at < certificate.not_before:
        yield fault("signature.not_yet_valid", path="/certNo")
    if at is not None and at > certificate.not_after:
        yield fault("signature.expired", path="/certNo")
    if certificate.key is None and certificate.sm2_key is None:
        yield fault("signature.algorithm", path="/signValue")
        return
    if certificate.key is not None and certificate.bits not in _RSA_SIZES:
        yield fault("signature.key_size", path="/signValue", bits=certificate.bits, least=_RSA_SIZES[0])
        return
    try:
        value = binascii.a2b_base64(upload.value.encode("ascii"), strict_mode=True)
    except ValueError:
        yield fault("payment_data.signature_value", path="/signValue")
        return
    if _holds(certificate, value, upload.text):
        return
    form = next(_other_forms(certificate, value, upload, found), "")
    if form:
        yield fault("payment_data.signature_form", path="/signValue", form=form)
    else:
        yield fault("payment_data.signature", path="/signValue")


def _holds(certificate: Certificate, value: bytes, text: str, hash_name: str = "sha1") -> bool:
    if certificate.sm2_key is not None:
        return certificate.sm2_key.is_signed_by(value, text.encode())
    return certificate.key is not None and is_signed_by(certificate.key, value, text.encode(), hash_name)


def _other_forms(certificate: Certificate, value: bytes, upload: _Upload, found: Record) -> Iterator[str]:
    """Names of the usual mistakes with which the signature holds."""
    text, bare = (
        upload.text,
        f'"sessionID":"{upload.session}"||"{HEAD}":{upload.head}||"{LISTS}":{upload.lists}||"serviceTime":',
    )
    escaped = (_escaped(upload.head), _escaped(upload.lists))
    tries = {
        "unquoted": (bare + upload.time, f'{bare}"{upload.time}"'),
        "list-name": (text.replace(f'||"{LISTS}":', '||"payExchangeInfoList":', 1),),
        "escaped": (signed_text(upload.session, *escaped, upload.time),),
        "compact": (signed_text(upload.session, found.head, found.lists, upload.time),),
    }
    for name, texts in tries.items():
        if any(_holds(certificate, value, other) for other in texts):
            yield name
    if certificate.key is not None and _holds(certificate, value, text, "sha256"):
        yield "sha256"
    if certificate.sm2_key is not None and _of_der(certificate, value, text):
        yield "der"


def _of_der(certificate: Certificate, value: bytes, text: str) -> bool:
    try:
        return _holds(certificate, sm2.raw(value), text)
    except ValueError:
        return False


def _escaped(text: str) -> str:
    """A text as JSON would escape it within quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def signature_text(value: bytes) -> str:
    """``signValue`` of a signature."""
    return base64.b64encode(value).decode("ascii")
