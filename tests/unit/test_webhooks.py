"""A shop platform's webhook becomes an order by a map that is data; what is wrong is told at its place in the webhook."""

from __future__ import annotations

import copy
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.dialects import webhook
from adapters.dialects.webhook import read_map
from adapters.intake import Judged
from adapters.standard_webhooks import sign
from hub.domain.access import Principal
from hub.domain.faults import Misconfigured, Refused
from hub.infra.participants import shown_secret, webhook_secret
from hub.infra.vault import Vault
from hub.settings import Settings
from hub.wiring import webhook_maps
from schemas import catalog
from tests.support.delivery import WallClock
from tests.support.door import SECRET, Log, a_door, served
from tests.support.intake import DXP_IDS, a_judge, codes

#: Some hours after the example was paid.
AT = 1_780_300_000_000
FOLDER = resources.files("adapters.dialects") / "webhooks"
EXAMPLE = (FOLDER / "example-shop.toml").read_text("utf-8")
BODY = (FOLDER / "example-shop.json").read_bytes()
BY = "application/json;map=example-shop"
SHOP = Principal("shop", ("platform",), ("9901D00001",), (DXP_IDS["order"],), title="示范电商平台")


def a_body(**changes: Any) -> bytes:
    """The example with changes by path: ``line_items__0__quantity=…`` of the order, None deletes."""
    body = json.loads(BODY, parse_float=str)
    for path, value in changes.items():
        *above, last = path.split("__")
        at: Any = body["data"]["orders"][0]
        for step in above:
            at = at[int(step) if step.isdecimal() else step]
        if value is None:
            del at[int(last) if last.isdecimal() else last]
        else:
            at[last] = value
    return json.dumps(body, ensure_ascii=False).encode()


def judged(data: bytes, by: str = BY, maps: dict[str, webhook.Map] | None = None) -> Judged:
    judge = copy.copy(a_judge("required"))
    judge._maps = maps or {"example-shop": read_map("example-shop", EXAMPLE)}
    return judge(data, by, SHOP, AT)


