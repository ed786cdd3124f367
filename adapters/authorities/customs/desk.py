"""The sandbox customs' desk: takes a message, judges its documents, plans their receipts.

Given the time; no clock, no network. Everything it decides is in the store before the message is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from lxml import etree

from adapters import signature
from adapters.authorities.customs import checks, facts, receipts
from adapters.authorities.customs.envelope import TAKEN, Answer, Envelope
from adapters.authorities.customs.facts import MESSAGE, Facts
from adapters.authorities.customs.receipts import EXISTS, MISSING, OLD, PARAMETER, REFUSALS, STATE, Planned
from adapters.authorities.customs.scenario import Flow, Scenario, Step
from adapters.authorities.customs.store import NOTED, REJECTED, WAITING, WITHDRAWN, Row, Store
from adapters.authorities.customs.store import TAKEN as KEPT
from adapters.xml import AUTHORITY, parse
from hub.domain.faults import Refused
from hub.domain.keys import china_year
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from schemas import catalog

#: agentCode → fingerprints of the certificates the declarant may sign with; None: any genuine signature will do.
Signers = Callable[[str], Container[str] | None]

_TAKEN = frozenset({"CEB311", "CEB411", "CEB511", "CEB621"})
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

    def sent(self, row: Row, planned: list[Planned]) -> None:
        """Note receipts as sent; a rejection makes the way free for a new attempt."""
        done = set(planned)
        row.plan = [
            Planned(p.status, p.at, p.due, p.info, p.times - 1) if p in done else p
            for p in row.plan
            if not (p in done and p.times <= 1)
        ]
        if row.phase in (KEPT, WAITING) and any(_rejects(p.status) for p in done):
            row.phase = REJECTED
            if row.facts.kind == DECLARATION:
                self._store.use(row.facts.persons.get("number", ""), china_year(row.arrived), row.key, 0)
        self._store.move(row)

    # ---- a message

    def _judge(self, envelope: Envelope, now: int) -> list[Row]:
        root, mt, text = _open(envelope)
        kind = mt.kind
        transfer = catalog.transfer(root)
        dxp_id = (transfer.dxpId if transfer else "") or envelope.sender
        receivers = (dxp_id, *(s.dxpAddress or "" for s in catalog.subscribers(root) if s.status in ("ALL", "RET")))[:5]
        whole = "" if dxp_id == envelope.sender else "senderId与传输节点dxpId信息不一致"
        rows: list[Row] = []
        verified: dict[str, str] = {}
        for document in catalog.documents(root, mt):
            found = facts.of(kind, document, receivers)
            signer = found.head.get("agentCode", "") if kind == DECLARATION else ""
            if not whole and signer not in verified:
                verified[signer] = self._signature_refused(root, text, signer, now)
            unsigned = verified.get(signer, "")
            if whole or unsigned:
                code = receipts.SIGNATURE_REFUSED if unsigned and kind == DECLARATION else REFUSALS[kind][PARAMETER]
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
        found = Facts(MESSAGE, f"{MESSAGE}/{envelope.id}", "", "1", "", "2", (envelope.sender,), head)
        planned = Planned(receipts.FORMAT_REFUSED, now, now, str(error)[:1000])
        return self._store.put(found, NOTED, now, [planned])

    # ---- a document

    def _document(self, envelope: Envelope, index: int, found: Facts, now: int) -> list[Row]:
        before = self._store.find(found.key)
        refusal = _refused_by_state(found, before)
        if refusal is not None:
            code, words = refusal
            return [self._note(envelope, index, found, REFUSALS[found.kind][code], words, now)]
        if found.app_status == "1":
            return [self._note(envelope, index, found, "1", "", now)]
        if found.app_type == "3":
            plan = [Planned("2", now, now, receipts.accepted(found)), Planned("399", now + 1, now, "")]
            return [self._store.put(found, WITHDRAWN, now, plan)]
        flow = self._scenario.flow_of(found.kind, found.key, found.head)
        if found.kind == DECLARATION:
            return [self._declaration(found, flow, now)]
        plan = _plan(flow.arrival(), now, {"2": receipts.accepted(found)})
        plan = _plan(flow.judgement(), now, {}, plan)
        row = self._store.put(found, KEPT, now, plan)
        return [row, *self._waiting(found, now)]

    def _waiting(self, found: Facts, now: int) -> list[Row]:
        """Declarations that this document completes."""
        if found.kind == WAYBILL:
            candidates = self._store.waiting_for(found.key)
        else:
            candidates = [row for row in self._store.of_order(found.order) if row.phase == WAITING]
        moved = []
        for row in candidates:
            documents = self._documents(row.facts)
            if None not in documents.values():
                flow = self._scenario.flow_of(DECLARATION, row.key, row.facts.head)
                row.phase, row.plan = KEPT, [p for p in row.plan if not _rejects(p.status)]
                row.plan = self._decided(row.facts, flow, documents, now, row.plan)
                self._store.move(row)
                moved.append(row)
        return moved

    def _declaration(self, found: Facts, flow: Flow, now: int) -> Row:
        if checks.over_single_limit(found):
            words = receipts.refused(found, "超过单次交易限值")
            return self._store.put(found, REJECTED, now, [Planned(receipts.SINGLE_LIMIT_REFUSED, now, now, words)])
        documents = self._documents(found)
        missing = [kind for kind, row in documents.items() if row is None]
        plan = _plan(flow.arrival(), now, {"2": receipts.accepted(found, missing)})
        if not missing:
            return self._store.put(found, KEPT, now, self._decided(found, flow, documents, now, plan))
        if flow.reject_missing_after:
            at = now + flow.reject_missing_after
            plan.append(Planned("100", at, at, checks.coded(1301, "三单信息不齐")))
        return self._store.put(found, WAITING, now, plan)

    def _documents(self, declaration: Facts) -> dict[str, Row | None]:
        there = {r.facts.kind: r for r in self._store.of_order(declaration.order) if r.phase == KEPT}
        waybill = self._store.find(declaration.waybill)
        kept = waybill if waybill is not None and waybill.phase == KEPT else None
        return {ORDER: there.get(ORDER), PAYMENT: there.get(PAYMENT), WAYBILL: kept}

    def _decided(
        self, found: Facts, flow: Flow, documents: dict[str, Row | None], now: int, plan: list[Planned]
    ) -> list[Planned]:
        """The plan with what follows from comparing the declaration with its documents and limits."""
        order, payment = documents[ORDER], documents[PAYMENT]
        assert order is not None
        assert payment is not None
        buyer, year = found.persons.get("number", ""), china_year(now)
        why = checks.mismatch(found, order.facts, payment.facts)
        why = why or checks.over_yearly_limit(self._store.used(buyer, year, found.key), found)
        self._store.use(buyer, year, found.key, 0 if why else found.value)
        if why:
            return _plan((Step("100", after=10, info=why),), now, {}, plan)
        return _plan(flow.judgement(), now, {}, plan)

    def _note(self, envelope: Envelope, index: int, found: Facts, status: str, words: str, now: int) -> Row:
        """A receipt that leaves the document customs has of that key as it is."""
        info = receipts.refused(found, words) if words else ""
        return self._store.put(found, NOTED, now, [Planned(status, now, now, info)], f"{envelope.id}#{index}")


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
    if mt is None or mt.type not in _TAKEN:
        raise _FormatError("报文类型无法识别")
    if catalog.edition_that_validates(parsed.root, mt) is None:
        why = "; ".join(found.message for found in catalog.explain(parsed.root, mt, limit=5))
        raise _FormatError(f"报文格式校验失败:{why}", mt.root)
    return parsed.root, mt, parsed.text


def _is_signed(root: etree._Element) -> bool:
    return any(child.tag == f"{{{catalog.DS}}}Signature" for child in root.iterchildren(reversed=True))


def _refused_by_state(found: Facts, before: Row | None) -> tuple[int, str] | None:
    """Why a document cannot be taken given what is there of its key."""
    there = before is not None and before.phase in (KEPT, WAITING)
    if found.app_type == "1":
        if not there or before is None:
            return None
        if found.app_time < before.facts.app_time:
            return OLD, "接收报文为旧报文数据，不做处理"
        return EXISTS, "已存在，请勿重复申报"
    if not there or before is None:
        return MISSING, "未找到可变更或删除的数据"
    if found.app_time < before.facts.app_time:
        return OLD, "接收报文为旧报文数据，不做处理"
    if found.kind == DECLARATION and not before.plan and before.phase == KEPT:
        return STATE, "当前状态不允许变更"
    return None


def _plan(steps: tuple[Step, ...], now: int, texts: dict[str, str], plan: list[Planned] | None = None) -> list[Planned]:
    """``plan`` with the steps behind it, each receipt at least a millisecond after the one before."""
    plan = list(plan or ())
    last = max((p.at for p in plan), default=now - 1)
    for step in steps:
        last = max(last + 1, now + step.after)
        info = step.info or texts.get(step.status, "")
        plan.append(Planned(step.status, last, last + step.late, info, step.times))
    return plan


def _rejects(status: str) -> bool:
    return status == "100" or status.startswith("-")
