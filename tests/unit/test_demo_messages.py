"""The demo's documents pass the sandbox customs, and so does what the sample generator makes."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from adapters import signature
from adapters.authorities.customs import scenario
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.envelope import Envelope
from adapters.authorities.customs.store import Store
from adapters.certificates import fingerprint
from adapters.trust import Trust
from hub.demo import documents, messages, rendered
from hub.domain.events import Tick
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.domain.reference import Reference
from hub.infra.crypto import HostedKey
from hub.infra.participants import DEMO, demo_principals, demo_records, sm2_key
from hub.infra.sm2_authority import Sm2Authority
from schemas import catalog, samples
from schemas.documents import Transfer
from tests.support.customs import DXP_ID
from tests.support.delivery import WallClock
from tests.support.documents import submission
from tests.support.signing import NOW, a_signer
from tests.support.stage_harness import World

KINDS = {ORDER: "CEB311", PAYMENT: "CEB411", WAYBILL: "CEB511", DECLARATION: "CEB621"}


def test_the_bundled_declaration_is_signed_by_its_enterprises_and_released(tmp_path: Path) -> None:
    principals = {entry.name: entry for entry in demo_principals(tmp_path, tmp_path / "keys")}
    agent = HostedKey.from_pem(principals["agent"].key.encode(), principals["agent"].certificate.encode())
    store = Store(None)
    desk = Desk(store, scenario.load("release"), lambda code: {agent.fingerprint} if code == "9901D00005" else set())
    now = WallClock().now()  # the certificates begin today
    rows = {}
    for signed in messages(principals, now):
        assert signed.principal.name == {"order": "platform", "payment": "payer", "waybill": "carrier"}.get(
            signed.kind, "agent"
        )
        envelope = Envelope(signed.kind, signed.principal.dxp_id, (), f"{KINDS[signed.kind]}Message", signed.body, 0)
        [row] = desk.take(envelope, now)[1]
        rows[signed.kind] = [planned.status for planned in row.plan if not planned.form]
    store.close()
    assert rows[DECLARATION] == ["2", "3", "120", "800", "899"]
    assert [rows[kind] for kind in (ORDER, PAYMENT, WAYBILL)] == [["2", "120"]] * 3


def test_each_enterprise_of_the_demo_has_an_rsa_and_an_sm2_certificate(tmp_path: Path) -> None:
    made = demo_principals(tmp_path, tmp_path / "keys")
    assert [entry.name for entry in made if entry.sm2_key] == [demo.name for demo in DEMO if demo.codes]
    records = {record.id: record.value for record in demo_records(made) if record.kind == "principal"}
    for entry in made:
        assert len(records[entry.name]["certificates"]) == (2 if entry.codes else 0)
    assert demo_principals(tmp_path, tmp_path / "keys") == made
    own = sm2_key(made[0])
    trust = Trust([Sm2Authority(tmp_path / "keys").certificate.public_bytes(Encoding.DER)])
    assert trust.check(own.certificate, fingerprint(own.certificate), WallClock().now()) == ()


def test_customs_takes_an_sm2_signature_of_the_declarant_and_of_nobody_else(tmp_path: Path) -> None:
    principals = {entry.name: entry for entry in demo_principals(tmp_path, tmp_path / "keys")}
    own = {fingerprint(sm2_key(principals["agent"]).certificate)}
    now = WallClock().now()
    unsigned = rendered(DECLARATION, documents(now)[DECLARATION])
    last = {}
    for name in ("agent", "payer"):
        store = Store(None)
        desk = Desk(store, scenario.load("release"), lambda code: own if code == "9901D00005" else set())
        body = signature.sign(unsigned, sm2_key(principals[name]))
        [row] = desk.take(Envelope(name, principals["agent"].dxp_id, (), "CEB621Message", body, 0), now)[1]
        last[name] = [planned.status for planned in row.plan if not planned.form]
        store.close()
    assert last["agent"][:2] == ["2", "3"]
    assert last["payer"] != last["agent"]
    assert all(int(status) < 0 for status in last["payer"])


def test_principals_made_before_sm2_keep_their_keys_and_get_one_more(tmp_path: Path) -> None:
    first = demo_principals(tmp_path, tmp_path / "keys")
    file = tmp_path / "demo" / "principals.json"
    entries = msgspec.json.decode(file.read_bytes())
    file.write_bytes(msgspec.json.encode([{k: v for k, v in entry.items() if not k.startswith("sm2")} for entry in entries]))
    again = demo_principals(tmp_path, tmp_path / "keys")
    assert again == first  # the SM2 keys come from the keys folder


def test_customs_finds_nothing_to_reject_in_made_up_sales() -> None:
    store = Store(None)
    desk = Desk(store, scenario.load("release"))
    transfer = Transfer(copCode="9901D00005", copName="示范", dxpMode="DXP", dxpId=DXP_ID)
    sales = [samples.declaration_set(number) for number in range(100)]
    last = []
    for kind, type_ in KINDS.items():
        made = [getattr(sale, kind) for sale in sales]
        xml = catalog.render(catalog.message(type_), made, guid="0" * 36, transfer=transfer)
        if kind == DECLARATION:
            xml = signature.sign(xml, a_signer())
        _, rows = desk.take(Envelope(kind, DXP_ID, (), f"{type_}Message", xml, 0), NOW)
        last += [[planned.status for planned in row.plan if not planned.form][-1] for row in rows]
    store.close()
    assert last == ["120"] * 300 + ["899"] * 100


def test_the_tax_withheld_in_made_up_sales_is_the_one_that_is_due() -> None:
    references = Reference()
    for offset, record in enumerate(demo_records([]), 1):
        references.put(record, offset)
    world = World(references=references)
    world.now = Tick(NOW, references.reached, "test")
    sales = [samples.declaration_set(number, at=NOW) for number in range(300)]
    for of_kind in zip(*sales, strict=True):
        world.submit(submission(*of_kind, at=NOW))
    world.run()
    assert len(world.assessments()) == len(sales)
    assert {finding.code for made in world.assessments() for finding in made.findings} == set()
