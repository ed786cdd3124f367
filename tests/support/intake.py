"""Messages of made-up sales, spoilt in one place, and a judge that knows the demo's enterprises."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from adapters import signature
from adapters.authorities.customs.envelope import CUSTOMS_IMPORT, Envelope, write
from adapters.intake import Judge, Judged
from hub.domain.access import Access, Principal
from hub.domain.faults import Fault, Refused
from schemas import catalog, samples, twin
from schemas.documents import Transfer
from tests.support.signing import NOW, a_signer

MESSAGES = {"order": "CEB311", "payment": "CEB411", "waybill": "CEB511", "declaration": "CEB621"}
DXP_IDS = {
    "order": "DXPENT0000990001",
    "payment": "DXPENT0000990003",
    "waybill": "DXPENT0000990004",
    "declaration": "DXPENT0000990005",
}
CODES = {"order": "9901D00001", "payment": "9901D00003", "waybill": "9901D00004", "declaration": "9901D00005"}
PRINCIPALS = {
    "order": Principal("platform", ("platform", "merchant"), ("9901D00001", "9901D00002"), (DXP_IDS["order"],)),
    "payment": Principal("payer", ("payer",), (CODES["payment"],), (DXP_IDS["payment"],)),
    "waybill": Principal("carrier", ("carrier",), (CODES["waybill"],), (DXP_IDS["waybill"],)),
    "declaration": Principal("agent", ("declarant",), (CODES["declaration"],), (DXP_IDS["declaration"],)),
}
CUSTOMS = Principal("customs", ("customs",))
XML, JSON = "application/xml", "application/json"


def transfer(kind: str, **changes: str) -> Transfer:
    given = {"copCode": CODES[kind], "copName": "示范", "dxpMode": "DXP", "dxpId": DXP_IDS[kind], **changes}
    return Transfer(**given)


def documents(kind: str, count: int = 1, *, bad: int = 0, **changes: str | None) -> list[Any]:
    """``changes`` of the document number ``bad``: ``head field`` or ``list__0__field``."""
    made = []
    for number in range(count):
        paths = {f"{kind}.{name.replace('__', '.')}": value for name, value in changes.items()} if number == bad else {}
        made.append(getattr(samples.declaration_set(number + 1, at=NOW, overrides=paths), kind))
    return made


def rendered(kind: str, made: list[Any], **changes: str) -> bytes:
    """The unsigned message."""
    mt = catalog.message(MESSAGES[kind])
    return catalog.render(mt, made, guid=f"{'G' * 36}", transfer=transfer(kind, **changes))


def message(kind: str, made: list[Any] | None = None, **changes: str) -> bytes:
    """The signed message."""
    return signature.sign(rendered(kind, made or documents(kind), **changes), a_signer())


def a_twin(kind: str, made: list[Any] | None = None) -> dict[str, Any]:
    mt = catalog.message(MESSAGES[kind])
    return twin.write(mt, made or documents(kind), guid="G" * 36, transfer=transfer(kind))


def enveloped(content: bytes, sender: str, type_: str, id: str = "ID-1") -> bytes:
    return write(Envelope(id, sender, (CUSTOMS_IMPORT,), type_, content, NOW))


def digest(kind: str, value: str) -> str:
    return f"{kind}-{hash(value):x}"


@cache
def a_judge(
    signatures: str = "required",
    filed: Callable[[str], bool] | None = None,
    mandate: bool = True,
    refusing: Callable[[Collection[str], int], str] | None = None,
) -> Judge:
    return Judge(
        access=lambda: Access(filed={code: p.name for p in PRINCIPALS.values() for code in p.codes}),
        signatures=signatures,
        digest=digest,
        signing_key=lambda _: a_signer() if mandate else None,
        certificates=lambda _: {a_signer().fingerprint},
        filed=filed,
        refusing=refusing,
    )


def judged(data: bytes, kind: str = "order", media_type: str = XML, **judge: Any) -> Judged:
    return a_judge(**judge)(data, media_type, PRINCIPALS[kind], NOW)


def refused(data: bytes, principal: Principal | str = "order", media_type: str = XML, **judge: Any) -> Refused:
    """The refusal; AssertionError where it was taken."""
    who = PRINCIPALS[principal] if isinstance(principal, str) else principal
    try:
        a_judge(**judge)(data, media_type, who, NOW)
    except Refused as error:
        return error
    raise AssertionError("it was taken")


def codes(faults: tuple[Fault, ...]) -> list[str]:
    return [found.code for found in faults]
