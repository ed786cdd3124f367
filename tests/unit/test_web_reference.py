"""The reference of messages in the web: every page in both languages, every link, the search."""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from aiohttp import ClientSession
from lxml import etree

from adapters.dialects.meaning import Checker
from adapters.intake import Judged
from hub.bench import intake
from hub.domain.faults import Refused, fault_kinds, fields_of_faults
from hub.rules.engine import discover
from hub.web import reference
from schemas import catalog, made, samples
from schemas.codes import code_list, knows
from schemas.model import Part, components
from tests.support.site import parts_of, served

_LINK = re.compile(r'(?:href|src|action)="([^"]*)"')


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with served(parts_of(None)) as session:
        yield session


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
    known = {
        "fields": reference.by_name().keys(),
        "messages": {mt.type for mt in catalog.messages()},
        "sides": {"import", "export"},
        "parts": {one.part.element for one in reference.places()},
    }
    for code, entries in fields_of_faults().items():
        assert code in fault_kinds()
        for entry in entries:
            assert "fields" in entry
            assert all(set(named) <= known[name] for name, named in entry.items())
            for field in entry["fields"]:
                assert any(
                    code in [refusal.kind.code for refusal in reference.refusals(one)]
                    for one in reference.by_name()[field]
                ), (code, field)


class _Door:
    """Judges sensible messages of each type with something in them made wrong; keeps what it told at fields."""

    def __init__(self, folder: Path) -> None:
        self._house = intake.House(folder)
        self._trees: dict[str, etree._Element] = {}
        self.told: set[tuple[str, str]] = set()

    def tree(self, mt: catalog.MessageType) -> etree._Element:
        """A message nothing is wrong with; bills of three parcels, for speed."""
        if mt.type not in self._trees:
            found = samples.document(mt.type, 1, self._house.now, parcels=3)
            transfer = samples.base_transfer(samples.Parties().agent)
            self._trees[mt.type] = etree.fromstring(
                catalog.render(mt, [found], guid=found.head.guid or "", transfer=transfer)
            )
        return copy.deepcopy(self._trees[mt.type])

    def judge(self, root: etree._Element) -> set[str]:
        try:
            judged = self._house.judge(self._house.sign(etree.tostring(root, encoding="UTF-8")))
        except Refused as refused:
            faults = refused.faults
        else:
            assert isinstance(judged, Judged)
            faults = tuple(fault for document in judged.documents for fault in document.faults)
        self.told |= {(fault.path, fault.code) for fault in faults}
        return {fault.code for fault in faults}

    def absent_from_pages(self) -> set[tuple[str, str]]:
        shown = {
            one.address: {refusal.kind.code for refusal in reference.refusals(one)} for one in reference.places()
        }
        return {
            (address, code)
            for path, code in self.told
            if (address := reference.address_of(path)) and code not in shown[address]
        }


def _put(part: etree._Element, spec: Part, name: str, text: str | None) -> None:
    """The field where the schema wants it, with that text; None takes it away."""
    order = [field.name for field in spec.fields]
    old = part.find(f"{{{catalog.CEB}}}{name}")
    if text is None:
        if old is not None:
            part.remove(old)
        return
    if old is None:
        old = etree.Element(f"{{{catalog.CEB}}}{name}")
        before = sum(order.index(etree.QName(child).localname) < order.index(name) for child in part)
        part.insert(before, old)
    old.text = text or None


#: What stands in each field, one after the other: nothing, blank, too much, too little, of another list, another form.
_BAD = (None, "", "0", "-1", "9", "E", "I", "ZZZ", "CNY", "20260231120000", "20991231235959", "1210", "9901D0000X",
        "11010119900307123X", "91310000MA1K35XX0X", "0.00001")  # fmt: skip


@pytest.mark.parametrize("mt", [mt for mt in catalog.messages() if mt.direction == "up"], ids=lambda mt: mt.type)
def test_the_page_of_a_field_has_every_code_the_door_tells_of_it(tmp_path: Path, mt: catalog.MessageType) -> None:
    door = _Door(tmp_path)
    for spec in (*mt.parts, components(mt.side)["BaseTransfer"]):
        for field in spec.fields:
            for text in _BAD:
                root = door.tree(mt)
                _put(_first(root, spec), spec, field.name, text)
                door.judge(root)
    for flaw in made.meaning_flaws(mt):
        root = door.tree(mt)
        spec = next(part for part in mt.parts if part.element == flaw.part)
        _put(_first(root, spec), spec, flaw.field, flaw.value)
        assert door.judge(root) & {flaw.code, "meaning.fixed", "access.own_code"}
    if mt.list is not None:
        root = door.tree(mt)
        line = _first(root, mt.list)
        line.addnext(copy.deepcopy(line))
        door.judge(root)
    assert door.absent_from_pages() == set()
    assert {code for _, code in door.told} >= {"meaning.date", "meaning.code", "meaning.future"}


def _first(root: etree._Element, spec: Part) -> etree._Element:
    return next(root.iter(f"{{{catalog.CEB}}}{spec.element}"))


@pytest.mark.parametrize("mt", catalog.messages(), ids=lambda mt: mt.type)
def test_an_example_is_as_a_message_would_be(mt: catalog.MessageType) -> None:
    document = samples.examples.example(mt)
    if mt.direction == "down":
        root = etree.fromstring(samples.examples.message(mt))
        assert catalog.edition_that_validates(root, mt, mt.editions[0]) == mt.editions[0]
        wanted = "-999999" if mt.type == "CEB900" else "120"
        assert getattr(document.head, "returnStatus", wanted) == wanted
    checker = Checker(mt, mt.editions[0], date(2027, 1, 1)) if mt.direction == "up" else None
    assert checker is None or checker.check(document) == []
    for part, struct in ((mt.head, document.head), (mt.list, (*getattr(document, "list", ()), None)[0])):
        for field in part.fields if part is not None and struct is not None else ():
            text = getattr(struct, field.name)
            assert text is None or not field.codes or knows(field.codes, text), field.name
    for one in reference.places():
        if one.mt is mt and one.field.base != "xml":
            xml, _ = reference.example_of(one)
            text = etree.fromstring(xml.replace("ceb:", "")).text or ""
            assert one.field.min <= len(text) <= (one.field.max or len(text)) or one.field.number, one.address
            assert not one.field.codes or knows(one.field.codes, text), one.address
