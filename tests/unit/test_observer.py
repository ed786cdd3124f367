"""What a declarant sends to customs itself, with the hub as a subscriber: followed, owned by its sender, never handed over."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import signature
from adapters.intake import Judge, Judged
from hub import codec, topics
from hub.domain.access import Access, Principal
from hub.domain.events import Submission
from hub.domain.faults import Refused
from hub.domain.kinds import DECLARATION
from schemas import catalog
from schemas.documents import Subscription
from tests.support.documents import four, key_of, receipt_for, submission
from tests.support.door import Log, a_door, served
from tests.support.intake import (
    CUSTOMS,
    DXP_IDS,
    PRINCIPALS,
    XML,
    codes,
    digest,
    documents,
    enveloped,
    transfer,
)
from tests.support.signing import NOW, a_signer
from tests.support.stage_harness import NOON, World, timeline

HUB = "DXPHUB0000990000"
_ids = itertools.count()


def a_judge(dxp_id: str = HUB, filed: bool = True) -> Judge:
    owners = {code: p.name for p in PRINCIPALS.values() for code in (*p.codes, *p.dxp_ids)} if filed else {}
    return Judge(
        access=lambda: Access(filed=owners),
        signatures="required",
        digest=digest,
        signing_key=lambda _: None,
        certificates=lambda _: (),
        dxp_id=dxp_id,
    )


def message(kind: str = "declaration", made: list[Any] | None = None, status: str = "ALL", to: str = HUB, signed: bool = True) -> bytes:
    """A message of an enterprise that names the hub as a subscriber."""
    mt = catalog.message({"declaration": "CEB621", "order": "CEB311", "payment": "CEB411", "waybill": "CEB511"}[kind])
    subscribe = (Subscription(status=status, dxpMode="DXP", dxpAddress=to),)
    plain = catalog.render(
        mt, made or documents(kind), guid="G" * 36, transfer=transfer(kind), subscribe=subscribe
    )  # fmt: skip
    return signature.sign(plain, a_signer()) if signed else plain


def from_customs(data: bytes, judge: Judge | None = None, who: Principal = CUSTOMS) -> Judged:
    type_ = data[data.index(b":CEB") + 1 : data.index(b"Message") + 7].decode()
    return (judge or a_judge())(enveloped(data, "DXPEDCCEB0000002", type_), XML, who, NOW)


def submitted(judged: Judged) -> Submission:
    """What the door makes of it."""
    return Submission(
        id=f"seen{next(_ids)}", principal=judged.owner, sender=judged.sender, received_at=NOON, message=judged.message,
        guid=judged.guid, edition=judged.edition, documents=judged.documents, authority=judged.authority,
        dxp_id=judged.dxp_id, subscribers=judged.subscribers, observed=judged.observed,
    )  # fmt: skip


@pytest.mark.parametrize("status", ["ALL", "DATA", "RET"])
def test_what_customs_hands_on_is_its_enterprises(status: str) -> None:
    found = from_customs(message(status=status))
    assert (found.observed, found.owner, found.sender) == (True, "agent", DXP_IDS["declaration"])
    assert (found.authority, found.subscribers, codes(found.notes)) == ("", (), [])
    assert [(d.kind, codes(d.faults)) for d in found.documents] == [(DECLARATION, [])]


def test_an_enterprise_that_nobody_has_filed_goes_by_its_number() -> None:
    found = from_customs(message(), a_judge(filed=False))
    assert found.owner == DXP_IDS["declaration"]


def test_only_what_names_the_hub_is_observed_and_only_if_it_comes_from_customs() -> None:
    for data, judge in ((message(to="DXPENT0000999999"), a_judge()), (message(), a_judge(dxp_id=""))):
        with pytest.raises(Refused):
            from_customs(data, judge)
    with pytest.raises(Refused):
        from_customs(message(), who=Principal("tax", ("tax",)))
    judge = a_judge()
    judge._certificates = lambda _: {a_signer().fingerprint}
    own = judge(message(), XML, PRINCIPALS["declaration"], NOW)
    assert (own.observed, own.owner) == (False, "")


def test_what_is_wrong_with_its_signature_is_noted_since_customs_has_taken_it() -> None:
    assert codes(from_customs(message("order", signed=False)).notes) == ["signature.missing"]
    changed = message().replace(b"<ceb:insuredFee>", b"<ceb:insuredFee>1")
    assert codes(from_customs(changed).notes) == ["signature.digest"]


async def test_the_record_is_the_enterprises_and_the_acknowledgement_customs(tmp_path: Path) -> None:
    log = Log()
    made = a_door(tmp_path, log)
    made.door._judge._dxp_id = HUB
    headers = {"Authorization": f"Bearer {made.entries['customs'].api_key}", "Content-Type": "application/xml"}
    async with served(made) as client:
        response = await client.post("/v1/messages", data=message(), headers=headers)
        acknowledged = await response.json()
    assert (response.status, acknowledged["principal"]) == (202, "customs"), acknowledged
    [(_, value, told)] = log.of(topics.SUBMISSIONS)
    kept = codec.submission(made.vault.open(codec.submission_record(value).documents))
    assert (kept.principal, kept.sender, kept.observed) == (DXP_IDS["declaration"], DXP_IDS["declaration"], True)
    assert codec.summary(dict(told)[codec.SUMMARY_HEADER]).principal == DXP_IDS["declaration"]


def _observed(document: Any) -> Submission:
    made = submission(document, principal="agent")
    return msgspec.structs.replace(made, id=f"seen{next(_ids)}", observed=True)


def test_an_observed_document_gets_its_receipts_and_is_never_handed_over() -> None:
    world = World()
    sale = four()
    for document in sale.values():
        world.submit(_observed(document))
    world.run()
    declaration = sale[DECLARATION]
    assert world.hand_overs() == []
    status = world.status(key_of(declaration))
    assert (status.state, status.principal, status.handed_over) == ("handed over", "agent", {"customs": "delivered"})
    for code, time in (("2", "20260601120001000"), ("120", "20260601120002000"), ("800", "20260601120003000")):
        world.submit(receipt_for(declaration, code, time, preNo="B20260601000000001"))
        world.run()
    world.tick(60_000)
    status = world.status(key_of(declaration))
    assert (status.state, status.match, timeline(status)[-1]) == ("released", "matched", "800")
    assert [answer.code for answer in world.answers() if answer.participant == "agent"] == ["2", "120", "800"]
    assert world.assessments()
    assert world.hand_overs() == []


def test_a_receipt_that_was_here_before_the_document_is_applied() -> None:
    world = World()
    declaration = four()[DECLARATION]
    world.submit(receipt_for(declaration, "120", "20260601120002000"))
    world.submit(_observed(declaration))
    world.run()
    assert world.status(key_of(declaration)).code == "120"
    assert world.hand_overs() == []


def test_what_customs_is_silent_about_is_overdue_as_if_the_hub_had_handed_it_over() -> None:
    world = World()
    declaration = four()[DECLARATION]
    world.submit(_observed(declaration))
    world.run()
    world.tick(2 * 3_600_000)
    assert "overdue" in timeline(world.status(key_of(declaration)))


def test_what_the_hub_handed_over_and_hears_of_again_is_a_repetition() -> None:
    world = World()
    declaration = four()[DECLARATION]
    world.submit(submission(declaration, principal="agent"))
    world.submit(_observed(declaration))
    world.run()
    assert len(world.hand_overs()) == 1
    assert "repeated" in timeline(world.status(key_of(declaration)))


def test_all_of_a_message_from_customs_goes_through_the_stages() -> None:
    world = World()
    made = documents("declaration", 3)
    world.submit(submitted(from_customs(message("declaration", made))))
    world.run()
    assert len([key for key in world.register_states() if key.startswith(DECLARATION)]) == 3
    assert not world.published.get(topics.OUT_CUSTOMS)
    assert codec.decoder(Submission)(codec.pack(submitted(from_customs(message())))).observed
