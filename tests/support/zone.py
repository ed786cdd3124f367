"""A whole zone in memory: the door's judge, the stages, and the sandbox customs' desk, joined without a network.

Every message goes through the real judge as signed XML, to customs as the bytes that were handed over, and customs'
receipts come back through the judge. Time is the world's and only moves when told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters import signature
from adapters.authorities.customs import receipts
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.envelope import CUSTOMS_IMPORT, Envelope
from adapters.authorities.customs.scenario import Scenario, load
from adapters.authorities.customs.store import Row, Store
from adapters.intake import Judge, Judged
from hub import codec, topics
from hub.domain.access import Access, Principal
from hub.domain.events import HandedOver, Status, Submission, Tick
from schemas import catalog, samples
from schemas.documents import Document
from tests.support.signing import a_signer
from tests.support.stage_harness import NOON, World, digest

WHO = samples.Parties()
DXP_ID = "DXPENT0000990001"
#: One that may hand in everything: who may send what is tested elsewhere.
ALL = Principal(
    "all",
    ("platform", "merchant", "payer", "carrier", "declarant", "site"),
    (WHO.platform, WHO.merchant, WHO.payer, WHO.carrier, WHO.agent, WHO.site),
    (DXP_ID,),
)
#: Another enterprise with every role and codes of its own.
STRANGER = Principal(
    "stranger", ALL.roles, ("9901D00091", "9901D00092", "9901D00093", "9901D00094", "9901D00095", "9901D00096"),
    ("DXPENT0000990002",),
)
CUSTOMS = Principal("customs", ("customs",))
XML = "application/xml"


class Zone:
    """``scenario``: the sandbox customs' (a bundled one by name)."""

    def __init__(self, scenario: str | Scenario = "release", **settings: Any) -> None:
        self.world = World(**settings)
        self.world.now = Tick(NOON, 0, "test")
        self.store = Store(None)
        self.desk = Desk(self.store, load(scenario) if isinstance(scenario, str) else scenario)
        self._signer = a_signer(begins="2026-01-01", ends="2027-12-31")
        self._judge = Judge(
            access=lambda: Access(filed={**dict.fromkeys(ALL.codes, ALL.name), **dict.fromkeys(STRANGER.codes, STRANGER.name)}),
            signatures="required",
            digest=lambda kind, text: digest(f"{kind} {text}"),
            signing_key=lambda _: self._signer,
            certificates=lambda _: {self._signer.fingerprint},
        )
        self._count = 0
        #: whether the stages come to rest after each submission; else whoever drives the world says whose turn it is
        self.eager = True
        #: who hands in
        self.who = ALL

    # ---- in

    def judged(self, type_: str, documents: Sequence[Document]) -> tuple[bytes, Judged]:
        """A signed message of the documents as the door judges it."""
        self._count += 1
        mt = catalog.message(type_)
        transfer = samples.base_transfer(self.who.codes[4], dxp_id=self.who.dxp_ids[0])
        guid = f"{self._count:036d}"
        body = signature.sign(catalog.render(mt, documents, guid=guid, transfer=transfer), self._signer)
        return body, self._judge(body, XML, self.who, self.now)

    def send(self, type_: str, *documents: Document, direct: bool = False) -> list[str]:
        """Hand in a message; the register keys of its documents. ``direct``: to customs only, past the hub."""
        body, judged = self.judged(type_, documents)
        id_ = f"s{self._count}"
        if direct:
            self._take(Envelope(id_, DXP_ID, (CUSTOMS_IMPORT,), f"{type_}Message", body, self.now))
        else:
            self._submit(id_, judged, (body,))
        return [f"{document.kind}/{document.key}" for document in judged.documents]

    def send_twin(self, message: dict[str, Any]) -> list[str]:
        """Hand in a JSON twin, which the hub renders and signs; the register keys of its documents."""
        self._count += 1
        judged = self._judge(msgspec.json.encode(message), "application/json", self.who, self.now)
        self._submit(f"s{self._count}", judged, tuple(judged.messages))
        return [f"{document.kind}/{document.key}" for document in judged.documents]

    def _submit(self, id_: str, judged: Judged, messages: tuple[bytes, ...] = ()) -> None:
        submission = Submission(
            id=id_, principal=CUSTOMS.name if judged.authority else self.who.name, sender=judged.sender,
            received_at=self.now, message=judged.message, guid=judged.guid, edition=judged.edition,
            documents=judged.documents, authority=judged.authority, dxp_id=judged.dxp_id, copmsg_id=judged.copmsg_id,
        )  # fmt: skip
        self.world.submit(submission, messages)
        if self.eager:
            self.world.run()

    # ---- customs

    def hand_over(self) -> None:
        """Everything on its way to customs gets there."""
        for item in self.world.take_hand_overs():
            envelope = Envelope(
                item.copmsg_id, item.dxp_id, (CUSTOMS_IMPORT,), f"{item.message}Message", item.sealed, self.now
            )
            self._take(envelope)
            for key in item.documents:
                report = codec.pack(HandedOver(item.submission, "customs", "delivered", self.now))
                self.world.queue(topics.inbox("register"), key.encode(), report)
        if self.eager:
            self.world.run()

    def _take(self, envelope: Envelope) -> None:
        self.desk.take(envelope, self.now)

    def receipts(self) -> int:
        """Customs sends what is due; how many receipts."""
        sent = 0
        for row in [r for r in self.store.pending() if r.plan]:
            due = sorted((p for p in row.plan if p.due <= self.now), key=lambda p: p.due)
            sent += self.send_receipts(row, due)
        return sent

    def send_receipts(self, row: Row, planned: Sequence[receipts.Planned]) -> int:
        """Send these receipts of a document, each as a message of its own."""
        for one in planned:
            form = receipts.form_of(row.facts, one)
            made = receipts.document(row.facts, one, row.number, row.arrived)
            guid = receipts.guid(str(row.number), f"{one.form}{one.status}", str(one.at))
            with self.store.transaction():
                self.desk.sent(self.store.numbered(row.number) or row, [one])
            self._receive(receipts.message(form, [made], guid), guid)
        return len(planned)

    def receive(self, type_: str, **head: str) -> None:
        """A receipt of customs with just these fields."""
        mt = catalog.message(type_)
        leaves = "".join(f"<{name}>{text}</{name}>" for name, text in head.items())
        if not mt.flat:
            leaves = f"<{mt.head.element}>{leaves}</{mt.head.element}>"
        document = f"<{mt.document}>{leaves}</{mt.document}>"
        body = f'<{mt.root} xmlns="{catalog.CEB}" guid="{"8" * 36}" version="1.0">{document}</{mt.root}>'
        self._count += 1
        self._receive(body.encode(), str(self._count))

    def _receive(self, body: bytes, id_: str) -> None:
        self._submit(f"r{self._count}-{id_}", self._judge(body, XML, CUSTOMS, self.now))

    def settle(self, seconds: int = 5) -> None:
        """Let messages and receipts go to and fro while some seconds pass."""
        for _ in range(seconds):
            self.hand_over()
            self.receipts()
            self.tick(1000)
        self.receipts()

    def tick(self, ms: int) -> None:
        """Move the clock."""
        self.world.tick(ms)

    def days(self, days: float) -> None:
        """Let days pass."""
        self.tick(int(days * topics.DAY_MS))
        self.settle()

    # ---- looking

    @property
    def now(self) -> int:
        return self.world.now.at

    def status(self, key: str) -> Status:
        """The newest status of a register key."""
        return self.world.status(key)

    def told(self, key: str) -> list[str]:
        """The words of a document's timeline, without the hub's own steps."""
        steps = {"received", "handed over", "assessed", "waiting", "matched", "flagged"}
        return [entry.what for entry in self.status(key).timeline if entry.what not in steps]
