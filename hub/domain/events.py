"""What the parts tell each other: submissions, the stages' events, and what they publish.

Times are integers of milliseconds since the epoch (UTC), amounts integers of 1/100000 (``hub.domain.money``).
What only stages tell each other (the inboxes) is written as arrays: fields are added at the end and never taken out.
"""

from __future__ import annotations

import msgspec

from hub.domain.faults import Fault
from hub.domain.handling import UNTOUCHED, Handling
from hub.domain.notices import Complained
from hub.domain.orders import Order
from hub.domain.summary import Goods
from hub.domain.views import CollectionView, DeclarationView, OrderView, PaymentView, WaybillView

#: The key of a tick in every inbox: no business key starts with a zero byte.
TICK_KEY = b"\x00tick"


class Tick(msgspec.Struct, frozen=True):
    """A stage's clock: the time, how far the reference data reach and which rules are in force."""

    at: int
    reference: int = 0
    rules: str = ""


# ---- the door ---------------------------------------------------------------------------------------------------


class SubmittedDocument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One document of a submission as the door understood it.

    ``key`` is the business key of its kind (``hub.domain.keys``); ``view`` what stages see of it, as msgpack: its view
    (``hub.domain.views``), of a receipt all of it; ``content`` a digest of everything it says, by which versions are told apart;
    ``order`` the order's (ebpCode, orderNo) it belongs to, ebpCode empty where it names none, both where it names no order;
    ``buyer`` the keyed digest of the buyer's identity (import), empty where the document names none;
    ``value`` a declaration's dutiable value: goods, freight and insurance; ``message`` the message a receipt is of where it
    came mixed into one of another.
    """

    index: int
    kind: str
    key: str
    view: msgspec.Raw
    content: bytes = b""
    guid: str = ""
    app_type: str = "1"
    app_time: str = ""
    app_status: str = "2"
    order: tuple[str, str] = ("", "")
    buyer: str = ""
    value: int = 0
    faults: tuple[Fault, ...] = ()
    #: of a declaration: its lines as far as returns are checked against them (``hub.domain.views.goods``)
    goods: bytes = b""
    message: str = ""


class Submission(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one call handed in and the hub acknowledged: the documents' half of a record in ``submissions``.

    The bytes are the record's other half, sealed apart, so that they travel on without being opened
    (``hub.codec.SubmissionRecord``). ``sender`` is the participant whose order is kept: BaseTransfer.dxpId, or the
    principal. ``authority`` names who sent receipts, empty for enterprises. ``observed``: customs had it before the hub.
    """

    id: str
    principal: str
    sender: str
    received_at: int
    message: str  # CEB311
    guid: str
    edition: str
    documents: tuple[SubmittedDocument, ...]
    authority: str = ""
    dxp_id: str = ""
    copmsg_id: str = ""
    subscribers: tuple[str, ...] = ()
    observed: bool = False


class SubmissionSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """The head of a submission without personal data, in clear in the record's headers: what the read model shows."""

    id: str
    principal: str
    sender: str
    received_at: int
    message: str
    guid: str
    edition: str
    digest: str  # SHA-256 of the bytes as received, hex
    size: int
    media_type: str
    #: (index, kind, business key, faults) of each document
    documents: tuple[tuple[int, str, str, tuple[Fault, ...]], ...] = ()
    #: what the whole message was refused for; only in ``refusals``
    faults: tuple[Fault, ...] = ()
    status: int = 202


# ---- inbox.register ----------------------------------------------------------------------------------------------


class Received(msgspec.Struct, frozen=True, tag="received", array_like=True, gc=False):
    """A document of an enterprise came in; split → register, one for each document."""

    document: SubmittedDocument
    submission: str
    principal: str
    sender: str
    received_at: int
    message: str
    edition: str = ""
    dxp_id: str = ""
    subscribers: tuple[str, ...] = ()


