"""The life cycle of a document as a table: the hub's states, customs' codes, and what may follow what.

The states before an authority speaks are the hub's; from customs' first receipt its word wins (design: *customs'
status wins*). Flags, match, assessment and hand-over are facts side by side; ``state_of`` says which of them is shown.
Codes: CEB specification 202205, returnStatus of each receipt; unknown ones are kept as they are.
``docs/explanation/life-cycle.md`` is printed from here (``python -m hub.rules.docs``).
"""

from __future__ import annotations

import msgspec

from hub.domain.kinds import (
    APPLICATION_KINDS,
    BILL_WORDS,
    COLLECTION,
    DECLARATION,
    ORDER,
    PAYMENT,
    SUMMARY,
    WAYBILL,
    WAYBILL_STATUS,
)

RECEIVED, FLAGGED, DRAFT, WAITING = "received", "flagged", "draft", "waiting"
MATCHED, ASSESSED, HELD, HANDED_OVER = "matched", "assessed", "held", "handed over"
#: Refused on its way: customs does not have it.
NOT_HANDED_OVER = "not handed over"
REPEATED, STALE, SUPERSEDED = "repeated", "stale", "superseded"
WITHDRAWN, EXPIRED = "withdrawn", "expired"
#: The document is not here; only an authority's receipt is.
UNKNOWN = "unknown"


class State(msgspec.Struct, frozen=True):
    """A state: its name, what it means in both languages, and whose turn it is (empty: nobody's)."""

    name: str
    meaning: str
    meaning_zh: str
    turn: str = ""


class Code(msgspec.Struct, frozen=True):
    """One of customs' codes. ``allowance`` is what it does to a buyer's allowance: nothing, ``free``, ``count``, ``return``.

    ``rejects``: the same key may come again as a new attempt. ``ends``: customs is done with the document.
    """

    code: str
    state: str
    meaning_zh: str
    turn: str = "customs"
    allowance: str = ""
    rejects: bool = False
    ends: bool = False


#: What the hub says before customs speaks.
HUB_STATES: tuple[State, ...] = (
    State(RECEIVED, "acknowledged and kept", "已接收", "hub"),
    State(FLAGGED, "taken, with faults of meaning the sender has been told", "已接收，有差错", "sender"),
    State(DRAFT, "stored only (appStatus 1): kept and shown, never joined or counted", "暂存", "sender"),
    State(WAITING, "waits for other documents of its order", "等待其他单证", "sender"),
    State(MATCHED, "order, payment, waybill and declaration are together", "已对碰", "hub"),
    State(ASSESSED, "the declaration has its assessment", "已研判", "hub"),
    State(HELD, "kept back by an authority's standing order", "按指令暂缓移交", "customs"),
    State(NOT_HANDED_OVER, "an authority's order, or the receiver, refused it on its way: customs never had it", "未移交（被拒收）", "sender"),
    State(HANDED_OVER, "customs has it and has not answered yet", "已移交海关", "customs"),
    State(WITHDRAWN, "deleted by its sender (appType 3)", "已撤回", ""),
    State(EXPIRED, "the other documents did not come in time; alarmed", "等待超时", "sender"),
    State(UNKNOWN, "an authority answered about a document that is not here", "未见单证", "hub"),
)
#: What becomes of a submitted document that is not, or no longer, the current version of its key.
VERSION_STATES: tuple[State, ...] = (
    State(
        REPEATED, "the same content again: no second effect here; customs gets the message and says the same", "重复"
    ),
    State(STALE, "an older appTime than the version that is here", "旧报文"),
    State(SUPERSEDED, "a newer version took its place", "已被替代"),
    State(
        FLAGGED,
        "not taken as a version: customs has the document already, or the key came twice; customs gets the message and says so",
        "未采用，有差错",
    ),
)

