"""A sandbox customs without network or clock: hand documents in, let time pass, see what it told whom."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from itertools import count
from typing import Any

import msgspec

from adapters import signature
from adapters.authorities.customs import receipts, scenario
from adapters.authorities.customs.desk import Desk, Signers
from adapters.authorities.customs.envelope import TAKEN, Envelope
from adapters.authorities.customs.scenario import Scenario
from adapters.authorities.customs.store import Row, Store
from adapters.xml import parse
from schemas import catalog, samples
from tests.support.customs import DXP_ID
from tests.support.signing import NOW, a_signer

#: Messages that share a struct: how an import document is known.
_SHARED = {
    "Order": ("CEB311", "CEB303", lambda head: head.orderType == "I"),
    "Waybill": ("CEB511", "CEB505", lambda head: bool(head.orderNo)),
    "Declaration": ("CEB621", "CEB603", lambda head: head.ieFlag == "I"),
    "Cancellation": ("CEB623", "CEB605", lambda head: bool(head.orderNo)),
}


def type_of(document: Any) -> str:
    """The message that carries a document."""
    name = type(document).__name__
    if name in _SHARED:
        import_, export, is_import = _SHARED[name]
        return import_ if is_import(document.head) else export
    return next(mt.type for mt in catalog.messages() if mt.struct == name)


def scenario_of(text: str) -> Scenario:
    """A scenario from TOML."""
    return msgspec.convert(tomllib.loads(text), Scenario)


class Rehearsal:
    """``told``: by the key of the row, (message, status) in the order of sending; ``heads``: what each said."""

    def __init__(self, plan: Scenario | str = "release", signers: Signers = lambda _: None, path: Any = None) -> None:
        self.store = Store(path)
        self.plan = scenario.load(plan) if isinstance(plan, str) else plan
        self.desk = Desk(self.store, self.plan, signers)
        self.now = NOW
        self.told: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.documents: dict[str, list[Any]] = defaultdict(list)
        self.receivers: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        self._ids = count(1)

    def hand_in(self, *documents: Any, id: str = "", **frame: Any) -> list[Row]:
        """One message of these documents; signed where its schema demands it (or with ``key``)."""
        mt = catalog.message(type_of(documents[0]))
        transfer = samples.base_transfer("9901D00005", dxp_id=frame.get("dxp_id", DXP_ID))
        xml = catalog.render(mt, documents, guid="9" * 36, transfer=transfer, subscribe=frame.get("subscribe", ()))
        key = frame.get("key") or (a_signer() if mt.signature == "required" else None)
        content = signature.sign(xml, key) if key else xml
        id = id or f"m{next(self._ids)}"
        answer, rows = self.desk.take(Envelope(id, DXP_ID, (), mt.root, content, 0), self.now)
        assert answer.code == TAKEN
        return rows

    def wait(self, ms: int = 1_000) -> None:
        """Let time pass; everything due is sent, and each message is of the form of its schema."""
        end = self.now + ms
        while True:
            due = [(p.due, row.number, row, p) for row in self.store.pending() for p in row.plan if p.due <= end]
            if not due:
                break
            at, _, row, planned = min(due, key=lambda found: found[:2])
            self.now = max(self.now, at)
            self._send(row, planned)
        self.now = end

    def _send(self, row: Row, planned: receipts.Planned) -> None:
        form = receipts.form_of(row.facts, planned)
        made = receipts.document(row.facts, planned, row.number, row.arrived)
        root = parse(receipts.message(form, [made], receipts.guid("m"))).root
        schema = catalog.validator(form)
        assert schema(root), schema.error_log
        self.desk.sent(row, [planned])
        self.told[row.key].append((form, planned.status))
        self.documents[row.key].append(made)
        self.receivers[form].add(receipts.receivers_of(row.facts, planned))

    def key(self, document: Any) -> str:
        """The key of a document's row."""
        mt = catalog.message(type_of(document))
        return f"{'E' if mt.side == 'export' else ''}{mt.kind}/{catalog.business_key(document)}"

    def statuses(self, document: Any) -> list[str]:
        """What the document itself was told, in order."""
        return [status for form, status in self.told[self.key(document)] if not form.startswith("CEB81")]

    def heads(self, document: Any) -> list[Any]:
        """The heads of everything told about a document."""
        return [made.head for made in self.documents[self.key(document)]]

    def refused(self, rows: list[Row]) -> str:
        """The one status with which a message's only document is refused."""
        [row] = rows
        [planned] = row.plan
        return planned.status

    def invt_no(self, declaration: Any) -> str:
        """The number customs gave."""
        return next(head.invtNo for head in self.heads(declaration) if head.invtNo)

    # ---- whole sales

    def imported(self, number: int, **options: Any) -> samples.DeclarationSet:
        """An import sale, all handed in."""
        sale = samples.declaration_set(number, at=self.now, **options)
        for document in sale:
            self.hand_in(document)
        return sale

    def exported(self, number: int, **options: Any) -> samples.ExportSet:
        """An export sale, all handed in."""
        sale = samples.export_set(number, at=self.now, **options)
        for document in sale:
            if document is not None:
                self.hand_in(document)
        return sale