class ReceiptArrived(msgspec.Struct, frozen=True, tag="receipt", array_like=True, gc=False):
    """An authority answered about a document. ``code`` and ``time`` as it wrote them (returnStatus, returnTime)."""

    authority: str
    message: str  # CEB622
    code: str
    time: str
    info: str
    received_at: int
    submission: str
    numbers: dict[str, str] = {}  # preNo, invtNo, customsCode as far as given
    head: msgspec.Raw = msgspec.Raw(b"\x80")  # everything it says, element name → text, as msgpack


class MatchReport(msgspec.Struct, frozen=True, tag="match", array_like=True, gc=False):
    """What match knows of the document: ``waiting`` (for the kinds in ``awaited``, until ``due``), ``matched``, ``expired``.

    ``revision`` is the register revision of the document it speaks of; an older one is ignored.
    """

    revision: int
    state: str
    at: int
    awaited: tuple[str, ...] = ()
    due: int = 0
    counterparts: dict[str, str] = {}  # kind → register key
    differences: tuple[Fault, ...] = ()
    #: the second word about a document that still waits: it expires at ``due``
    warning: bool = False
    #: of an export waybill, which may be named under several orders: the order number that speaks
    order: str = ""
    #: what is worth knowing and no difference
    notes: tuple[Fault, ...] = ()


class AssessmentReport(msgspec.Struct, frozen=True, tag="assessment", array_like=True, gc=False):
    """Assess is done with the declaration's revision; officers only."""

    revision: int
    at: int
    score: int
    level: str
    recommendation: str
    findings: int
    #: who guarantees the tax (assureCode), and the tax to expect: the computed one, else the one withheld in the order
    guarantor: str = ""
    tax: int = 0
    merchant: str = ""
    #: what foreign exchange was told of its payment or collection (``ce_id``), empty for nothing
    reported: str = ""


class HandedOver(msgspec.Struct, frozen=True, tag="handover", array_like=True, gc=False):
    """Deliver's word on the hand-over of the submission a document came in: ``delivered``, ``refused`` or ``parked``."""

    submission: str
    recipient: str
    outcome: str
    at: int
    attempts: int = 1
    note: str = ""


class Noted(msgspec.Struct, frozen=True, tag="noted", array_like=True, gc=False):
    """Something another document says of this one: a line of its timeline, and a fact (``Status.facts``) where named.

    ``onward``: a waybill tells its declarations too. Said before the document is here, it waits for it.
    """

    what: str
    at: int
    by: str
    detail: str = ""
    fact: str = ""
    value: str = ""
    onward: bool = False
    #: where it is a message of an authority (CEB792), which the document's participants get as an answer: its type and numbers
    message: str = ""
    numbers: dict[str, str] = {}


class Named(msgspec.Struct, frozen=True, tag="named", array_like=True, gc=False):
    """An export declaration names its waybill, which names no order: from here the waybill knows it."""

    declaration: str  # register key
    order: tuple[str, str]
    at: int


class Applied(msgspec.Struct, frozen=True, tag="applied", array_like=True, gc=False):
    """An application about a declaration (cancellation, return, tally): where it stands.

    ``stage``: ``applied``, ``accepted``, ``refused`` (both customs' word) or ``withdrawn``; ``revision`` the
    application's, which its answer names; ``lines`` of a return: (gnum, gcode, quantity).
    """

    application: str  # register key
    stage: str
    revision: int
    at: int
    received_at: int
    lines: tuple[tuple[str, str, int], ...] = ()
    principal: str = ""


class ApplicationAnswer(msgspec.Struct, frozen=True, tag="answer", array_like=True, gc=False):
    """What the hub knows against an application, from the declaration it is about; ``declaration`` empty: not here."""

    revision: int
    declaration: str
    at: int
    faults: tuple[Fault, ...] = ()
    #: the number that led nowhere
    number: str = ""


class TaxBillArrived(msgspec.Struct, frozen=True, tag="tax", array_like=True, gc=False):
    """An electronic tax bill (816) or its status (818); amounts None in a status."""

    authority: str
    message: str
    tax_no: str
    status: str
    time: str
    received_at: int
    submission: str
    duty_no: str = ""
    guarantor: str = ""
    customs_tax: int | None = None
    value_added_tax: int = 0
    consumption_tax: int = 0
    head: msgspec.Raw = msgspec.Raw(b"\x80")