CODES: tuple[Code, ...] = (
    Code("1", "stored at E-port", "电子口岸已暂存"),
    Code("2", "declaring", "电子口岸申报中"),
    Code("3", "sent", "发送海关成功"),
    Code("4", "sending failed", "发送海关失败", turn="sender", rejects=True),
    Code("100", "rejected", "海关退单", turn="sender", allowance="free", rejects=True),
    Code("120", "stored by customs", "海关入库"),
    Code("300", "manual review", "人工审核"),
    Code("399", "concluded", "海关审结"),
    Code("500", "examination", "查验"),
    Code("501", "detained", "扣留移送通关"),
    Code("502", "detained", "扣留移送缉私"),
    Code("503", "detained", "扣留移送法规"),
    Code("505", "transferred", "移交"),
    Code("599", "detained", "其它扣留"),
    Code("600", "suspended", "挂起"),
    Code("700", "returned abroad", "退运", turn="", allowance="return", ends=True),
    Code("800", "released", "放行", turn="", allowance="count", ends=True),
    Code("899", "closed", "结关", turn="", allowance="count", ends=True),
)
BY_CODE = {code.code: code for code in CODES}
_PROCESSING_ERROR = Code("<0", "processing error", "处理异常", turn="sender", allowance="free", rejects=True)
_OTHER = Code("?", "other", "其他")

#: Customs says that it has the document already, or that a newer message is there: notes, not transitions. Import: table 7-2
#: of the 2018 specification. On the export side the same numbers mean other things; -304001 (a repeated key) was seen.
NOTES: dict[str, frozenset[str]] = {
    "import": frozenset(
        (
            *("-301010", "-401007", "-504012", "-504015", "-505012", "-621004", "-800003"),  # exists already, repeated
            *("-301014", "-401012", "-505016", "-800005"),  # old message
        )
    ),
    "export": frozenset(("-304001",)),
}
NOTES["both"] = NOTES["import"] | NOTES["export"]


def is_note(side: str, code: str) -> bool:
    """Whether a code of a receipt of that side (import, export, both) leaves the document's status as it is."""
    return code in NOTES[side]


#: Of two receipts of the same time the later step counts: E-port's errors come after its 2, before customs' codes.
_EPORT = {"1": 1, "2": 2, "3": 3, "4": 4}
_ERROR_RANK = 5
#: Above the rank of every code.
LAST = 1 << 40

#: The exception code by which customs would refuse: (message, what) → code of table 7-2; for export there are only ranges.
CEB_CODES: dict[tuple[str, str], str] = {
    ("CEB311", "exists"): "-301010",
    ("CEB411", "exists"): "-401007",
    ("CEB511", "exists"): "-504015",
    ("CEB621", "exists"): "-621004",
    ("CEB311", "stale"): "-301014",
    ("CEB411", "stale"): "-401012",
    ("CEB311", "nothing"): "-301009",
    ("CEB411", "nothing"): "-401006",
    ("CEB511", "nothing"): "-504014",
    ("CEB621", "nothing"): "-621011",
    ("CEB311", "closed"): "-301011",
    ("CEB411", "closed"): "-401008",
    ("CEB511", "closed"): "-504016",
    ("CEB621", "closed"): "-621012",
    ("CEB513", "exists"): "-505012",
    ("CEB513", "stale"): "-505016",
    ("CEB623", "exists"): "-623009",
    ("CEB623", "closed"): "-623013",
    ("CEB625", "exists"): "-625022",
    ("CEB711", "exists"): "-800003",
    ("CEB711", "stale"): "-800005",
}


def is_error(code: str) -> bool:
    """A processing error: below zero."""
    return code.startswith("-") and code[1:].isdigit()


def meaning_of(code: str) -> Code:
    """The row of a code; every number below 0 shares one, unknown ones are ``other`` and nobody's but customs' turn."""
    found = BY_CODE.get(code)
    if found is not None:
        return found
    return _PROCESSING_ERROR if is_error(code) else _OTHER


def rank(code: str) -> int:
    """The order of codes at the same returnTime; total, so that the current status does not depend on arrival."""
    if code in _EPORT:
        return _EPORT[code]
    if is_error(code):
        return _ERROR_RANK
    return 10 + int(code[:9]) if code.isascii() and code.isdigit() else 0


#: Kinds that are done when customs has stored them.
_STORED_IS_DONE = frozenset({ORDER, PAYMENT, COLLECTION, WAYBILL, WAYBILL_STATUS})


def ends(kind: str, code: str) -> bool:
    """Whether customs is done: orders, payments and waybills end at 120, declarations at 700, 800, 899, others at 399 too."""
    if meaning_of(code).ends or (code == "399" and kind != DECLARATION):
        return True
    return code == "120" and kind in _STORED_IS_DONE


