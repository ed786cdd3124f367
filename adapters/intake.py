"""The judgement of the door: bytes → documents, or the faults that refuse them. No I/O, no clock.

Steps, each with its family of faults: transport (the caller's) → xml/json → schema → signature → access → identity and
meaning. Faults of format refuse the whole message, since customs would refuse it whole; faults of meaning flag a
document. ``hub check``, the door and the bench judge by this one function.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import date
from typing import Any

import msgspec
from lxml import etree

from adapters import signature, xml
from adapters.authorities.customs import envelope as dxp
from adapters.dialects import json_twin
from adapters.dialects.meaning import Checker, Found
from hub.domain import keys
from hub.domain.access import OWN_CODES, Access, Principal, own_codes
from hub.domain.events import DECLARATION, ORDER, RECEIPT, SubmittedDocument
from hub.domain.faults import Fault, Refused, fault, kind_of
from hub.domain.money import amount
from schemas import catalog, twin
from schemas.documents import STRUCTS
from schemas.explain import SchemaFault
from schemas.model import MessageType

_DXP = "{http://www.chinaport.gov.cn/dxp}DxpMsg"
_pack = msgspec.msgpack.Encoder().encode
#: Fields of a head in which an enterprise is named, for the check against the filings.
_ENTERPRISES = ("ebpCode", "ebcCode", "payCode", "logisticsCode", "agentCode")


class Judged(msgspec.Struct, frozen=True):
    """A message that is taken. ``messages``: the CEB messages to hand over where they are not the bytes received."""

    message: str
    guid: str
    edition: str
    sender: str
    documents: tuple[SubmittedDocument, ...]
    authority: str = ""
    dxp_id: str = ""
    copmsg_id: str = ""
    subscribers: tuple[str, ...] = ()
    messages: tuple[bytes, ...] = ()


class Judge:
    """Judges messages for principals; what it asks of the rest of the hub comes in by name.

    ``access``: the access table with today's filings. ``digest(kind, text)``: keyed digests. ``signing_key``: the hosted
    key of a principal, None without a mandate. ``certificates``: fingerprints a principal may sign with.
    ``filed``: whether an enterprise code is filed; None takes every code.
    """

    def __init__(
        self,
        *,
        access: Callable[[], Access],
        signatures: str,
        digest: Callable[[str, str], str],
        signing_key: Callable[[Principal], signature.SigningKey | None],
        certificates: Callable[[Principal], Container[str]],
        filed: Callable[[str], bool] | None = None,
    ) -> None:
        self._access = access
        self._required = signatures == "required"
        self._digest = digest
        self._signing_key = signing_key
        self._certificates = certificates
        self._filed = filed

    def __call__(self, data: bytes, media_type: str, principal: Principal, received_at: int) -> Judged:
        """Judge a body; raises Refused. ``received_at`` in ms counts for certificates and dates."""
        if media_type == "application/json":
            return self._twin(data, principal, received_at)
        authority = "customs" if "customs" in principal.roles else ""
        limits = xml.AUTHORITY if authority else xml.ENTERPRISE
        parsed = xml.parse(data, limits)
        around: dxp.Envelope | None = None
        inner: tuple[bytes, ...] = ()
        if parsed.root.tag == _DXP:
            around = _opened(data)
            inner = (around.content,)
            parsed = xml.parse(around.content, limits)
        root = parsed.root
        mt = catalog.message_of(root)
        if mt is None:
            raise Refused([fault("schema.unknown_message", root=etree.QName(root).localname[:60])])
        if mt.direction == "down":
            return self._receipts(root, mt, principal, authority, around, inner)
        edition = _edition(root, mt, principal.edition)
        flags = self._signed(root, parsed.text, mt, principal, received_at)
        return self._judged(root, mt, edition, principal, received_at, around, inner, flags)

    # ---- enterprises

    def _signed(
        self, root: etree._Element, text: bytes, mt: MessageType, principal: Principal, received_at: int
    ) -> tuple[Fault, ...]:
        """Verify the signature where there is one or must be one; what is odd about it flags every document."""
        demanded = self._required or mt.signature == "required"
        if not demanded and signature.find(root) is None:
            return ()
        return signature.verify(root, text, self._certificates(principal), received_at).faults

    def _judged(
        self,
        root: etree._Element,
        mt: MessageType,
        edition: str,
        principal: Principal,
        received_at: int,
        around: dxp.Envelope | None,
        messages: tuple[bytes, ...],
        flags: tuple[Fault, ...],
    ) -> Judged:
        transfer = catalog.transfer(root)
        if transfer is None:
            raise Refused([fault("schema.missing", path=f"/{mt.root}/BaseTransfer")])
        documents = catalog.documents(root, mt)
        self._allowed(mt, documents, principal, transfer.copCode or "", transfer.dxpId or "", around)
        if around is not None and around.type != mt.root:
            raise Refused([fault("schema.message_type", told=around.type[:60], found=mt.root)])
        return Judged(
            message=mt.type,
            guid=root.get("guid", ""),
            edition=edition,
            sender=transfer.dxpId or principal.name,
            documents=self._documents(root, mt, documents, received_at, flags),
            dxp_id=transfer.dxpId or "",
            copmsg_id=around.id if around else "",
            subscribers=tuple(s.dxpAddress or "" for s in catalog.subscribers(root)),
            messages=messages,
        )

    def _allowed(
        self,
        mt: MessageType,
        documents: list[Any],
        principal: Principal,
        cop_code: str,
        dxp_id: str,
        around: dxp.Envelope | None,
    ) -> None:
        """Deny by default: the kind, the codes of every document, the transporter, the envelope's sender."""
        access = self._access()
        faults: list[Fault] = []
        own = {own_codes(mt.kind, document.head) for document in documents}
        allowed = {codes for codes in own if access.may_send(principal, mt.kind, codes)}
        if not allowed and not access.may_send(principal, mt.kind, principal.codes):
            raise Refused([fault("access.sender", path=f"/{mt.root}", kind=mt.kind)])
        if allowed != own:
            fields = ", ".join(OWN_CODES[mt.kind])
            faults += [
                fault("access.own_code", path=_path(mt, index), document=index, fields=fields)
                for index, document in enumerate(documents)
                if own_codes(mt.kind, document.head) not in allowed
            ][:25]
        if not access.may_transport(principal, cop_code, dxp_id):
            faults.append(fault("access.transporter", path=f"/{mt.root}/BaseTransfer"))
        if around is not None and around.sender != dxp_id:
            faults.append(fault("access.envelope_sender", path="/DxpMsg/TransInfo/SenderId"))
        if faults:
            raise Refused(faults)

    def _documents(
        self, root: etree._Element, mt: MessageType, documents: list[Any], received_at: int, flags: tuple[Fault, ...]
    ) -> tuple[SubmittedDocument, ...]:
        day = keys.china_day(received_at)
        check = Checker(date(day // 10_000, day // 100 % 100, day % 100)).check
        kind = mt.kind
        seen: set[str] = set()
        made = []
        for index, document in enumerate(documents):
            found = check(kind, document)
            head = document.head
            if self._filed is not None:
                found += self._unfiled(mt, head)
            key = catalog.business_key(document)
            faults = flags
            if found:
                faults += _said(root, mt, index, found)
            if key in seen:
                faults += (fault("duplicate.same_message", path=_path(mt, index), document=index),)
            seen.add(key)
            declared = kind == DECLARATION
            made.append(
                SubmittedDocument(
                    index=index,
                    kind=kind,
                    key=key,
                    body=msgspec.Raw(_pack(document)),
                    guid=head.guid,
                    app_type=head.appType,
                    app_time=head.appTime,
                    app_status=head.appStatus,
                    order=(getattr(head, "ebpCode", "") or "", head.orderNo),
                    buyer=self._buyer(head) if declared or kind == ORDER else "",
                    value=_dutiable(document) if declared else 0,
                    faults=faults,
                )
            )
        return tuple(made)

    def _unfiled(self, mt: MessageType, head: Any) -> list[Found]:
        filed = self._filed
        assert filed is not None
        return [
            Found("identity.unknown_enterprise", f"{mt.head.element}/{name}", {"name": name})
            for name in _ENTERPRISES
            if (code := getattr(head, name, None)) and not filed(code)
        ]

    def _buyer(self, head: Any) -> str:
        return self._digest("buyer", f"{head.buyerIdType}:{(head.buyerIdNumber or '').strip().upper()}")

    # ---- JSON

    def _twin(self, data: bytes, principal: Principal, received_at: int) -> Judged:
        """A JSON twin: rendered as one signed message a document, and judged as those would be."""
        value = json_twin.loads(data)
        name = value.get("message", "") if isinstance(value, dict) else ""
        try:
            mt = catalog.message(str(name))
        except KeyError:
            raise Refused([fault("schema.unknown_message", root=str(name)[:60])]) from None
        if mt.direction == "down":
            raise Refused([fault("access.receipt")])
        found, wrong = twin.read(value, mt)
        if wrong:
            raise Refused([_schema_fault(w) for w in wrong])
        whole = self._render(mt, found, found.documents, found.guid)
        root = xml.parse(whole).root
        edition = _edition(root, mt, principal.edition, signed=False)
        key = self._signing_key(principal)
        if key is None:
            raise Refused([fault("json.no_mandate")])
        messages = tuple(
            signature.sign(self._render(mt, found, [document], document.head.guid or found.guid), key)
            for document in found.documents
        )
        return self._judged(root, mt, edition, principal, received_at, None, messages, ())

    def _render(self, mt: MessageType, found: twin.Twin, documents: list[Any], guid: str) -> bytes:
        try:
            return catalog.render(
                mt, documents, guid=guid, version=found.version, transfer=found.transfer,
                subscribe=found.subscribe, extend=found.extend,
            )  # fmt: skip
        except ValueError as error:
            raise Refused([fault("schema.other", path=f"/{mt.root}")]) from error

    # ---- authorities

    def _receipts(
        self,
        root: etree._Element,
        mt: MessageType,
        principal: Principal,
        authority: str,
        around: dxp.Envelope | None,
        messages: tuple[bytes, ...],
    ) -> Judged:
        """What an authority says is never turned away: read by whatever it carries, the schema is not asked."""
        if not authority:
            raise Refused([fault("access.receipt", path=f"/{mt.root}")])
        documents = tuple(
            SubmittedDocument(
                index=index,
                kind=RECEIPT,
                key=keys.answered_key(mt.type, document.head),
                body=msgspec.Raw(_pack(document)),
                guid=document.head.guid or "",
            )
            for index, document in enumerate(_lenient(root, mt))
        )
        return Judged(
            message=mt.type,
            guid=root.get("guid", ""),
            edition="",
            sender=around.sender if around else principal.name,
            documents=documents,
            authority=authority,
            dxp_id=around.sender if around else "",
            copmsg_id=around.id if around else "",
            messages=messages,
        )


def _opened(data: bytes) -> dxp.Envelope:
    try:
        return dxp.read(data)
    except dxp.UnreadableError as error:
        raise Refused([fault("schema.envelope", why=str(error))]) from None


def _edition(root: etree._Element, mt: MessageType, preferred: str, *, signed: bool = True) -> str:
    """The edition that approves; raises Refused with every fault by the preferred one.

    ``signed`` False: what is not signed yet is not missed (the hub signs what came as JSON).
    """
    edition = catalog.edition_that_validates(root, mt, preferred)
    if edition is not None:
        return edition
    wrong = [w for w in catalog.explain(root, mt, preferred) if signed or not w.path.endswith("/Signature")]
    if not wrong and not signed:
        return preferred
    raise Refused([_schema_fault(w) for w in wrong] or [fault("schema.other", path=f"/{mt.root}")])


def schema_faults(root: etree._Element, mt: MessageType | None, edition: str) -> None:
    """Raise Refused with what the schema of one edition says; silent where it approves."""
    if mt is None:
        raise Refused([fault("schema.unknown_message", root=etree.QName(root).localname[:60])])
    if not catalog.validator(mt, edition)(root):
        wrong = [_schema_fault(w) for w in catalog.explain(root, mt, edition)]
        raise Refused(wrong or [fault("schema.other", path=f"/{mt.root}")])


def _schema_fault(wrong: SchemaFault) -> Fault:
    kind = kind_of(f"schema.{wrong.reason}")
    return Fault(
        code=kind.code,
        path=wrong.path,
        line=wrong.line,
        message=wrong.message,
        message_zh=wrong.message_zh,
        document=wrong.document,
    )


def _path(mt: MessageType, index: int) -> str:
    return f"/{mt.root}/{mt.document}[{index + 1}]"


def _said(root: etree._Element, mt: MessageType, index: int, found: list[Found]) -> tuple[Fault, ...]:
    """What was found, with whole paths and the lines they stand in."""
    document = root.findall(f"{{*}}{mt.document}")[index]
    return tuple(
        fault(
            f.code, path=f"{_path(mt, index)}/{f.path}", line=_line(document, f.path), document=index, **f.values
        )
        for f in found[:25]
    )


def _line(document: etree._Element, path: str) -> int:
    place = "/".join(f"{{*}}{step}" for step in path.split("/"))
    element = document.find(place)
    return int((document if element is None else element).sourceline or 0)


def _dutiable(document: Any) -> int:
    """A declaration's dutiable value: what the lines cost, freight and insurance (rules: I3)."""
    head = document.head
    total = sum([amount(line.totalPrice) for line in document.list])
    return total + amount(head.freight) + amount(head.insuredFee)


def _lenient(root: etree._Element, mt: MessageType) -> list[Any]:
    """The receipts of a message, by local names, unknown elements left out: real ones deviate from the schema."""
    struct = STRUCTS[mt.struct]
    known = {f.name for f in mt.head.fields}
    made = []
    for element in root:
        if not isinstance(element.tag, str) or etree.QName(element).localname != mt.document:
            continue
        head = {}
        for child in element.iter():
            if isinstance(child.tag, str) and (name := etree.QName(child).localname) in known:
                head[name] = (child.text or "").strip()
        made.append(msgspec.convert({"head": head}, struct))
    return made