class Summarised(msgspec.Struct, frozen=True, tag="summarised", array_like=True, gc=False):
    """Where the summary of an export declaration stands: ``applied``, ``accepted``, ``refused``, ``withdrawn``, ``concluded``."""

    summary: str  # register key of the application; empty where only customs' result says so
    stage: str
    at: int
    sum_no: str = ""
    entry_id: str = ""
    principal: str = ""


class Assembled(msgspec.Struct, frozen=True, tag="assembled", array_like=True, gc=False):
    """Bills' word to one part of a split document: ``waiting`` for the ``missing`` parts, ``matched``, ``expired``."""

    revision: int
    state: str
    at: int
    missing: tuple[int, ...] = ()
    due: int = 0
    awaited: tuple[str, ...] = ()  # instead of parts


RegisterEvent = (
    Received
    | ReceiptArrived
    | MatchReport
    | AssessmentReport
    | HandedOver
    | Noted
    | Named
    | Applied
    | ApplicationAnswer
    | TaxBillArrived
    | Summarised
    | Assembled
)


# ---- inbox.match -------------------------------------------------------------------------------------------------


class Joining(msgspec.Struct, frozen=True, tag="join", array_like=True, gc=False):
    """A document (its newest version) takes part in the match of its order; register → match, key = orderNo."""

    kind: str
    key: str  # register key
    revision: int
    order: tuple[str, str]
    view: msgspec.Raw
    at: int
    principal: str = ""
    buyer: str = ""
    value: int = 0
    attempt: int = 1
    submission: str = ""
    sender: str = ""
    side: str = "import"


class Leaving(msgspec.Struct, frozen=True, tag="leave", array_like=True, gc=False):
    """A document no longer takes part: deleted, moved to another order, rejected, withdrawn."""

    kind: str
    key: str
    revision: int
    reason: str
    at: int


class Elsewhere(msgspec.Struct, frozen=True, tag="elsewhere", array_like=True, gc=False):
    """Customs stored the declaration (120), so the documents missing here are there: they reached customs directly."""

    key: str
    revision: int
    at: int


class Inquiry(msgspec.Struct, frozen=True, tag="inquiry", array_like=True, gc=False):
    """A receipt that names its declaration by merchant and order number only; key = orderNo."""

    merchant: str
    event: msgspec.Raw  # msgpack of a RegisterEvent
    at: int
    #: the number it waited at, to which it goes back
    number: str = ""


MatchEvent = Joining | Leaving | Elsewhere | Inquiry


# ---- inbox.bills -------------------------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True, tag="part", array_like=True, gc=False):
    """A part of a document about a master bill; register → bills, key = ``carrier:bill`` (mail: the document's key)."""

    kind: str
    key: str  # register key
    revision: int
    view: msgspec.Raw
    at: int


class PartGone(msgspec.Struct, frozen=True, tag="gone", array_like=True, gc=False):
    """A part counts no more: deleted, replaced by one of another bill, or rejected by customs."""

    key: str
    revision: int
    reason: str
    at: int


class PartAccepted(msgspec.Struct, frozen=True, tag="taken", array_like=True, gc=False):
    """Customs has concluded a part (399, or what it says of a warehouse entry)."""

    key: str
    revision: int
    at: int


BillEvent = Part | PartGone | PartAccepted


# ---- inbox.assess ------------------------------------------------------------------------------------------------


class Matched(msgspec.Struct, frozen=True, tag="matched", array_like=True, gc=False):
    """A declaration with the documents behind it, key = the buyer's digest; all of them without persons.

    ``states`` says of each kind: ``here``, ``elsewhere`` or ``missing`` (design §2).
    """

    declaration_key: str
    revision: int
    attempt: int
    received_at: int
    principal: str
    buyer: str
    value: int
    declaration: DeclarationView
    order: OrderView | None = None
    payment: PaymentView | None = None
    waybill: WaybillView | None = None
    states: dict[str, str] = {}
    differences: tuple[Fault, ...] = ()
    #: which versions of the four were put together; the same set is assessed once
    match: str = ""
    submission: str = ""
    sender: str = ""
    #: when they were (ms)
    at: int = 0
    collection: CollectionView | None = None


