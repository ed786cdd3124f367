"""The reference of messages in the web: every page in both languages, every link, the search."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from aiohttp import ClientSession, web

from adapters.dialects import receipts
from hub.domain.faults import fault_kinds, faults_at
from hub.rules.engine import discover
from hub.web import reference
from hub.web.app import make_app
from hub.web.ports import Parts
from schemas import catalog
from schemas.codes import code_list
from tests.support.reading import CALLERS, FixedClock, PlainSealer

_LINK = re.compile(r'(?:href|src|action)="([^"]*)"')


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    parts = Parts(
        read=None,
        records=None,
        sealer=PlainSealer(),
        clock=FixedClock(),
        by_key=CALLERS.get,
        by_name=CALLERS.get,
        session_secret=b"s" * 32,
        receipt_xml=receipts.message,
    )
    runner = web.AppRunner(make_app(parts))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        yield session
    await runner.cleanup()


def _pages() -> list[str]:
    return [
        "/docs/messages",
        *(f"/docs/messages/{mt.type}" for mt in catalog.messages()),
        *(one.address for one in reference.places()),
        *(f"/docs/fields/{name}" for name in reference.by_name()),
    ]


async def test_every_page_is_there_in_both_languages_and_its_links_lead_somewhere(session: ClientSession) -> None:
    known = {*_pages(), "/", "/docs", "/static/hub.css", "/static/hub.js", "/static/icon.svg"}
    known |= {f"/problems/{code}" for code in fault_kinds()}
    assert len(known) > 1200
    hidden = [rule.code for rule in discover().rules]
    assert hidden
    for address in _pages():
        for language, said in (("en", "Messages"), ("zh", "报文")):
            async with session.get(address, params={"lang": language}) as answer:
                page = await answer.text()
            assert answer.status == 200, address
            assert said in page
            links = {unescape(link).partition("#")[0] for link in _LINK.findall(page)} - {""}
            assert {link for link in links if not link.startswith("?lang=")} <= known, address
            anchors = set(re.findall(r'href="#([^"]+)"', page))
            assert anchors <= set(re.findall(r'id="([^"]+)"', page))
            # findings, scores and rules are for officers
            assert "/problems/rule." not in page
            assert not re.search(rf"\b(?:{'|'.join(hidden)})\b", page), address


async def test_a_message_page_shows_every_field_and_an_example(session: ClientSession) -> None:
    for mt in catalog.messages():
        async with session.get(f"/docs/messages/{mt.type}?lang=zh") as answer:
            page = await answer.text()
        for part in reference.parts(mt):
            for field in part.fields:
                assert f">{field.name}</a></td><td>{field.zh}" in page
        assert f"&lt;ceb:{mt.root}" in page
        assert f"&#34;message&#34;: &#34;{mt.type}&#34;" in page


async def test_a_field_page_shows_the_list_the_editions_and_the_codes(session: ClientSession) -> None:
    async with session.get("/docs/messages/CEB603/InventoryHead/invtNo?lang=en") as answer:
        page = await answer.text()
    assert "at most 20 characters" in page
    assert "exactly 18 characters" in page
    for code in ("schema.too_long", "schema.too_short", "schema.empty", "schema.too_many", "schema.unexpected"):
        assert f'href="/problems/{code}"' in page
    assert "is longer than allowed (C0..20 / C18)" in page
    async with session.get("/docs/messages/CEB311/OrderHead/appType?lang=zh") as answer:
        page = await answer.text()
    for code, said in code_list("appType").codes.items():
        assert f"<code>{code}</code></td><td>{said.zh}" in page
    assert "meaning.code" in page
    assert "appType 应为 1, 2, 3 之一" in page
    assert "-301008" in page
    for name, where in reference.by_name().items():
        async with session.get(f"/docs/fields/{name}") as answer:
            page = await answer.text()
        assert [one.address for one in where if f'href="{one.address}"' not in page] == []
    async with session.get("/docs/fields/gseqno?lang=en") as answer:
        assert "not in this edition" in await answer.text()


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("orderNo", "/docs/fields/orderNo"),
        ("ORDERNO", "/docs/fields/orderNo"),
        ("订单编号", "/docs/fields/orderNo"),
        ("waybill", "/docs/messages/CEB511"),
        ("运单", "/docs/fields/logisticsNo"),
        ("ceb621", "/docs/messages/CEB621"),
        ("gross weight", "/docs/fields/grossWeight"),
    ],
)
async def test_the_search_finds_names_and_meanings(session: ClientSession, asked: str, wanted: str) -> None:
    async with session.get("/docs/messages", params={"q": asked}) as answer:
        assert f'href="{wanted}"' in await answer.text()


async def test_a_search_for_nothing_known_says_so_and_repeats_nothing_unescaped(session: ClientSession) -> None:
    async with session.get("/docs/messages", params={"q": "<script>x", "lang": "en"}) as answer:
        page = await answer.text()
    assert "Nothing has this" in page
    assert "<script>x" not in page
    async with session.get("/docs/messages", params={"q": "x" * 201}) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("address", ["/docs/messages/CEB999", "/docs/messages/x/y/z", "/docs/fields/none",
                                     "/docs/messages/CEB311/OrderHead/none", "/docs/messages/CEB311/none/orderNo"])  # fmt: skip
async def test_what_the_catalogue_does_not_know_has_no_page(session: ClientSession, address: str) -> None:
    async with session.get(address) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/CEB621Message/Inventory[2]/InventoryList[1]/qty", "/docs/messages/CEB621/InventoryList/qty"),
        ("/CEB513Message/LogisticsStatus[1]/logisticsNo", "/docs/messages/CEB513/LogisticsStatus/logisticsNo"),
        ("/CEB311Message/BaseTransfer/dxpId", "/docs/messages/CEB311/BaseTransfer/dxpId"),
        ("/CEB311Message/Order[1]/OrderHead", ""),
        ("/CEB311Message/@guid", ""),
        ("/documents/0/head/orderNo", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_the_path_of_a_fault_leads_to_the_page_of_its_field(path: str, address: str) -> None:
    assert reference.address_of(path) == address


def test_the_table_of_faults_names_fields_and_codes_that_exist() -> None:
    from hub.domain.faults import _fields_of_faults

    for family, entries in _fields_of_faults().items():
        for name, entry in entries.items():
            assert f"{family}.{name}" in fault_kinds()
            assert set(entry["fields"]) <= reference.by_name().keys()
    assert [kind.code for kind in faults_at("netWeight", "import", "InventoryHead")] == ["meaning.not_positive", "meaning.weight"]
    assert faults_at("netWeight", "export", "InventoryHead") == ()
