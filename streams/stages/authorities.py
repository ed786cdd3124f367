"""What stages tell tax, foreign exchange, market supervision and commerce (``hub.domain.authority_views``), and who is told.

Called where something of the kind has happened; everything else costs a comparison. A record is keyed by the sender of the
document, or by the enterprise where it is about one, so that what is said of it keeps its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hub import codec, topics
from hub.domain import authority_views as views
from hub.domain.credit import WATCH
from hub.domain.events import (
    REFUSED,
    RETURNED,
    WITHDRAWN,
    Assessment,
    Matched,
    StandingChange,
    TaxBillArrived,
    Tick,
)
from hub.domain.history import short
from hub.domain.keys import china_day
from hub.domain.money import SCALE, text
from hub.domain.reference import CNY
from hub.domain.reference_kinds import number_of
from hub.domain.screening import BRANDS, RECALLS
from streams.api import Output
from streams.stages.cloud import headers

if TYPE_CHECKING:
    from hub.domain.profile import Licence
    from hub.rules.api import References
    from streams.stages.register import Turn

_TAX, _FOREX, _MARKET, _COMMERCE = map(topics.out, ("tax", "forex", "market", "commerce"))
#: Finding → the list whose entry it names, and in which field of its evidence.
_FOUND = {"rule.recalled": (RECALLS, "name"), "rule.brand": (BRANDS, "brand")}
#: What a receipt says, element name → text.
_words: Callable[[Any], dict[str, str]] = codec.decoder(dict[str, str])


def told(topic: str, key: str, type_: str, id_: str, subject: str, at: int, value: Any) -> Output:  # Any: one of the views
    """A record of an authority's topic. ``key`` keeps the order, ``subject`` is what it is about (a register key or an enterprise)."""
    return Output(topic, key.encode(), codec.to_json(value), headers(type_, id_, subject, at))


# ---- from assess ---------------------------------------------------------------------------------------------------------


def assessed(event: Matched, assessment: Assessment, now: Tick, references: References, threshold: int) -> tuple[list[Output], str]:
    """What an assessed declaration has for authorities, and the ``ce_id`` of the payment or collection told, empty for none."""
    outputs, id_ = _funds(event, now, references, threshold)
    key = event.declaration_key
    if assessment.registered is not None:
        one = assessment.registered
        entry = views.ExportEntry(key, event.revision, one.merchant, one.mode, one.received_at, one.date, one.lines)
        outputs.append(
            told(_TAX, event.sender, views.EXPORT_REGISTERED, f"export:{key}@{event.revision}", key, assessment.at, entry)
        )
    for finding in assessment.findings:
        if finding.code in _FOUND and not finding.shadow:
            outputs.append(_goods(event, assessment, finding.code, finding.path, finding.evidence))
    return outputs, id_


def _funds(event: Matched, now: Tick, references: References, threshold: int) -> tuple[list[Output], str]:
    of, payer = event.declaration, ""
    if event.payment is not None:
        paid = event.payment
        what, transaction, institution, value, currency = "payment", paid.transaction, paid.pay_code, paid.paid, CNY
        payer = short(paid.payer_id)
    elif event.collection is not None:
        got = event.collection
        what, transaction, institution, value, currency = "collection", got.transaction, got.pay_code, got.charge, got.currency or CNY
    else:
        return [], ""
    if currency == CNY:
        if value <= threshold:
            return [], ""
    else:
        rate = references.find("exchange", currency, china_day(event.received_at), now.reference)
        cny = number_of(rate.get("cny")) if rate is not None else None
        # Without a rate nobody knows that it is small.
        if cny is not None and value * cny <= threshold * SCALE:
            return [], ""
    key = event.declaration_key
    id_ = f"{what}:{key}@{event.revision}:{transaction}"
    funds = views.Funds(
        key, event.revision, of.side, event.received_at, of.merchant, of.platform, institution, transaction, text(value), currency, payer
    )
    type_ = views.PAYMENT_MATCHED if what == "payment" else views.COLLECTION_MATCHED
    return [told(_FOREX, event.sender, type_, id_, key, max(now.at, event.at), funds)], id_


