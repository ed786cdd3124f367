"""The sandbox customs' desk: takes a message, judges its documents, plans their receipts.

Given the time; no clock, no network. Everything it decides is in the store before the message is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from lxml import etree

from adapters import signature
from adapters.authorities.customs import afterwards, exports, facts, imports, receipts, summaries
from adapters.authorities.customs.case import Case, rejects
from adapters.authorities.customs.envelope import TAKEN, Answer, Envelope
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.scenario import Scenario
from adapters.authorities.customs.store import (
    AWAITING,
    LEAVING,
    NOTED,
    REJECTED,
    STORED,
    THERE,
    WAITING,
    WITHDRAWN,
    Row,
    Store,
)
from adapters.authorities.customs.store import TAKEN as KEPT
from adapters.authorities.customs.uploads import FORMAT, MESSAGE, is_upload, upload
from adapters.xml import AUTHORITY, parse
from hub.domain.faults import Refused
from hub.domain.kinds import CANCELLATION, DECLARATION, ORDER, PAYMENT, RETURN, WAYBILL
from schemas import catalog

#: What is done with the documents of a message; those without a line are taken.
_PROCEDURES: dict[str, Callable[[Case], list[Row]]] = {
    "CEB311": imports.document,
    "CEB411": imports.document,
    "CEB511": imports.document,
    "CEB621": imports.declaration,
    "CEB711": imports.warehouse_entry,
    "CEB623": afterwards.cancellation,
    "CEB625": afterwards.give_back,
    "CEB303": exports.document,
    "CEB505": exports.document,
    "CEB403": exports.collection,
    "CEB603": exports.declaration,
    "CEB607": exports.part,
    "CEB507": exports.part,
    "CEB509": exports.part,
    "CEB605": afterwards.cancellation,
    "CEB213": afterwards.give_back,
    "CEB215": afterwards.tally,
    "CEB701": summaries.part,
}
#: Kinds that a stored declaration binds.
_BOUND = frozenset({ORDER, PAYMENT, WAYBILL})
#: With one of these a document may no longer be changed or deleted.
_FINAL = {
    DECLARATION: frozenset({"500", "501", "502", "503", "505", "599", "600", "700", "800", "899"}),
    RETURN: frozenset({"399", "800"}),
}

#: agentCode → fingerprints of the certificates the declarant may sign with; None: any genuine signature will do.
Signers = Callable[[str], Container[str] | None]

_MOST_TEXT = 100_000
_PRINTABLE = {n: None for n in range(32) if n not in (9, 10)} | {0xFFFE: None, 0xFFFF: None}


class Desk:
    """One sandbox customs. ``take`` returns the answer and the rows that have something to send."""

    def __init__(self, store: Store, scenario: Scenario, signers: Signers = lambda _: None) -> None:
        self._store, self._scenario, self._signers = store, scenario, signers

    def take(self, envelope: Envelope, now: int) -> tuple[Answer, list[Row]]:
        """Judge a message; one that came before (by CopMsgId) is answered alike and has no second effect."""
        with self._store.transaction():
            if not self._store.note(envelope.id):
                return Answer(TAKEN), []
            try:
                return Answer(TAKEN), self._judge(envelope, now)
            except _FormatError as error:
                return Answer(TAKEN), [self._format_receipt(envelope, error, now)]

    def asks_payment(self, row: Row) -> bool:
        """Whether the scenario has the payment data of a declaration asked for."""
        return self._scenario.asks_payment(row.key)

    def sent(self, row: Row, planned: list[Planned]) -> None:
        """Note receipts as sent; a rejection makes the way free for a new attempt."""
        done = set(planned)
        row.plan = [
            Planned(p.status, p.at, p.due, p.info, p.times - 1, p.form) if p in done else p
            for p in row.plan
            if not (p in done and p.times <= 1)
        ]
        row.past = row.past | {p.status: p.at for p in planned if not p.form}
        if row.phase in _MAY_FAIL and any(rejects(p) for p in done):
            row.phase = REJECTED
            if row.facts.kind == DECLARATION:
                self._store.free(row.facts.persons.get("number", ""), row.key)
        self._store.move(row)

    # ---- a message

    def _judge(self, envelope: Envelope, now: int) -> list[Row]:
        root, mt, text = _open(envelope)
        codes, signed_by = upload(mt.type).refusals, upload(mt.type).signer
        transfer = catalog.transfer(root)
        dxp_id = (transfer.dxpId if transfer else "") or envelope.sender
        receivers = (dxp_id, *(s.dxpAddress or "" for s in catalog.subscribers(root) if s.status in ("ALL", "RET")))[:5]
        whole = "" if dxp_id == envelope.sender else "senderId与传输节点dxpId信息不一致"
        rows: list[Row] = []
        verified: dict[str, str] = {}
        for document in catalog.documents(root, mt, approved=True):
            found = facts.of(mt, document, receivers)
            signer = found.head.get(signed_by, "") if signed_by else ""
            if not whole and signer not in verified:
                verified[signer] = self._signature_refused(root, text, signer, now)
            unsigned = verified.get(signer, "")
            if whole or unsigned:
                code = codes.signature or codes.parameter if unsigned else codes.parameter
                rows.append(self._note(envelope, len(rows), found, code, f"报文校验失败:{whole or unsigned}", now))
            else:
                rows.extend(self._document(envelope, len(rows), found, now))
        return rows

    def _signature_refused(self, root: etree._Element, text: bytes, signer: str, now: int) -> str:
        """Why a message's signature is not accepted, empty where it is or none is there.

        ``signer`` is the declarant whose certificate it must be; empty where anybody's genuine signature will do.
        Where the schema demands a signature, a message without one does not come as far as this.
        """
        if not _is_signed(root):
            return ""
        try:
            signature.verify(root, text, self._signers(signer) if signer else None, now)
        except Refused as error:
            return f"验签失败[{error.faults[0].code}]"
        return ""

    def _format_receipt(self, envelope: Envelope, error: _FormatError, now: int) -> Row:
        head = {
            "oriCopMsgId": envelope.id[:255],
            "oriMessageType": error.type or "Unknown",
            "oriBizMessage": envelope.content[:_MOST_TEXT].decode("utf-8", "replace").translate(_PRINTABLE),
        }
        found = Facts(MESSAGE, f"{MESSAGE}/{envelope.id}", "", "1", "", "2", (envelope.sender,), head, FORMAT)
        planned = Planned(receipts.FORMAT_REFUSED, now, now, str(error)[:1000])
        return self._store.put(found, NOTED, now, [planned])

    # ---- a document

    def _document(self, envelope: Envelope, index: int, found: Facts, now: int) -> list[Row]:
        before = self._store.find(found.key)
        refusal = self._refused_by_state(found, before, now)
        if refusal is not None:
            code, words = refusal
            return [self._note(envelope, index, found, code, words, now)]
        if found.app_status == "1":
            return [self._note(envelope, index, found, "1", "", now)]
        case = Case(self._store, self._scenario, found, now, _note_key(envelope, index))
        if found.app_type == "3":
            return [self._withdrawn(case)]
        procedure = _PROCEDURES.get(found.type)
        return procedure(case) if procedure is not None else [case.take()]

    def _withdrawn(self, case: Case) -> Row:
        found, now = case.found, case.now
        plan = [Planned("2", now, now, receipts.accepted(found)), Planned("399", now + 1, now, "")]
        row = self._store.put(found, WITHDRAWN, now, plan)
        if found.kind == DECLARATION:
            self._store.free(found.persons.get("number", ""), found.key)
        afterwards.taken_back(case)
        return row

    def _refused_by_state(self, found: Facts, before: Row | None, now: int) -> tuple[str, str] | None:
        """Code and words where a document cannot be taken given what is there of its key."""
        codes = upload(found.type).refusals
        if before is None or before.phase not in THERE:
            return None if found.app_type == "1" else (codes.missing, "未找到可变更或删除的数据")
        if found.app_time < before.facts.app_time:
            return codes.old, "接收报文为旧报文数据，不做处理"
        if found.app_type == "1":
            return codes.exists, "已存在，请勿重复申报"
        if found.kind in _FINAL:
            bound = not _FINAL[found.kind].isdisjoint(before.reached(now))
        else:
            # CEB specification 202205: a cancellation is only ever new
            bound = found.kind == CANCELLATION or (found.kind in _BOUND and self._declared(found))
        return (codes.state, "当前状态不允许变更或删除") if bound else None

    def _declared(self, found: Facts) -> bool:
        """Whether a stored declaration stands on an order, payment or waybill (import: on a waybill is not looked up)."""
        rows = self._store.referring(found.key) if found.kind == WAYBILL else self._store.at(found.place)
        return any(r.facts.kind == DECLARATION and r.phase in STORED for r in rows)

    def _note(self, envelope: Envelope, index: int, found: Facts, status: str, words: str, now: int) -> Row:
        """A receipt that leaves the document customs has of that key as it is."""
        info = receipts.refused(found, words) if words else ""
        return self._store.put(found, NOTED, now, [Planned(status, now, now, info)], _note_key(envelope, index))


def _note_key(envelope: Envelope, index: int) -> str:
    """The key of a row that only says something about a document of a message."""
    return f"{envelope.id}#{index}"


#: Phases that a rejection ends.
_MAY_FAIL = frozenset({WAITING, AWAITING, LEAVING, KEPT})


class _FormatError(Exception):
    """The content cannot be read or fails its schema; ``type`` as far as recognised."""

    def __init__(self, sentence: str, type_: str = "") -> None:
        self.type = type_
        super().__init__(sentence)


def _open(envelope: Envelope) -> tuple[etree._Element, catalog.MessageType, bytes]:
    """(root, message, UTF-8 text) of the content, once it is what its schema says."""
    try:
        parsed = parse(envelope.content, AUTHORITY)
    except Refused as error:
        raise _FormatError(error.faults[0].message) from None
    mt = catalog.message_of(parsed.root)
    if mt is None or not is_upload(mt):
        raise _FormatError("报文类型无法识别")
    if catalog.edition_that_validates(parsed.root, mt) is None:
        why = "; ".join(found.message for found in catalog.explain(parsed.root, mt, limit=5))
        raise _FormatError(f"报文格式校验失败:{why}", mt.root)
    return parsed.root, mt, parsed.text


def _is_signed(root: etree._Element) -> bool:
    return any(child.tag == f"{{{catalog.DS}}}Signature" for child in root.iterchildren(reversed=True))