def refused(data: bytes, **judge: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as error:
        judged(data, **judge)
    return [(fault.code, fault.path) for fault in error.value.faults]


def order(found: Judged) -> Any:
    root = etree.fromstring(found.messages[0])
    [document] = catalog.documents(root, catalog.message("CEB311"))
    return document


def test_the_example_becomes_a_signed_order_that_the_schema_and_every_check_takes() -> None:
    found = judged(BODY)
    assert (found.message, found.sender, len(found.messages)) == ("CEB311", DXP_IDS["order"], 1)
    assert [(d.key, codes(d.faults)) for d in found.documents] == [("9901D00001:9901D00002:EX-2026-000001", [])]
    made = order(found)
    assert b"SignatureValue" in found.messages[0]
    head = made.head
    # A moment in UTC is China's of eight hours later; money is written as the shop wrote it; sums are of the lines.
    assert (head.appTime, head.freight, head.goodsValue, head.currency) == ("20260601115958", "12.00", "344.48", "142")
    assert [(line.gnum, line.country, line.currency, line.unit, line.qty) for line in made.list] == [
        ("1", "302", "142", "140", "1"), ("2", "502", "142", "142", "2"),
    ]  # fmt: skip
    assert (head.payTransactionId, head.note) == ("ZFEX000001", None)


@pytest.mark.parametrize(("iso", "code"), [("JPN", "116"), ("jp", "116"), ("US", "502")])
def test_countries_are_named_by_isos_letters(iso: str, code: str) -> None:
    assert order(judged(a_body(line_items__0__origin=iso))).list[0].country == code


def test_a_map_may_make_another_message_of_the_same_body() -> None:
    text = EXAMPLE.replace('"CEB311"', '"CEB303"').replace('orderType = { value = "I" }', 'orderType = { value = "E" }')
    mt = catalog.message("CEB303")
    known = {part: {f.name for f in found.fields} for part, found in (("head", mt.head), ("list", mt.list)) if found}
    section, kept = "", []
    for line in text.splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        name = line.partition(" = ")[0]
        if section not in known or " = " not in line or name in known[section]:
            kept.append(line)
    maps = {"export": read_map("export", "\n".join(kept))}
    found = judged(BODY, "application/json;map=export", maps)
    assert (found.message, found.documents[0].order[1]) == ("CEB303", "EX-2026-000001")
    assert b"<ceb:CEB303Message" in found.messages[0]


def test_the_same_webhook_gives_the_same_bytes() -> None:
    assert judged(BODY).messages == judged(BODY).messages
    assert order(judged(a_body(paid_at="2026-06-01T04:00:00Z"))).head.guid != order(judged(BODY)).head.guid


def test_several_orders_become_one_message_each() -> None:
    body = json.loads(BODY, parse_float=str)
    body["data"]["orders"].append({**body["data"]["orders"][0], "number": "EX-2"})
    found = judged(json.dumps(body).encode())
    assert [d.order[1] for d in found.documents] == ["EX-2026-000001", "EX-2"]
    assert len(found.messages) == 2


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"number": None}, [("json.source_missing", "number")]),
        ({"customer__real_name": ""}, [("json.source_missing", "customer/real_name")]),
        ({"customer": None}, [("json.source_missing", f"customer/{n}") for n in (
            "id", "real_name", "phone", "identity/type", "identity/number")]),
        ({"shipping__address__name": {"a": 1}}, [("json.source_value", "shipping/address/name")]),
        ({"currency": "XXX"}, [("json.source_value", "currency")]),
        ({"line_items__1__origin": "QQQ"}, [("json.source_value", "line_items/1/origin")]),
        ({"line_items__1__unit": "dozen"}, [("json.source_value", "line_items/1/unit")]),
        ({"line_items__0__total": "much"}, [("json.source_value", "line_items/0/total")]),
        ({"line_items__0__total": "1_0"}, [("json.source_value", "line_items/0/total")]),
        ({"line_items": []}, [("json.source_missing", "line_items")]),
        ({"paid_at": "yesterday"}, [("json.source_value", "paid_at")]),
        ({"paid_at": "2026-02-30T00:00:00Z"}, [("json.source_value", "paid_at")]),
        ({"customer__identity__type": True}, [("json.source_value", "customer/identity/type")]),
        # What the schema refuses is told at its source too.
        ({"number": "N" * 61}, [("schema.too_long", "number")]),
        ({"line_items__1__quantity": "a few"}, [("schema.type", "line_items/1/quantity")]),
        ({"currency": "USD"}, [("schema.not_allowed", "currency"), ("schema.not_allowed", "currency")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place_in_the_webhook(changes: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    found = refused(a_body(**changes))
    assert found[: len(wanted)] == [(code, f"/data/orders/0/{path}") for code, path in wanted]


def test_what_flags_is_told_at_its_place_in_the_webhook() -> None:
    (found,) = judged(a_body(line_items__1__price="1", payment__amount="1")).documents
    assert {(f.code, f.path) for f in found.faults} == {
        ("meaning.paid_total", "/data/orders/0/payment/amount"),
        ("meaning.line_total", "/data/orders/0/line_items/1/total"),
    }


def test_a_constant_of_the_map_that_is_wrong_is_told_as_the_maps() -> None:
    maps = {"odd": read_map("odd", EXAMPLE.replace('orderType = { value = "I" }', 'orderType = { value = "IMPORT" }'))}
    assert refused(BODY, by="application/json;map=odd", maps=maps) == [
        ("schema.too_long", "map:odd/documents/0/head/orderType")
    ]


def test_a_map_that_is_not_there_a_body_that_is_no_webhook_and_one_that_is_no_json() -> None:
    assert refused(BODY, by="application/json;map=none") == [("json.unknown_map", "")]
    assert refused(b"[]") == [("json.source_missing", "/data/orders")]
    assert refused(b"{")[0][0] == "json.malformed"
    assert refused(b'{"data": 1e9}')[0][0] == "json.number"
    assert refused(b'{"data": 1, "data": 2}')[0][0] == "json.duplicate_key"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('message = "CEB311"', 'message = "CEB999"', "no message CEB999"),
        ('message = "CEB311"', 'message = "CEB312"', "CEB312 is an answer"),
        ('orderNo = "number"', "", "[head] orderNo is needed"),
        ('orderNo = "number"', 'orderNumber = "number"', "[head] orderNumber is no field"),
        ('sum = "total"', 'sum = "total", value = "1"', "[head] goodsValue: one of"),
        ('date = "iso"', 'date = "american"', "[head] appTime: no date"),
        ('codes = "country"', 'codes = "planets"', "[list] country: no list of codes planets"),
        ("[head]", "[head", "map odd:"),
        ("{ line = true }", "{ lines = true }", "map odd:"),
        ('dxpId = { principal = "dxp_id" }', "", "[transfer] dxpId is needed"),
    ],
)
def test_a_map_that_cannot_work_is_refused_at_the_start(old: str, new: str, problem: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(Misconfigured) as error:
        read_map("odd", EXAMPLE.replace(old, new, 1))
    assert problem in str(error.value)


def test_dates_of_other_forms_become_chinas() -> None:
    for form, text in (("seconds", "1780286398"), ("milliseconds", "1780286398999"), ("iso", "2026-06-01 11:59:58")):
        maps = {"m": read_map("m", EXAMPLE.replace('date = "iso"', f'date = "{form}"'))}
        assert order(judged(a_body(paid_at=text), "application/json;map=m", maps)).head.appTime == "20260601115958"
    maps = {"m": read_map("m", EXAMPLE.replace('date = "iso"', 'date = "seconds"'))}
    assert refused(a_body(paid_at="9" * 30), by="application/json;map=m", maps=maps)[0][0] == "json.source_value"


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=8,
    ),
    st.sampled_from(["number", "line_items", "shipping", "customer", "paid_at", "currency", "payment"]),
)
def test_anything_in_any_place_is_taken_or_refused(value: Any, member: str) -> None:
    try:
        assert judged(a_body(**{member: value if value is not None else []})).documents
    except Refused as error:
        assert error.status >= 400  # noqa: PT017 - either is right


