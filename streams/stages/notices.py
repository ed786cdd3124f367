"""What split makes of authorities' CloudEvents: words to documents, alerts, and changes of reference data.

Changes of reference data go to the topic ``notices``: officers write the same records, so that one writer at a time
makes their next versions, under the lock that officers' records are published under (``hub.infra.notices``). A stage that
numbered versions itself would now and then take a number that an officer has just used, and one of the two would be lost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub import codec, topics
from hub.domain import decrees
from hub.domain import notices as domain
from hub.domain.events import Alert, Lead, ReceiptArrived, Submission
from hub.domain.keys import china_day, china_stamp, rfc3339
from hub.rules.api import TRADING
from streams.api import Output
from streams.stages.cloud import raised

_REGISTER, _RESOLVE, _OBSERVE = topics.inbox("register"), topics.inbox("resolve"), topics.inbox("observe")
_notice = codec.decoder(domain.Notice)


def told(submission: Submission) -> list[Output]:
    """The records of all events of a submission, in their order."""
    outputs: list[Output] = []
    for document in submission.documents:
        notice = _notice(document.view)
        data = domain.data_of(notice)
        if isinstance(data, domain.ComplaintReceived):
            outputs += _complaint(submission, notice, data)
        elif isinstance(data, domain.BrandFound):
            outputs += _brand(submission, notice, data)
        elif isinstance(data, domain.Receipt | domain.BillPaid | domain.RefundDecided):
            outputs += _word(submission, notice, data)
        else:
            change = decrees.decree_of(notice, china_day(submission.received_at), submission.principal)
            assert change is not None
            outputs.append(Output(topics.NOTICES, change.key.encode(), codec.pack(change)))
    return outputs


def _word(submission: Submission, notice: domain.Notice, data: Any) -> list[Output]:  # Any: one of three
    """A word about a document, to its register key or by its number at customs; one about an enterprise has nowhere to go."""
    code: str
    if isinstance(data, domain.Receipt):
        code, detail = data.outcome, data.item
    elif isinstance(data, domain.BillPaid):
        code, detail = "paid", f"{data.tax_no} {data.amount}"
    else:
        code, detail = data.decision, data.amount
    reasons = "; ".join([f"{reason.code} {reason.message}" for reason in getattr(data, "reasons", ())])
    event = codec.pack(
        ReceiptArrived(
            authority=submission.authority,
            message=notice.type,
            code=code,
            time=china_stamp(notice.time),
            info=reasons,
            received_at=submission.received_at,
            submission=submission.id,
            numbers={"event": notice.id, "detail": detail},
        )
    )
    if data.document:
        return [Output(_REGISTER, data.document.encode(), event)]
    if data.inventory:
        lead = Lead(msgspec.Raw(event), submission.received_at)
        return [Output(_RESOLVE, f"invtNo:{data.inventory}".encode(), codec.pack(lead))]
    return []


def _complaint(submission: Submission, notice: domain.Notice, data: domain.ComplaintReceived) -> list[Output]:
    alert = Alert(
        id=f"complaint:{notice.id}",
        at=submission.received_at,
        rule="market.complaint",
        severity="yellow",
        family=TRADING,
        agency=("market", "office"),
        declaration=data.document,
        enterprises=(data.enterprise,),
        message="Somebody has complained about an enterprise to market supervision.",
        message_zh="市场监管部门收到对企业的投诉。",
        evidence={"complaint": data.complaint, "matter": data.matter, "received": rfc3339(notice.time)},
    )
    counted = codec.pack(domain.Complained(submission.received_at, notice.id))
    return [*raised(alert, data.document or data.enterprise), Output(_OBSERVE, data.enterprise.encode(), counted)]


def _brand(submission: Submission, notice: domain.Notice, data: domain.BrandFound) -> list[Output]:
    bad = data.finding == "infringing"
    alert = Alert(
        id=f"brand:{notice.id}",
        at=submission.received_at,
        rule="market.brand",
        severity="red" if bad else "green",
        family=TRADING,
        agency=("customs", "market"),
        declaration=data.document,
        enterprises=(data.enterprise,) if data.enterprise else (),
        message="Market supervision has found that goods infringe a brand." if bad else "Market supervision has found that goods are genuine.",
        message_zh="市场监管部门认定商品侵犯商标权。" if bad else "市场监管部门认定商品为正品。",
        evidence={"brand": data.brand, "finding": data.finding, "found": rfc3339(notice.time)},
    )
    return raised(alert, data.document)