class Position(msgspec.Struct, frozen=True, tag="position", array_like=True, gc=False):
    """The absolute allowance position of a declaration; assess keeps the one of the highest revision (design §4)."""

    declaration_key: str
    revision: int
    year: int
    reserved: int = 0
    counted: int = 0
    returned: int = 0
    #: what the buyer had used by customs' ledger before this declaration, where its refusal (1313) says so
    customs_total: int = 0


AssessEvent = Matched | Position


# ---- inbox.ledger ------------------------------------------------------------------------------------------------

#: Stages of a burden: tax to expect, an unpaid tax bill, nothing any more, refused by customs for the guarantee (1311).
EXPECTED, BILLED, FREED, REFUSED = "expected", "billed", "", "refused"


class Burden(msgspec.Struct, frozen=True, tag="burden", array_like=True, gc=False):
    """What a declaration burdens its guarantor's guarantee with, absolute; register → ledger, key = the guarantor's code.

    The one of the highest ``revision`` counts. ``before``: the amount register told last, for a ledger that has added it
    to its sum and forgotten whose it was.
    """

    declaration: str  # register key
    revision: int
    amount: int
    stage: str
    at: int
    before: int = 0


# ---- inbox.watch ------------------------------------------------------------------------------------------------


class Sighting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A declaration at a thing. ``who``: the buyer, ``by``: the telephone (shortened digests); ``units``: pieces."""

    declaration: str
    at: int
    who: str
    by: str = ""
    units: int = 1


class Seen(msgspec.Struct, frozen=True, tag="seen", array_like=True, gc=False):
    """A sighting, and what an alert says; assess → watch, key = ``what:digest`` (``hub.domain.watching``)."""

    sighting: Sighting
    office: str
    platform: str
    merchant: str


# ---- inbox.gate -------------------------------------------------------------------------------------------------


class Handing(msgspec.Struct, frozen=True, tag="handing", array_like=True, gc=False):
    """A message that orders may hold, on its way to customs; split → gate, key = submission id.

    ``hand_overs``: the records of ``out.customs`` that leave when it goes; ``orders``: declaration (register key) → the
    orders to hold that may be about it, until its assessment says.
    """

    submission: str
    sender: str
    principal: str
    hand_overs: tuple[bytes, ...]
    documents: tuple[str, ...]
    orders: dict[str, tuple[Order, ...]]
    received_at: int
    #: the log offset at which the orders were known
    reference: int = 0


class Judged(msgspec.Struct, frozen=True, tag="judged", array_like=True, gc=False):
    """By which orders a declaration's assessment holds its message: all there are, none for none; assess → gate."""

    declaration: str
    revision: int
    at: int
    orders: tuple[Order, ...] = ()
    reference: int = 0


#: What an officer decides about a held message.
RELEASE, REFUSE = "release", "refuse"


class Decided(msgspec.Struct, frozen=True, tag="decided", array_like=True, gc=False):
    """An officer of ``authority`` decided about a held message: ``release`` or ``refuse``; its first decision counts."""

    authority: str
    decision: str
    by: str
    reason: str
    at: int


GateEvent = Handing | Judged | Decided


# ---- inbox.observe ----------------------------------------------------------------------------------------------


class Traded(msgspec.Struct, frozen=True, tag="traded", array_like=True, gc=False):
    """A declaration was assessed for the first time; assess → observe, key = the merchant's code.

    ``value``: an amount in ``currency`` (customs' code); ``new``: of a buyer unknown here; ``level``: of the assessment.
    """

    declaration: str
    at: int
    side: str
    value: int
    currency: str
    new: bool
    level: str
    platform: str
    office: str
    #: its documents contradict each other; a price is far below the usual one
    mismatched: bool = False
    undervalued: bool = False
    #: buyer, payer, address delivered to: shortened keyed digests, empty where there is none
    who: tuple[str, ...] = ()
    #: (commodity code/unit/currency, price of one as an amount) of its first lines
    prices: tuple[tuple[str, int], ...] = ()