async def test_a_webhook_comes_in_by_its_own_address_and_is_kept_as_it_came(tmp_path: Path) -> None:
    log = Log()
    made = a_door(tmp_path, log)
    made.door._judge._maps = webhook_maps(Settings())
    headers = {"Authorization": f"Bearer {made.entries['platform'].api_key}", "Content-Type": "application/json"}
    async with served(made) as client:
        response = await client.post("/v1/webhooks/example-shop", data=BODY, headers=headers)
        acknowledged = await response.json()
        assert (response.status, acknowledged["message"]["type"]) == (202, "CEB311"), acknowledged
        assert acknowledged["documents"][0]["status"] == "accepted"
        again = await client.post("/v1/webhooks/example-shop", data=BODY, headers=headers)
        assert (await again.json())["submission"] == acknowledged["submission"]
        for path, given_, status, code in (
            ("none", headers, 404, "json.unknown_map"),
            ("example-shop", {**headers, "Content-Type": "application/xml"}, 415, "transport.media_type"),
            ("example-shop", {"Content-Type": "application/json"}, 401, "access.no_key"),
        ):
            response = await client.post(f"/v1/webhooks/{path}", data=BODY, headers=given_)
            assert (response.status, (await response.json())["faults"][0]["code"]) == (status, code)


def test_an_operators_maps_stand_beside_the_hubs(tmp_path: Path) -> None:
    (tmp_path / "my-shop.toml").write_text(EXAMPLE, "utf-8")
    assert set(webhook_maps(Settings(webhook_maps=tmp_path))) == {"example-shop", "my-shop"}
    (tmp_path / "my-shop.toml").write_text("message = 1", "utf-8")
    with pytest.raises(Misconfigured):
        webhook_maps(Settings(webhook_maps=tmp_path))


async def test_a_shop_that_cannot_send_a_key_signs_its_webhooks(tmp_path: Path) -> None:
    log = Log()
    made = a_door(tmp_path, log)
    made.door._judge._maps = webhook_maps(Settings())
    now, plain = WallClock().now() // 1000, {"Content-Type": "application/json"}
    good = sign(SECRET, "msg_1", now, BODY)
    async with served(made) as client:

        async def called(headers: dict[str, str], body: bytes = BODY, name: str = "platform") -> tuple[int, str]:
            response = await client.post(f"/v1/webhooks/example-shop/{name}", data=body, headers={**plain, **headers})
            said = await response.json()
            return response.status, said.get("principal") or said["faults"][0]["code"]

        assert await called(good) == (202, "platform")
        other = {"webhook-signature": f"v1,AAAA {good['webhook-signature']} v1a,BBBB"}
        assert await called({**good, **other}) == (202, "platform")
        wrong = (401, "access.webhook_signature")
        kept = len(log.rows)
        assert await called({}) == wrong
        assert await called(good, BODY + b" ") == wrong
        assert await called({**good, "webhook-id": "msg_2"}) == wrong
        assert await called(sign(b"x" * 32, "msg_1", now, BODY)) == wrong
        assert await called(sign(SECRET, "msg_1", now - 301, BODY)) == wrong
        assert await called(sign(SECRET, "msg_1", now + 302, BODY)) == wrong
        assert await called({**good, "webhook-timestamp": "٣"}) == wrong
        assert await called({**good, "webhook-signature": "v1,é"}) == wrong
        assert await called(sign(b"", "msg_1", now, BODY), name="nobody") == wrong
        assert len(log.rows) == kept
        made.suspended = ("platform",)
        assert await called(good) == (403, "access.suspended")


def test_a_principals_secret_is_its_own_and_changes_with_its_key(tmp_path: Path) -> None:
    digest_ = Vault(tmp_path).digest
    first = webhook_secret(digest_, "a", "1")
    assert first == webhook_secret(Vault(tmp_path).digest, "a", "1")
    others = [webhook_secret(digest_, name, key) for name, key in (("a", "2"), ("b", "1"))]
    assert len({first, *others}) == 3
    assert shown_secret(first).startswith("whsec_")
