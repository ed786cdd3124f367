"""What the sandbox customs does alike with every message: drafts, changes, deletes, repeats, old ones, silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters import signature
from adapters.authorities.customs import scenario, uploads
from adapters.authorities.customs.envelope import Envelope
from adapters.xml import parse
from schemas import catalog, made, samples
from tests.support.customs import DXP_ID
from tests.support.documents import with_head
from tests.support.rehearsal import Rehearsal, scenario_of, type_of
from tests.support.signing import a_signer

UPLOADS = tuple(mt.type for mt in catalog.messages() if mt.direction == "up")
EARLIER, LATER = "20200101000000", "20270101000000"


def prepared(type_: str, customs: Rehearsal) -> Any:
    """A document of a message that customs will take, with what it needs before it handed in."""
    at = customs.now
    sale, export = samples.declaration_set(1, at=at), samples.export_set(1, at=at, collected=True)
    simple = {
        "CEB311": sale.order, "CEB411": sale.payment, "CEB511": sale.waybill, "CEB621": sale.declaration,
        "CEB513": samples.waybill_status(sale.waybill, at=at), "CEB303": export.order, "CEB403": export.collection,
        "CEB711": samples.warehouse_entry([sale.declaration], at=at), "CEB505": export.waybill,
        "CEB603": export.declaration, "CEB607": samples.consolidation([export.declaration], at=at)[0],
        "CEB507": samples.arrival([export.declaration], at=at)[0],
        "CEB509": samples.departure([export.declaration], at=at)[0],
        "CEB701": samples.summary(period=(at, at), at=at)[0],
    }  # fmt: skip
    if type_ in simple:
        return simple[type_]
    if type_ in ("CEB623", "CEB605"):
        declaration = (customs.imported(1) if type_ == "CEB623" else customs.exported(1)).declaration
        customs.wait(30)
        return samples.cancellation(declaration, customs.invt_no(declaration), at=at)
    if type_ == "CEB625":
        declaration = customs.imported(1).declaration
        customs.wait()
        return samples.returned(declaration, customs.invt_no(declaration), at=at)
    declaration = customs.exported(1).declaration
    for part in (*samples.consolidation([declaration]), *samples.arrival([declaration])):
        customs.wait()
        customs.hand_in(part)
    customs.wait()
    application = samples.returned(declaration, customs.invt_no(declaration), at=at)
    return application if type_ == "CEB213" else samples.tally(application, at=at)  # type: ignore[arg-type]


@pytest.fixture(params=UPLOADS)
def type_(request: pytest.FixtureRequest) -> str:
    """Each upload message."""
    return str(request.param)


@pytest.fixture
def customs() -> Rehearsal:
    """A customs that releases."""
    return Rehearsal()


def test_every_upload_has_its_line_in_the_table(type_: str) -> None:
    assert type_ in uploads.UPLOADS
    fields = {field.name for field in catalog.message(type_).fields}
    known = uploads.upload(type_)
    assert {*known.keep, *known.place, *filter(None, [known.signer])} <= fields


def test_every_document_is_first_told_2_with_its_own_guid(type_: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    assert type_of(document) == type_
    customs.hand_in(document)
    customs.wait()
    head = customs.heads(document)[0]
    assert (head.returnStatus, head.guid) == ("2", document.head.guid)
    assert {form for form, _ in customs.told[customs.key(document)]} - {"CEB816"} == {catalog.message(type_).receipt}


def test_a_draft_is_noted_and_takes_part_in_nothing(type_: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    [row] = customs.hand_in(with_head(document, appStatus="1"))
    assert [p.status for p in row.plan] == ["1"]
    customs.wait(1)
    customs.hand_in(document)
    customs.wait()
    assert customs.statuses(document)[0] == "2"


def test_a_repetition_is_refused_and_an_old_one_too(type_: str, customs: Rehearsal) -> None:
    document, codes = prepared(type_, customs), uploads.upload(type_).refusals
    customs.hand_in(document)
    assert customs.refused(customs.hand_in(with_head(document, guid="A" * 36))) == codes.exists
    assert customs.refused(customs.hand_in(with_head(document, appTime=EARLIER))) == codes.old
    assert customs.refused(customs.hand_in(with_head(document, appType="2", appTime=EARLIER))) == codes.old


def test_the_same_envelope_again_has_no_second_effect(type_: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    assert customs.hand_in(document, id="same")
    assert customs.hand_in(document, id="same") == []


def test_nothing_can_be_changed_or_deleted_that_is_not_there(type_: str, customs: Rehearsal) -> None:
    document, codes = prepared(type_, customs), uploads.upload(type_).refusals
    for kind in ("2", "3"):
        assert customs.refused(customs.hand_in(with_head(document, appType=kind))) == codes.missing


@pytest.mark.parametrize("type_", [t for t in UPLOADS if t not in ("CEB623", "CEB605")])
def test_what_is_there_can_be_changed_and_deleted_and_then_comes_again(type_: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    customs.hand_in(document)
    customs.hand_in(with_head(document, appType="2", appTime=LATER))
    customs.wait(0)
    assert customs.statuses(document)[-1] == "2"
    customs.hand_in(with_head(document, appType="3", appTime=LATER))
    customs.wait()
    assert customs.statuses(document)[-2:] == ["2", "399"]
    customs.hand_in(document)
    customs.wait()
    assert customs.statuses(document).count("2") >= 2


@pytest.mark.parametrize(("type_", "code"), [("CEB623", "-623013"), ("CEB605", "-607001")])
def test_a_cancellation_is_only_ever_new(type_: str, code: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    customs.hand_in(document)
    for kind in ("2", "3"):
        assert customs.refused(customs.hand_in(with_head(document, appType=kind, appTime=LATER))) == code


@pytest.mark.parametrize(("type_", "code"), [("CEB625", "-625023"), ("CEB213", "-625023")])
def test_a_return_that_is_concluded_is_not_changed(type_: str, code: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    customs.hand_in(document)
    customs.wait()
    assert customs.refused(customs.hand_in(with_head(document, appType="3", appTime=LATER))) == code


def test_a_change_that_is_refused_leaves_what_is_there(customs: Rehearsal) -> None:
    document = prepared("CEB625", customs)
    customs.hand_in(document)
    changed = with_head(document, appType="2", appTime=LATER, invtNo="29212026I000000099")
    assert customs.refused(customs.hand_in(changed)) == "-625016"
    customs.wait()
    assert customs.statuses(document) == ["2", "120", "800"]


def test_a_sender_that_is_not_the_transporter_and_a_changed_signed_text_are_refused(
    type_: str, customs: Rehearsal
) -> None:
    document, codes = prepared(type_, customs), uploads.upload(type_).refusals
    assert customs.refused(customs.hand_in(document, dxp_id="DXPENT0000999999")) == codes.parameter
    strangers = Rehearsal(signers=lambda _: set())
    if type_ == "CEB215":
        document = with_head(document, invtNo=None)  # the declaration is not there
    refused = strangers.hand_in(document, key=a_signer())
    if uploads.upload(type_).signer:
        assert strangers.refused(refused) == (codes.signature or codes.parameter)
    else:
        assert refused[0].plan[0].status == "2", "anybody's genuine signature will do"


def test_silence_is_possible_for_every_kind(type_: str) -> None:
    kind = catalog.message(type_).kind
    customs = Rehearsal(
        scenario_of(f"""
            [flow.nothing]
            steps = []
            [flow.release]
            steps = [{{ status = "2" }}, {{ status = "120", after = 10 }}, {{ status = "800", after = 60 }}]
            [[choose]]
            flow = "nothing"
            kind = "{kind}"
            [[choose]]
            flow = "release"
        """)
    )
    document = prepared(type_, customs)
    customs.hand_in(document)
    customs.wait()
    assert customs.statuses(document) == []


def test_receipts_go_to_the_transporter_and_who_subscribed(type_: str, customs: Rehearsal) -> None:
    document = prepared(type_, customs)
    before = {receivers for told in customs.receivers.values() for receivers in told}
    assert before <= {(DXP_ID,)}
    subscribers = (samples.subscription("DXPENT0000990008"), samples.subscription("DXPENT0000990009", "DATA"))
    customs.hand_in(document, subscribe=subscribers)
    customs.wait()
    assert (DXP_ID, "DXPENT0000990008") in customs.receivers[catalog.message(type_).receipt]


def test_a_message_of_another_direction_is_no_upload(customs: Rehearsal) -> None:
    content = catalog.render(catalog.message("CEB312"), [], guid="9" * 36)
    _, [row] = customs.desk.take(Envelope("x", DXP_ID, (), "CEB312Message", content, 0), customs.now)
    assert [p.status for p in row.plan] == ["-999999"]


def test_an_order_a_stored_declaration_stands_on_cannot_be_changed(customs: Rehearsal) -> None:
    sale, export = customs.imported(1), customs.exported(1)
    customs.wait()
    assert customs.refused(customs.hand_in(with_head(sale.order, appType="2", appTime=LATER))) == "-301011"
    assert customs.refused(customs.hand_in(with_head(sale.payment, appType="3", appTime=LATER))) == "-401008"
    assert customs.refused(customs.hand_in(with_head(export.order, appType="2", appTime=LATER))) == "-303001"
    assert customs.refused(customs.hand_in(with_head(export.waybill, appType="2", appTime=LATER))) == "-503001"
    assert customs.refused(customs.hand_in(with_head(sale.declaration, appType="2", appTime=LATER))) == "-621012"


@pytest.mark.parametrize("name", scenario.bundled())
def test_in_every_bundled_scenario_all_that_is_said_is_of_the_right_form(name: str) -> None:
    customs = Rehearsal(name)
    for number in range(12):
        imported, exported = customs.imported(number), customs.exported(number, collected=True)
        customs.hand_in(samples.waybill_status(imported.waybill))
        for part in (
            *samples.consolidation([exported.declaration]),
            *samples.arrival([exported.declaration]),
            *samples.departure([exported.declaration]),
        ):
            customs.hand_in(with_head(part, copNo=f"N{number}"))
    customs.wait(3_600_000)
    assert customs.store.pending() == []


def test_repeats_are_said_three_times_for_every_kind(type_: str) -> None:
    customs = Rehearsal("repeats")
    document = prepared(type_, customs)
    customs.hand_in(document)
    customs.wait(100_000)
    said = customs.statuses(document)
    assert said
    assert all(said.count(status) == 3 for status in said)


@pytest.mark.parametrize("type_", [t for t in UPLOADS if t not in ("CEB623", "CEB605")])  # the number comes too late
def test_out_of_order_the_last_word_comes_before_the_first_for_every_kind(type_: str) -> None:
    customs = Rehearsal("out_of_order")
    document = prepared(type_, customs)
    customs.hand_in(document)
    for needed in samples.export_set(1, at=customs.now) if type_.startswith(("CEB3", "CEB4", "CEB5", "CEB6")) else ():
        if needed is not None and customs.key(needed) != customs.key(document):
            customs.hand_in(needed)
    customs.wait(100_000)
    heads = [head for head in customs.heads(document) if hasattr(head, "returnStatus")]
    assert heads[-1].returnStatus == "2"
    assert max(heads, key=lambda head: head.returnTime).returnStatus != "2"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_of_the_right_form_is_answered_in_the_right_form(seed: int) -> None:
    """Made-up messages of any type without meaning, drafts, changes and deletes among them, nobody waits for."""
    customs = Rehearsal()
    for number in range(4):
        for mt in (catalog.message(type_) for type_ in UPLOADS):
            content = made.message(mt, seed=seed * 100 + number, documents=1 if mt.max_documents == 1 else 3)
            signed = signature.sign(content, a_signer()) if mt.signature == "required" else content
            transfer = catalog.transfer(parse(content).root)
            assert transfer is not None
            envelope = Envelope(f"{mt.type}-{number}", transfer.dxpId or "", (), mt.root, signed, 0)
            _, rows = customs.desk.take(envelope, customs.now)
            assert rows
            assert "-999999" not in [p.status for row in rows for p in row.plan]
        customs.wait(500)
    customs.wait(1_000_000)
    assert customs.store.pending() == []
    assert len({status for told in customs.told.values() for _, status in told}) > 10


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 19, "99999999999999.99999"])
def test_numbers_no_memory_has_room_for_do_no_harm(text: str) -> None:
    customs = Rehearsal()
    for document in (*samples.declaration_set(1), *samples.export_set(1)[:3]):
        customs.hand_in(_with_numbers(document, text))
    customs.wait()
    last = {told[-1][1] for told in customs.told.values()}
    assert last <= {"2", "120", "100", "-621001", "-621005", "-602001"}


def _with_numbers(document: Any, text: str) -> Any:
    if not hasattr(document, "list"):
        return document
    line = msgspec.structs.replace(document.list[0], totalPrice=text, price=text, qty=text)
    return type(document)(head=document.head, list=(line,) * 90)