class Licensed(msgspec.Struct, frozen=True, tag="licensed", array_like=True, gc=False):
    """What a declaration uses of its merchant's permits, with each assessment; assess → observe, key = the merchant's code.

    ``uses``: (control code, number of the permit, quantity as an amount in the permit's unit).
    """

    declaration: str
    at: int
    uses: tuple[tuple[str, str, int], ...] = ()


#: What becomes of a declaration: customs' word, or its sender's.
RELEASED, RETURNED, WITHDRAWN = "released", "returned", "withdrawn"  # and REFUSED


class Concluded(msgspec.Struct, frozen=True, tag="concluded", array_like=True, gc=False):
    """Customs has released, refused or taken back a declaration, or its sender has; register → observe, key = the merchant's code."""

    declaration: str
    at: int
    outcome: str


class Reviewed(msgspec.Struct, frozen=True, tag="reviewed", array_like=True, gc=False):
    """What is known of an enterprise's credit has changed; who publishes it → observe, key = the enterprise's code."""

    at: int


ObserveEvent = Traded | Licensed | Concluded | Reviewed | Complained


# ---- inbox.resolve -----------------------------------------------------------------------------------------------


class Link(msgspec.Struct, frozen=True, tag="link", array_like=True, gc=False):
    """The number (the record's key) belongs to these register keys."""

    keys: tuple[str, ...]
    at: int


class Lead(msgspec.Struct, frozen=True, tag="lead", array_like=True, gc=False):
    """Something that knows only the number (the record's key): the register event waits until the link arrives.

    ``alternatives`` are further numbers to try in turn.
    """

    event: msgspec.Raw  # msgpack of a RegisterEvent
    at: int
    alternatives: tuple[str, ...] = ()
    #: register key of the document that asks, told where nothing is found; empty for receipts, which are alarmed
    origin: str = ""
    revision: int = 0


ResolveEvent = Link | Lead


# ---- out.customs and hand-overs -----------------------------------------------------------------------------------