def state_of(
    *, code: str, draft: bool, withdrawn: bool, match: str, assessed: bool, outcome: str, faults: bool, known: bool
) -> str:
    """The one state shown of the facts side by side: customs' word first, then the hub's in the order of this function."""
    if withdrawn:
        return WITHDRAWN
    if code:
        return meaning_of(code).state
    if not known:
        return UNKNOWN
    if draft:
        return DRAFT
    if outcome == "refused":
        return NOT_HANDED_OVER
    if match == EXPIRED:
        return EXPIRED
    if outcome == HELD:
        return HELD
    if match == WAITING:
        return WAITING
    if outcome == "delivered":
        return HANDED_OVER
    if assessed:
        return ASSESSED
    if match == MATCHED:
        return MATCHED
    return FLAGGED if faults else RECEIVED


#: Facts beside the status → their form: a moment (ms), a deadline (ms), the stage of something, or a text. Another name
#: is an entry's number of a summary result (``entry 1``).
MOMENT, DEADLINE, STAGE, TEXT = "moment", "deadline", "stage", "text"
FACTS: dict[str, str] = {
    **dict.fromkeys(("released", "taxCreated", "taxFrom", "signed", "taxPaid"), MOMENT),
    **{name: MOMENT for _, fact in BILL_WORDS.values() for name in (fact, f"{fact}Concluded")},
    **dict.fromkeys(("returnBy", "goodsBackBy", "taxBy"), DEADLINE),
    **dict.fromkeys((*APPLICATION_KINDS, SUMMARY, "returned"), STAGE),
    **dict.fromkeys(("mode", "statisticsFlag", "billNo", "sumNo", "entryId", "taxNo", "taxStatus", "tax"), TEXT),
    **dict.fromkeys(("entDutyNo", "guarantor", "taxReceipt", "refund"), TEXT),
}

CUSTOMS_STATES = tuple(dict.fromkeys([code.state for code in CODES] + [_PROCESSING_ERROR.state, _OTHER.state]))
_BEFORE = (RECEIVED, FLAGGED, DRAFT, WAITING, MATCHED, ASSESSED, HELD, NOT_HANDED_OVER, HANDED_OVER, EXPIRED)
_ANEW = (RECEIVED, FLAGGED, DRAFT)

#: State → the states that may follow it. Customs may say anything at any time, so its states follow every other.
FOLLOWS: dict[str, frozenset[str]] = {
    "": frozenset((*_ANEW, WITHDRAWN, UNKNOWN, *CUSTOMS_STATES)),
    UNKNOWN: frozenset((*_ANEW, WITHDRAWN, *CUSTOMS_STATES)),
    RECEIVED: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    FLAGGED: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    DRAFT: frozenset((*_ANEW, WITHDRAWN, *CUSTOMS_STATES)),
    WAITING: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    MATCHED: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    ASSESSED: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    HELD: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    NOT_HANDED_OVER: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    HANDED_OVER: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    EXPIRED: frozenset((*_BEFORE, WITHDRAWN, *CUSTOMS_STATES)),
    WITHDRAWN: frozenset((*_ANEW, *CUSTOMS_STATES)),
    **{state: frozenset((*_ANEW, WITHDRAWN, *CUSTOMS_STATES)) for state in CUSTOMS_STATES},
}

#: Kind → whose turn it is while it is awaited.
AWAITED_FROM = {
    ORDER: "platform",
    PAYMENT: "payer",
    COLLECTION: "payer",
    WAYBILL: "carrier",
    DECLARATION: "declarant",
}


def turn_of(kind: str, state: str, code: str, awaited: tuple[str, ...]) -> str:
    """Whose turn it is: sender, platform, payer, carrier, declarant, customs, hub, or nobody's.

    Customs waits for what is awaited too, until it has stored the declaration.
    """
    theirs = AWAITED_FROM.get(awaited[0], "sender") if awaited else ""
    if theirs and state in (WAITING, EXPIRED):
        return theirs
    if not code or state == WITHDRAWN:
        return _TURNS.get(state, "")
    turn = meaning_of(code).turn
    if turn == "customs":
        if theirs and (kind != DECLARATION or code in _EPORT):
            return theirs
        return "" if ends(kind, code) else turn
    return turn


_TURNS = {state.name: state.turn for state in HUB_STATES}
