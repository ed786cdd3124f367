"""The judgement of the door: bytes → documents, or the faults that refuse them. No I/O, no clock.

Steps, each with its family of faults: transport (the caller's) → xml or json → schema → signature → access → identity
and meaning. Faults of format refuse the whole message, since customs would refuse it whole; faults of meaning flag a
document. The door, ``hub check`` and the bench judge by this one function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from datetime import date
from functools import cache, partial
from hashlib import blake2b
from typing import Any

import msgspec
from lxml import etree

from adapters import signature, xml
from adapters.dialects import ceb, cloudevents, dxp, json_twin, webhook
from adapters.dialects.lists import Found
from adapters.dialects.meaning import Checker
from adapters.schema_faults import path, schema_faults
from hub.domain import decrees, keys, notices, views
from hub.domain.access import OWN_CODES, Access, Principal, is_authority, own_codes
from hub.domain.events import SubmittedDocument
from hub.domain.exceptions import customs_code
from hub.domain.faults import Both, Fault, Refused, fault
from hub.domain.kinds import (
    BILL_KINDS,
    CANCELLATION,
    COLLECTION,
    DECLARATION,
    IMPORT,
    ORDER,
    PAYMENT,
    RECEIPT,
    RETURN,
    RETURN_TALLY,
    SUMMARY,
    WAYBILL,
    WAYBILL_STATUS,
)
from hub.domain.views import Viewer
from schemas import catalog
from schemas.model import MessageType, senders_of

_pack = msgspec.msgpack.Encoder().encode
#: Fields of a head in which an enterprise is named, for the check against the filings.
_ENTERPRISES = ("ebpCode", "ebcCode", "payCode", "logisticsCode", "agentCode", "operatorCode", "declAgentCode")
#: Faults told of one document, and of one message's refusal, at most.
MOST_FAULTS = 25
#: How far ahead of the hub's clock an authority's may be, ms: of two words about a thing the later counts, and one from next year would
#: count for ever.
_AHEAD = 86_400_000
_TOO_EARLY = Both("it is more than a day ahead of the hub's clock", "比平台时钟超前一天以上")

#: (index of the document, path below it) → the path as the sender writes it, and the line (0: unknown).
Place = Callable[[int, str], tuple[str, int]]

#: Lines of a document: what the stages keep of it has to fit into one record.
MOST_LINES = 20_000


class Postponed(Exception):  # noqa: N818 - reads as what happened
    """Judging this will take its time: ask again without ``quick``, beside the loop."""


class Judged(msgspec.Struct, frozen=True):
    """A message that is taken. ``messages``: the CEB messages to hand over where they are not the bytes received.

    ``notes`` are faults of the message that flag nothing (a KeyName that is not the certificate's serial). ``observed``:
    its ``owner`` (a principal, or a platform number nobody has filed) gave it to customs, and customs to the hub.
    """

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
    notes: tuple[Fault, ...] = ()
    observed: bool = False
    owner: str = ""


class _Message(msgspec.Struct, frozen=True):
    """What was read of a body, in whichever dialect, before it is asked who may send it and what it means."""

    mt: MessageType
    guid: str
    edition: str
    documents: list[Any]  # Any: generated structs
    cop_code: str
    dxp_id: str
    subscribers: tuple[str, ...]
    place: Place
    envelope: dxp.Envelope | None = None
    messages: tuple[bytes, ...] = ()
    notes: tuple[Fault, ...] = ()


class Judge:
    """Judges messages for principals; what it asks of the rest of the hub comes in by name.

    ``access``: the access table with today's filings. ``digest(kind, text)``: keyed digests. ``signing_key``: the
    hosted key of a principal, None without a mandate. ``certificates``: fingerprints a principal may sign with.
    ``filed``: whether an enterprise code is filed; None takes every code. ``maps``: how webhooks of shop platforms are
    read, by name: they come as ``application/json;map=NAME``. ``dxp_id``: the hub's own number on the exchange platform,
    under which declarants subscribe it to what they send to customs themselves. ``refusing``: the authority by whose order
    the messages of one of these enterprises are refused at a time (ms), empty for none. ``policy``: what is taken of
    signatures, and whom they must lead to.
    """

    def __init__(
        self,
        *,
        access: Callable[[], Access],
        signatures: str,
        digest: Callable[[str, str], str],
        signing_key: Callable[[Principal], signature.SigningKey | None],
        certificates: Callable[[Principal], Container[str] | None],
        filed: Callable[[str], bool] | None = None,
        maps: Mapping[str, webhook.Map] | None = None,
        dxp_id: str = "",
        refusing: Callable[[Collection[str], int], str] | None = None,
        policy: Callable[[], signature.Policy] = lambda: signature.DEFAULT,
    ) -> None:
        self._policy = policy
        self._dxp_id = dxp_id
        self._refusing = refusing
        self._maps = maps or {}
        self._access = access
        self._required = signatures == "required"
        self._digest = digest
        self._signing_key = signing_key
        self._certificates = certificates
        self._filed = filed
        viewer = Viewer(partial(digest, "match"))
        self._views: dict[str, Callable[[Any, str], Any]] = {  # Any: documents and views of that kind
            ORDER: viewer.order,
            PAYMENT: viewer.payment,
            COLLECTION: viewer.collection,
            WAYBILL: viewer.waybill,
            DECLARATION: viewer.declaration,
            WAYBILL_STATUS: views.status,
            **dict.fromkeys((CANCELLATION, RETURN, RETURN_TALLY), views.application),
            **dict.fromkeys(BILL_KINDS, views.bill),
            SUMMARY: views.summary,
        }

    def __call__(
        self, data: bytes, media_type: str, principal: Principal, received_at: int, *, quick: bool = False
    ) -> Judged:
        """Judge a body; raises Refused, or Postponed if ``quick``. ``received_at`` (ms) counts for certificates."""
        if media_type.startswith("application/json"):
            if quick:
                raise Postponed
            by = media_type.partition(";map=")[2]
            return self._judged(self._twin(data, principal, received_at, by), principal, received_at)
        if media_type.startswith("application/cloudevents"):
            if quick:
                raise Postponed
            return self._told(cloudevents.read(data, media_type, principal.name), principal, received_at)
        authority = is_authority(principal)
        parsed, opened = _opened(data, xml.AUTHORITY if authority else xml.ENTERPRISE, lenient=authority)
        envelope = opened.envelope if opened is not None else None
        if opened is not None and not authority:
            for layer, text in opened.signed:
                signature.verify(layer, text, self._certificates(principal), received_at, self._policy())
        root = ceb.with_namespace(parsed.root) if authority else parsed.root
        mt = ceb.message_of(root)
        notes = opened.deviations if opened is not None else ()
        if envelope is not None and envelope.type not in ("", mt.root):
            other = fault("schema.message_type", told=envelope.type[:60], found=mt.root)
            if not authority:
                raise Refused([other])
            notes = (*notes, other)
        if mt.direction == "down":
            if not authority:
                raise Refused([fault("access.receipt", path=f"/{mt.root}")])
            return msgspec.structs.replace(_receipts(root, mt, principal, envelope), notes=notes)
        observed = authority and self._subscribed(root)
        message = self._xml(root, parsed.text, mt, envelope, principal, received_at, quick, observed)
        if observed:
            return self._observed(message, principal, received_at, notes)
        return self._judged(message, principal, received_at)

    def documents(self, mt: MessageType, documents: list[Any], received_at: int) -> tuple[SubmittedDocument, ...]:
        """What the stages get of documents that nobody has to read (Any: of that message), as if taken at that time (ms)."""
        edition = mt.editions[0]
        place: Place = lambda index, below: (f"/{mt.root}/{mt.document}[{index + 1}]/{below}", 0)  # noqa: E731
        read = _Message(mt=mt, guid="", edition=edition, documents=documents, cop_code="", dxp_id="", subscribers=(), place=place)
        return self._documents(read, received_at)

    # ---- authorities' events

    def _told(self, events: list[cloudevents.Event], principal: Principal, received_at: int) -> Judged:
        """What another authority than customs says; ``events`` are at least one, all of one authority."""
        access, day = self._access(), keys.china_day(received_at)
        faults: list[Fault] = []
        for number, event in enumerate(events):
            type_ = event.notice.type
            if not access.may_tell(principal, type_):
                faults.append(fault("access.event_type", path=f"{event.path}/type", document=number, type=type_))
                continue
            if event.notice.time > received_at + _AHEAD:
                faults.append(fault("json.event", path=f"{event.path}/time", document=number, name="time", what=_TOO_EARLY))
                continue
            try:
                decree = decrees.decree_of(event.notice, day, principal.name)
                wrong = decrees.wrong_with(decree) if decree is not None else []
            except ValueError as error:
                wrong = [str(error)]
            faults += [fault("json.event_data", path=f"{event.path}/data", document=number, type=type_, what=what) for what in wrong]
        if faults:
            raise Refused(faults[:MOST_FAULTS])
        return Judged(
            message=notices.MESSAGE,
            guid="",
            edition="",
            sender=principal.name,
            documents=tuple([self._notice(number, event) for number, event in enumerate(events)]),
            authority=notices.authority_of(events[0].notice.type),
        )

    def _notice(self, number: int, event: cloudevents.Event) -> SubmittedDocument:
        """The hub takes an event about an enterprise it does not know, and says that it does not."""
        faults: tuple[Fault, ...] = ()
        named = getattr(event.data, "enterprise", "") or getattr(event.data, "merchant", "")
        if named and self._filed is not None and not self._filed(named):
            name = "enterprise" if hasattr(event.data, "enterprise") else "merchant"
            faults = (fault("identity.unknown_enterprise", path=f"{event.path}/data/{name}", document=number, name=name),)
        view = msgspec.Raw(_pack(event.notice))
        return SubmittedDocument(index=number, kind=notices.NOTICE, key=event.notice.id, view=view, guid=event.id, faults=faults)

    # ---- two dialects

    def _xml(
        self,
        root: etree._Element,
        text: bytes,
        mt: MessageType,
        envelope: dxp.Envelope | None,
        principal: Principal,
        received_at: int,
        quick: bool,
        observed: bool = False,
    ) -> _Message:
        edition = catalog.edition_that_validates(root, mt, principal.edition)
        if edition is None:
            if quick:
                raise Postponed
            raise Refused(schema_faults(root, mt, principal.edition))
        notes: tuple[Fault, ...] = ()
        if self._required or mt.signature == "required" or signature.find(root) is not None:
            try:
                trusted = None if observed else self._certificates(principal)
                notes = signature.verify(root, text, trusted, received_at, self._policy()).faults
            except Refused as refused:
                if not observed:  # customs has taken it; the hub only notes what it would have said
                    raise
                notes = refused.faults
        transfer = catalog.transfer(root)
        return _Message(
            mt=mt,
            guid=root.get("guid", ""),
            edition=edition,
            documents=catalog.documents(root, mt, approved=True, edition=edition),
            cop_code=(transfer.copCode or "") if transfer else "",
            dxp_id=(transfer.dxpId or "") if transfer else "",
            subscribers=tuple([s.dxpAddress or "" for s in catalog.subscribers(root)]),
            place=lambda index, below: ceb.place(root, mt, index, below),
            envelope=envelope,
            messages=(envelope.content,) if envelope is not None else (),
            notes=notes,
        )

    def _twin(self, data: bytes, principal: Principal, received_at: int, by: str = "") -> _Message:
        """A JSON twin, or a webhook ``by`` a map: judged as the XML it stands for, rendered as one signed message a document."""
        where: webhook.Where = str
        if not by:
            mt, found = json_twin.read(data, principal.edition)
        elif by in self._maps:
            mt, found, where = webhook.read(data, self._maps[by], principal)
        else:
            raise Refused([fault("json.unknown_map", name=by[:60])])
        try:
            edition = json_twin.edition(mt, found, principal.edition)
        except Refused as refused:
            raise webhook.at_source(refused, where) from None
        if principal.hosting is not None and principal.hosting.until <= received_at:
            raise Refused([fault("json.mandate_over", until=keys.rfc3339(principal.hosting.until))])
        key = self._signing_key(principal)
        if key is None and (self._required or mt.signature == "required"):
            raise Refused([fault("json.no_mandate")])
        rendered = json_twin.messages(mt, found)
        messages = tuple([signature.sign(message, key) for message in rendered]) if key is not None else rendered
        transfer = found.transfer
        return _Message(
            mt=mt,
            guid=found.guid,
            edition=edition,
            documents=found.documents,
            cop_code=(transfer.copCode or "") if transfer else "",
            dxp_id=(transfer.dxpId or "") if transfer else "",
            subscribers=tuple([s.dxpAddress or "" for s in found.subscribe]),
            place=lambda index, below: (where(json_twin.pointer(path(mt, index, below))), 0),
            messages=messages,
        )

    # ---- access

    def _allow(self, message: _Message, principal: Principal, received_at: int) -> None:
        """Deny by default: the kind, the codes of every document, the transporter, the envelope's sender; then orders."""
        access, mt = self._access(), message.mt
        if principal.suspended:
            raise Refused([fault("access.suspended")])
        if not access.may_hand_in(principal, mt.type, received_at):
            name, roles = Both(mt.en, mt.zh), Both(*senders_of(mt))
            raise Refused([fault("access.sender", path=message.place(-1, "")[0], message=mt.type, name=name, roles=roles)])
        named = [own_codes(mt.type, document.head) for document in message.documents]
        allowed = {codes for codes in set(named) if access.may_send(principal, mt.type, codes, received_at)}
        faults: list[Fault] = []
        for index, codes in enumerate(named):
            if codes not in allowed and len(faults) < MOST_FAULTS:
                whole, line = message.place(index, _below(mt, OWN_CODES[mt.type][0]))
                fields = ", ".join(OWN_CODES[mt.type])
                faults.append(fault("access.own_code", path=whole, line=line, document=index, fields=fields))
        if not access.may_transport(principal, message.cop_code, message.dxp_id):
            whole, line = message.place(-1, "BaseTransfer")
            faults.append(fault("access.transporter", path=whole, line=line))
        if message.envelope is not None and message.envelope.sender != message.dxp_id:
            faults.append(fault("access.envelope_sender", path=f"{message.envelope.path}/TransInfo/SenderId"))
        if faults:
            raise Refused(faults)
        if self._refusing is not None:
            own = {code for codes in allowed for code in codes if code and access.may_send(principal, mt.type, (code,), received_at)}
            authority = self._refusing(own | {message.cop_code}, received_at)
            if authority:
                raise Refused([fault("access.by_order", path=message.place(-1, "")[0], authority=authority)])

    # ---- documents

    def _judged(self, message: _Message, principal: Principal, received_at: int) -> Judged:
        self._allow(message, principal, received_at)
        return self._understood(message, principal, received_at)

    def _understood(self, message: _Message, principal: Principal, received_at: int) -> Judged:
        """What was read, with its documents; who may send it is the caller's question."""
        envelope = message.envelope
        for index, document in enumerate(message.documents):
            if len(getattr(document, "list", ())) > MOST_LINES:
                whole, line = message.place(index, "")
                raise Refused([fault("transport.too_many_lines", path=whole, line=line, document=index, limit=MOST_LINES)])
        return Judged(
            message=message.mt.type,
            guid=message.guid,
            edition=message.edition,
            sender=message.dxp_id or principal.name,
            documents=self._documents(message, received_at),
            dxp_id=message.dxp_id,
            copmsg_id=envelope.id if envelope is not None else "",
            subscribers=message.subscribers,
            messages=message.messages,
            notes=message.notes,
        )

    # ---- observed

    def _subscribed(self, root: etree._Element) -> bool:
        """Whether a declarant named the hub in BaseSubscribe."""
        return bool(self._dxp_id) and any(s.dxpAddress == self._dxp_id for s in catalog.subscribers(root))

    def _observed(self, message: _Message, principal: Principal, received_at: int, notes: tuple[Fault, ...]) -> Judged:
        """What an enterprise sent to customs itself, handed on by customs: the enterprise's, and never handed over again."""
        found = self._understood(message, principal, received_at)
        return msgspec.structs.replace(
            found,
            subscribers=tuple([s for s in found.subscribers if s != self._dxp_id]),
            notes=(*notes, *found.notes),
            observed=True,
            owner=self._access().owner(message.dxp_id) or message.dxp_id,
        )

    def _documents(self, message: _Message, received_at: int) -> tuple[SubmittedDocument, ...]:
        day = keys.china_day(received_at)
        mt, kind, side = message.mt, message.mt.kind, message.mt.side
        checker = Checker(mt, message.edition, date(day // 10_000, day // 100 % 100, day % 100))
        imported = side == IMPORT
        names_buyer = imported and kind in (ORDER, DECLARATION)
        names_order, names_platform = _names_of_order(mt.type)
        is_declaration = kind == DECLARATION
        business_key, digest, filed = catalog.business_key, self._digest, self._filed
        view = self._views.get(kind, _nothing)
        seen: set[str] = set()
        made = []
        for index, document in enumerate(message.documents):
            head = document.head
            found = checker.check(document)
            if filed is not None:
                found += _unfiled(mt, head, filed)
            key = business_key(document)
            if key in seen:
                found.append(Found("duplicate.same_message", "", {}))
            seen.add(key)
            buyer = ""
            if names_buyer:
                buyer = digest("buyer", f"{head.buyerIdType}:{head.buyerIdNumber.strip().upper()}")
            made.append(
                SubmittedDocument(
                    index=index,
                    kind=kind,
                    key=key,
                    view=msgspec.Raw(_pack(view(document, side))),
                    content=blake2b(_pack(document), digest_size=12).digest(),
                    guid=head.guid,
                    app_type=head.appType,
                    app_time=head.appTime,
                    app_status=head.appStatus,
                    order=(head.ebpCode if names_platform else "", head.orderNo) if names_order else _NO_ORDER,
                    buyer=buyer,
                    value=checker.value,
                    faults=_said(message.place, mt, index, found) if found else (),
                    goods=views.goods(document) if is_declaration else b"",
                )
            )
        return tuple(made)


_NO_ORDER = ("", "")


@cache
def _names_of_order(type_: str) -> tuple[bool, bool]:
    """Whether a message names an order, and the order's platform."""
    names = {field.name for field in catalog.message(type_).fields}
    return "orderNo" in names, "ebpCode" in names


def _nothing(document: object, side: str) -> tuple[()]:  # noqa: ARG001 - a view like the others
    """The view of a kind no stage has a use for."""
    return ()


def _opened(
    data: bytes, limits: xml.Limits, *, lenient: bool = False
) -> tuple[xml.ParsedXml, dxp.Opened | None]:
    """The CEB message, taken out of its envelope where it is in one; ``lenient``: an authority's."""
    parsed = xml.parse(data, limits)
    if not dxp.is_envelope(parsed.root, lenient):
        return parsed, None
    opened = dxp.read_leniently(parsed) if lenient else dxp.read(parsed)
    return xml.parse(opened.envelope.content, limits), opened


def _unfiled(mt: MessageType, head: Any, filed: Callable[[str], bool]) -> list[Found]:
    return [
        Found("identity.unknown_enterprise", _below(mt, name), {"name": name})
        for name in _ENTERPRISES
        if (code := getattr(head, name, None)) and not filed(code)
    ]


def _below(mt: MessageType, name: str) -> str:
    """The path of a field of the head below its document; a flat document is its own head."""
    return name if mt.flat else f"{mt.head.element}/{name}"


def _said(place: Place, mt: MessageType, index: int, found: list[Found]) -> tuple[Fault, ...]:
    """What was found, with whole paths, lines, and the code customs has for it."""
    faults = []
    for code, below, values in found[:MOST_FAULTS]:
        whole, line = place(index, below)
        said = fault(code, path=whole, line=line, document=index, **values)
        if said.ceb_code:
            said = msgspec.structs.replace(said, ceb_code=customs_code(mt.type, said.ceb_code))
        faults.append(said)
    return tuple(faults)


def _receipts(root: etree._Element, mt: MessageType, principal: Principal, envelope: dxp.Envelope | None) -> Judged:
    """What an authority says is never turned away: deviations from the schema are noted at the receipts."""
    deviations = ceb.deviations(root, mt)
    documents, own = [], -1
    for index, (found, receipt) in enumerate(ceb.all_receipts(root, mt)):
        own += found is mt
        place = own if found is mt else -1
        documents.append(
            SubmittedDocument(
                index=index,
                kind=RECEIPT,
                key=_told_key(found, receipt),
                view=msgspec.Raw(_pack(receipt)),
                guid=receipt.head.guid or "",
                faults=tuple([f for f in deviations if f.document in (place, -1)]),
                message=found.type if found is not mt else "",
            )
        )
    if not documents:
        raise Refused([fault("schema.missing", path=f"/{mt.root}/{mt.document}")])
    return Judged(
        message=mt.type,
        guid=root.get("guid", ""),
        edition="",
        sender=envelope.sender if envelope else principal.name,
        documents=tuple(documents),
        authority=principal.name if "customs" not in principal.roles else "customs",
        dxp_id=envelope.sender if envelope else "",
        copmsg_id=envelope.id if envelope else "",
        messages=(envelope.content,) if envelope else (),
    )


def _told_key(mt: MessageType, receipt: Any) -> str:  # Any: the struct of what an authority sent
    """The business key a receipt answers; what is no answer has a key of its own."""
    if mt.receipt_of:
        return keys.answered_key(mt.type, receipt).partition("/")[2]
    return catalog.business_key(receipt)


#: No schema cares for the encoding, nor for processing instructions.
_SCHEMA_ONLY = msgspec.structs.replace(xml.SCHEMA_ONLY, encodings=xml.AUTHORITY.encodings)


def judge_schema(data: bytes, edition: str = "") -> tuple[MessageType, str, int]:
    """By well-formedness and schema alone: (message, edition, number of documents); raises Refused.

    Refuses exactly what the official schema of that edition refuses; without one, what every edition's refuses.
    """
    parsed, _ = _opened(data, _SCHEMA_ONLY)
    root = parsed.root
    mt = ceb.message_of(root)
    if edition and edition not in mt.editions:
        raise Refused([fault("schema.edition", path=f"/{mt.root}", name=mt.type, edition=edition)])
    preferred = edition or mt.editions[0]
    valid: str | None = preferred if catalog.validator(mt, preferred)(root) else None
    if valid is None and not edition:
        valid = catalog.edition_that_validates(root, mt, preferred)
    if valid is None:
        raise Refused(schema_faults(root, mt, preferred))
    return mt, valid, ceb.count(root, mt)