class HandOver(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole message on its way to an authority: ``sealed`` are the original bytes (``Vault.open``).

    ``documents`` are the register keys to report to. ``copmsg_id`` is the submission id (design §2), or id#n for the
    n-th of several messages rendered from one JSON submission.
    """

    submission: str
    copmsg_id: str
    message: str
    sender: str
    dxp_id: str
    sealed: bytes
    documents: tuple[str, ...]
    received_at: int
    subscribers: tuple[str, ...] = ()


class HandOverOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of ``hand-overs``: what became of a message on its way to a recipient.

    ``outcome``: delivered, refused or parked, ``requeued`` where it is sent again; ``documents``: how many it speaks of.
    Of an event to a subscription: ``submission`` is empty, ``copmsg_id`` the event's id, ``message`` its type. ``topic``,
    ``partition`` and ``offset`` say where it lies.
    """

    submission: str
    copmsg_id: str
    recipient: str
    sender: str
    message: str
    outcome: str
    at: int
    attempts: int
    note: str = ""
    documents: int = 0
    topic: str = ""
    partition: int = -1
    offset: int = -1


class HeldBy(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An order that holds a message: whose it is, until when, which declarations of it (register keys) it is about.

    ``certain``: an assessment says so; else it is awaited. ``ended``: why it holds no more: ``decided``, ``limit``,
    ``revoked`` or ``clear`` (an assessment says that it is not about them).
    """

    order: str
    authority: str
    until: int
    declarations: tuple[str, ...]
    certain: bool = False
    ended: str = ""


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who decided what, why and when."""

    authority: str
    decision: str
    by: str
    reason: str
    at: int


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``holds`` says of a message that orders kept back: JSON, the highest revision counts.

    ``state``: ``held``, ``gone`` (on its way to customs) or ``refused``; ``decisions``: one an authority.
    """

    submission: str
    revision: int
    state: str
    principal: str
    sender: str
    since: int
    at: int
    documents: tuple[str, ...]
    orders: tuple[HeldBy, ...]
    decisions: tuple[Decision, ...] = ()


class AssessmentNotice(msgspec.Struct, frozen=True, tag="assessment", omit_defaults=True):
    """The hub's assessment on its way to customs, after the message itself (design §2); key = the sender.

    Only written where the setting ``notices`` of the stage assess says so.
    """

    assessment: str
    declaration: str
    submission: str
    sender: str
    at: int
    score: int
    level: str
    recommendation: str
    findings: tuple[str, ...] = ()


# ---- public: statuses, assessments, alerts, answers ---------------------------------------------------------------


class TimelineEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of a document's story: when, by whom (hub, customs …), what (a stable word), and its detail."""

    at: int
    by: str
    what: str
    detail: str = ""


class OtherVersion(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A submitted document of this key that is not the current version: repeated, stale, superseded, flagged (not taken)."""

    submission: str
    index: int
    state: str
    at: int
    faults: tuple[Fault, ...] = ()


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``statuses`` holds for a document: JSON, the newest revision counts."""

    key: str  # register key
    kind: str
    revision: int
    submission: str
    index: int
    principal: str
    sender: str
    received_at: int
    state: str
    code: str = ""
    since: int = 0
    text: str = ""
    turn: str = ""
    order: tuple[str, str] = ("", "")
    numbers: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    match: str = ""
    awaited: tuple[str, ...] = ()
    due: int = 0
    counterparts: dict[str, str] = {}
    differences: tuple[Fault, ...] = ()
    assessed_at: int = 0
    handed_over: dict[str, str] = {}  # recipient → outcome
    attempt: int = 1
    customs_office: str = ""
    timeline: tuple[TimelineEntry, ...] = ()
    #: the status revision with which the current version of the document came: what MatchReport and Assessment call revision
    version: int = 0
    #: entries cut out of the middle of the timeline
    cut: int = 0
    #: what else was submitted under this key, newest last, bounded
    versions: tuple[OtherVersion, ...] = ()
    message: str = ""  # CEB621
    #: facts beside the status, by name (``hub.domain.lifecycle.FACTS``): cancellation, returned, tax, summary, arrival …
    facts: dict[str, str] = {}
    #: of an export declaration that is to be summarised: what decides where it is merged
    goods: Goods | None = None
    #: what match has to say that is no difference
    notes: tuple[Fault, ...] = ()
    #: of a declaration once it is assessed (ebcCode)
    merchant: str = ""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a rule noticed; officers only. ``source`` is the instrument, ``evidence`` ids and values without persons."""

    code: str
    path: str = ""
    message: str = ""
    message_zh: str = ""
    source: str = ""
    evidence: dict[str, str] = {}
    score: int = 0
    blocking: bool = False
    #: the rule's code (R01); ``code`` is the fault code of what it found
    rule: str = ""
    #: what it asks for whatever the score: nothing, ``review`` or ``reject``
    action: str = ""
    #: of a rule that counts but does not act: no score, no action, no alert
    shadow: bool = False


class RegisteredLine(msgspec.Struct, frozen=True):
    """Goods as the zone's register of exports keeps them; decimal text, codes of customs for unit and currency."""

    name: str
    unit: str
    qty: str
    price: str
    total: str
    currency: str


class Registered(msgspec.Struct, frozen=True):
    """An export in the zone's register (Caishui 2018-103); ``date`` is the day of export (yyyyMMdd)."""

    merchant: str
    mode: str
    received_at: int
    date: str
    lines: tuple[RegisteredLine, ...]


class Assessment(msgspec.Struct, frozen=True, omit_defaults=True):
    """An assessment with everything a rule read: recomputes to the same bytes (design §3.5)."""

    id: str
    declaration: str  # register key
    revision: int
    attempt: int
    at: int  # the tick it was made under
    reference: int
    rules: str
    buyer: str
    value: int
    findings: tuple[Finding, ...]
    score: int
    level: str
    recommendation: str
    route: tuple[str, ...] = ()
    read: dict[str, str] = {}
    tax: dict[str, str] = {}
    #: by what it was selected for examination: ``class``, ``floor``, the id of an order; empty: it was not
    selected: str = ""
    #: the rate of the draw (1/100,000); 0 where no lot was drawn
    rate: int = 0
    #: the ids of the orders by which its message is held
    held: tuple[str, ...] = ()
    #: a retail export as the zone's register keeps it
    registered: Registered | None = None


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """A risk alert for regulators."""

    id: str
    at: int
    rule: str
    severity: str
    family: str
    agency: tuple[str, ...]
    declaration: str = ""
    enterprises: tuple[str, ...] = ()
    office: str = ""
    message: str = ""
    message_zh: str = ""
    evidence: dict[str, str] = {}
    #: what officers did about it; the record that raises an alert has none of it
    handling: Handling = UNTOUCHED

    @property
    def unit(self) -> str:
        """The part of customs it is addressed to (``hub.domain.access.UNITS``); empty: all whom it is for."""
        return self.evidence.get("unit", "")


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A receipt of an authority (or a notice of the hub) for a participant."""

    id: str
    participant: str  # principal
    at: int
    authority: str
    message: str
    document: str  # register key
    submission: str
    code: str
    time: str
    info: str
    numbers: dict[str, str] = {}
    #: Everything the receipt says, element name → text (``schemas/ceb``); of a CEB900 without the message it is about.
    receipt: dict[str, str] = {}


# ---- public: profiles ----------------------------------------------------------------------------------------------------


class ProfileDay(msgspec.Struct, frozen=True, omit_defaults=True):
    """A day of an enterprise's trade: declarations, and of them ``doubtful`` (assessed yellow and worse), ``new`` (of buyers unknown
    before), ``mismatched``, ``undervalued``; declarations ``released``, ``refused`` and ``returned`` on that day.
    """

    day: str
    declarations: int = 0
    doubtful: int = 0
    new: int = 0
    mismatched: int = 0
    undervalued: int = 0
    released: int = 0
    refused: int = 0
    returned: int = 0


class ProfileShare(msgspec.Struct, frozen=True):
    """``part`` of ``whole``, in percent rounded down."""

    part: int
    whole: int
    percent: int


class ProfilePrices(msgspec.Struct, frozen=True):
    """Prices of a good (commodity code/unit/currency): how many this week and in the weeks before, the geometric means (decimal
    text) and the standard deviations of the logarithm, in thousandths.
    """

    good: str
    count: int
    typical: str
    spread: int
    count_before: int
    typical_before: str
    spread_before: int


class ProfileRemark(msgspec.Struct, frozen=True):
    """Something remarkable that goes on: what, since which day, and the severity officers were told last."""

    what: str
    since: str
    severity: str


class StandingReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one source says of an enterprise, the class that leads to (0: none) and what it does."""

    source: str
    level: str
    control_class: int
    state: str
    via: str = ""


class StandingChange(msgspec.Struct, frozen=True):
    """A standing became another: the classes, and the reasons that are new and that are gone."""

    at: int
    before: int
    after: int
    suggested: int
    new: tuple[StandingReason, ...]
    gone: tuple[StandingReason, ...]


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What observe knows of an enterprise, without persons. A record of the type ``hub.standing.changed.v1`` says that the newest of
    ``changes`` (newest first) has just come.

    ``rates`` are of 30 days; ``shares``: at least so much of the week is of one buyer, payer, address; ``exported``: dollars by
    year (decimal text); ``dimensions`` (0 to 1000), ``grade`` and ``score`` are suggestions.
    """

    enterprise: str
    at: int
    control_class: int
    suggested: int
    days: tuple[ProfileDay, ...] = ()
    rates: dict[str, ProfileShare] = {}
    shares: dict[str, ProfileShare] = {}
    prices: tuple[ProfilePrices, ...] = ()
    exported: dict[str, str] = {}
    unrated: int = 0
    remarks: tuple[ProfileRemark, ...] = ()
    dimensions: dict[str, int] = {}
    grade: str = ""
    score: int = 0
    reasons: tuple[StandingReason, ...] = ()
    changes: tuple[StandingChange, ...] = ()
    #: complaints market supervision has told of
    complaints: int = 0