def _goods(event: Matched, assessment: Assessment, code: str, path: str, evidence: Mapping[str, str]) -> Output:
    of, key = event.declaration, event.declaration_key
    list_, field = _FOUND[code]
    entry = evidence.get(field, "")
    number = int(path.partition("[")[2].partition("]")[0])
    line = of.lines[number - 1]
    found = views.GoodsFound(
        declaration=key,
        revision=event.revision,
        at=assessment.at,
        list=list_,
        entry=entry,
        side=of.side,
        merchant=of.merchant,
        platform=of.platform,
        declarant=of.declarant,
        office=of.office,
        carrier=of.carrier,
        waybill=of.waybill,
        line=line.gnum,
        goods_code=line.gcode,
        goods=line.name or line.text.partition("\n")[0],
        quantity=text(line.qty),
        unit=line.unit,
        country=line.country,
        instrument=evidence.get("instrument", ""),
    )
    id_ = f"goods:{key}@{event.revision}:{list_}:{number}:{entry}"
    return told(_MARKET, event.sender, views.GOODS_FOUND, id_, key, assessment.at, found)


# ---- from register -------------------------------------------------------------------------------------------------------


def tax_bill(turn: Turn, event: TaxBillArrived, at: int) -> None:
    """A tax bill, or its new status."""
    head = _words(event.head)
    issued = event.customs_tax is not None
    total = (event.customs_tax or 0) + event.value_added_tax + event.consumption_tax
    amounts = [event.customs_tax or 0, event.value_added_tax, event.consumption_tax, total]
    bill = views.TaxBill(
        turn.key,
        event.tax_no,
        event.status,
        at,
        turn.get("numbers").get("invtNo", ""),
        turn.get("merchant") or head.get("ebcCode") or "",
        head.get("agentCode") or "",
        turn.get("office"),
        event.guarantor,
        event.duty_no,
        *([text(value) for value in amounts] if issued else []),
    )
    type_ = views.TAX_ISSUED if issued else views.TAX_CHANGED
    id_ = f"tax-bill:{turn.key}:{event.tax_no}:{event.status}:{event.time}"
    turn.outputs.append(told(_TAX, turn.get("sender"), type_, id_, turn.key, turn.now, bill))


def replaced(turn: Turn, reported: str) -> None:
    """An assessment has told of another payment or collection than ``turn`` knew, or of none."""
    before = turn.get("reported")
    if before and before != reported:
        turn.outputs.append(_corrected(turn, before, "replaced", reported))
    turn.changes["reported"] = reported


def concluded(turn: Turn, outcome: str) -> None:
    """What was told about a payment or collection, where its declaration has come to nothing."""
    before = turn.get("reported")
    if not before or outcome not in (REFUSED, RETURNED, WITHDRAWN):
        return
    turn.outputs.append(_corrected(turn, before, outcome))
    if outcome != RETURNED:
        turn.changes["reported"] = ""


def _corrected(turn: Turn, corrects: str, reason: str, by: str = "") -> Output:
    correction = views.FundsCorrected(turn.key, corrects, reason, turn.then(turn.now), by)
    id_ = f"{corrects}:{reason}@{turn.revision}"
    return told(_FOREX, turn.get("sender"), views.FUNDS_CORRECTED, id_, turn.key, turn.now, correction)


# ---- from observe --------------------------------------------------------------------------------------------------------


def permit(merchant: str, which: tuple[str, str], licence: Licence, declaration: str, at: int) -> Output:
    """What is used of a permit has changed with a declaration."""
    control, number = which
    quantity, used = licence.uses.get(declaration, 0), licence.told["used"]
    value = views.PermitUsed(merchant, control, number, declaration, text(quantity), text(used), licence.version)
    id_ = f"permit:{merchant}~{control}~{number}@{licence.version}"
    return told(_COMMERCE, merchant, views.PERMIT_USED, id_, merchant, at, value)


def year_limit(code: str, year: int, limit: int, dollars: int, at: int) -> Output:
    """An enterprise's exports have passed a limit of the year."""
    value = views.YearExports(code, year, limit, dollars, at)
    return told(_FOREX, code, views.YEAR_PASSED, f"year:{code}:{year}:{limit}", code, at, value)


def reclassified(code: str, change: StandingChange) -> list[Output]:
    """A standing has become another: commerce hears of each, market supervision of what is, or was, watch and worse."""
    if change.before == change.after:
        return []
    value = views.Reclassified(code, change.at, change.before, change.after, change.new, change.gone)
    heard = (_MARKET, _COMMERCE) if max(change.before, change.after) >= WATCH else (_COMMERCE,)
    id_ = f"standing:{code}@{change.at}"
    return [told(topic, code, views.RECLASSIFIED, id_, code, change.at, value) for topic in heard]

