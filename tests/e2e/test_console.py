"""The console in a real Chromium, on a real Kafka and PostgreSQL; anything the browser complains about fails the test."""

import asyncio
import contextlib
import json
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Download, Page, async_playwright, expect

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain.access import Principal
from hub.domain.deliveries import DeliveryReport
from hub.domain.desk import Action, Came, case_of
from hub.domain.events import Alert, Finding, HandOverOutcome, Tick
from hub.domain.faults import Fault
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, SUBSCRIPTION, Subscription, value_of
from hub.domain.summary import month_of
from hub.infra.database import migrate
from hub.infra.feed import Feeds
from hub.infra.lag import GroupLags
from hub.infra.reading import PostgresReader
from hub.infra.readmodel import PostgresWriter
from hub.infra.records import KafkaRecords
from hub.web.app import make_app
from hub.web.ports import Delivering, Parts
from hub.wiring import ITEMS
from schemas import samples
from streams.api import Record
from streams.project import Projector
from streams.stages.cloud import raised
from streams.stages.desk import Desk, DeskState
from tests.support.kept import Kept
from tests.support.reading import (
    CALLERS,
    PARTITIONS,
    Case,
    PlainSealer,
    alert_of,
    assessment_of,
    feed,
    make_topics,
    refusal_record,
    status_record,
    story_of,
)
from tests.support.site import amending
from tests.support.zone import Zone
from tests.unit.test_zone_export import closed
from tests.unit.test_zone_import import sold

pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FAULT = Fault("schema.length", "/CEB621Message/Inventory[1]", 12, "too long", "超长")


class Now:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


class Console:
    def __init__(self, kafka: str, prefix: str) -> None:
        self.kafka, self.prefix, self.url = kafka, prefix, ""
        self.desk, self.states = Desk(), dict[str, DeskState]()
        self.sent: list[HandOverOutcome] = []

    async def feed(self, records: list) -> None:
        await feed(self.kafka, records, self.prefix)

    async def raise_(self, *alerts: Alert) -> None:
        """Raise alerts as a stage does; the desk hears of them too."""
        for alert in alerts:
            await self.feed([(out.topic, out.key, out.value, list(out.headers)) for out in raised(alert, "x") if out.topic == topics.ALERTS])
            await self.tell({case_of(alert).id: [Came(alert, "x")]})

    async def act(self, alert: Alert, what: str, **more: str) -> None:
        """A colleague does something."""
        case = case_of(alert).id
        await self.tell({case: [Action(secrets.token_hex(4), "customs", "customs", Now().now(), what, **more)]})

    async def tell(self, told: Mapping[str, Sequence[Came | Action]]) -> None:
        """The stage itself, without its inbox: what it publishes goes into the log."""
        for case, events in told.items():
            for event in events:
                record = Record(key=case.encode(), value=codec.pack(event), headers=(), offset=0)
                step = self.desk.handle(self.states.get(case), record, Tick(Now().now(), 0, ""))
                if step is not None:
                    self.states[case] = step.state
                    outputs = [out for out in step.outputs if out.topic in (topics.ALERTS, topics.CASES)]
                    await self.feed([(out.topic, out.key, out.value, list(out.headers)) for out in outputs])


@pytest.fixture
async def console(kafka: str, database: str) -> AsyncIterator[Console]:
    prefix = f"test-{secrets.token_hex(6)}-"
    await migrate(database)
    await make_topics(kafka, prefix)
    reader, records, writer = PostgresReader(database), KafkaRecords(kafka, prefix), PostgresWriter(database)
    feeds, made = Feeds(kafka, PARTITIONS, ITEMS, prefix=prefix), Console(kafka, prefix)
    data = Reference()

    amend = amending(data)
    await amend(lambda _: [
        ReferenceRecord(SUBSCRIPTION, "s1", 1, ALWAYS, value=value_of(Subscription("s1", "customs", "alerts", 1, url="https://hub.example/hook"))),
        ReferenceRecord(ENDPOINT, "s1", 1, ALWAYS, value={"state": "parked", "reason": "webhook.dead", "at": 1, "resumed": 0}),
    ])
    async def nothing(*_: object) -> dict[str, object]:
        return {}

    async def check(_: str) -> None:
        return None

    async def replay(items: Sequence[HandOverOutcome]) -> int:
        made.sent += items
        return len(items)

    lags = GroupLags(kafka, prefix)
    delivering = Delivering(
        check=check, test=nothing, secret=lambda *_: "", lags=lags, replay=replay, drop=False, each=9
    )
    parts = Parts(
        delivering=delivering,
        read=reader,
        records=records,
        sealer=PlainSealer(),
        clock=Now(),
        by_key=CALLERS.get,
        by_name=lambda name: CALLERS.get(f"key-{name}"),
        session_secret=b"s" * 32,
        receipt_xml=receipts.message,
        reference=data,
        amend_reference=amend,
        desk=made.tell,
        feed=feeds.of,
        partitions=PARTITIONS,
    )
    runner = web.AppRunner(make_app(parts), shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    projector = Projector(kafka, writer, prefix=prefix)
    task = asyncio.create_task(projector.run())
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await lags.close()
    projector.stop()
    await task
    await runner.cleanup()
    await feeds.close()
    for part in (reader, records, writer):
        await part.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM is not None, "no Chrome or Chromium is installed: apt-get install chromium"
    async with async_playwright() as play:
        started = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@contextlib.asynccontextmanager
async def watched(context: BrowserContext) -> AsyncIterator[Page]:
    """A page whose console errors and failed scripts fail the test."""
    complaints: list[str] = []
    page = await context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@contextlib.asynccontextmanager
async def signed_in(browser: Browser, console: Console, who: str, locale: str = "en-GB", scripts: bool = True) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale=locale, java_script_enabled=scripts)
    async with watched(context) as page:
        await page.goto(f"{console.url}/")
        await page.fill("#api_key", f"key-{who}")
        await page.click("main button")
        await page.wait_for_url(re.compile("/(throughput|declarations)$"))
        yield page
    await context.close()


def a_case(number: int) -> Case:
    return Case(number, time.time_ns() // 1_000_000 - 900)


async def test_live_numbers_move(console: Console, browser: Browser) -> None:
    async with signed_in(browser, console, "office") as page:
        await expect(page.locator("#live")).to_have_text("live")
        rate = page.locator(".tile.main [data-rate=declaration]")
        await expect(rate).to_have_text("0")
        before = await page.locator(".tile.main .line").get_attribute("d")
        await console.feed([record for number in range(10) for record in story_of(a_case(number))])
        await expect(rate).not_to_have_text("0", timeout=10_000)
        assert await page.locator(".tile.main .line").get_attribute("d") != before
        await expect(page.locator("[data-step=release] td").first).to_have_text("2.6 s")
        await expect(page.locator("#by tr").first).to_contain_text("EBP0000001")


async def test_a_declarant_sees_what_is_stuck_why_and_whose_turn_and_no_findings(
    console: Console, browser: Browser
) -> None:
    stuck, done = a_case(1), a_case(2)
    waiting = stuck.status("declaration", 2, "waiting", match="waiting", awaited=("payment",), turn="payer")
    await console.feed([status_record(waiting), *story_of(done)])
    async with signed_in(browser, console, "agent") as page:
        await expect(page).to_have_url(re.compile("/declarations$"))
        link = page.get_by_role("link", name=stuck.business("declaration")).first
        await _until_there(page, link)
        await expect(page.locator("section[aria-label='What needs doing'] tbody tr")).to_contain_text("payment company")
        await link.click()
        await expect(page.locator("main")).to_contain_text("Waiting for payment")
        await page.goto(f"{console.url}/declarations?number=WB000002")
        await page.fill("#number", done.business("declaration"))
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name=done.business("declaration")).first.click()
        await expect(page.locator(".timeline li").last).to_contain_text("released")
        text = await page.locator("body").inner_text()
        assert "Findings" not in text
        assert "R06" not in text
        assert "score" not in text


async def test_an_officer_sees_findings(console: Console, browser: Browser) -> None:
    case = a_case(3)
    await console.feed(story_of(case))
    async with signed_in(browser, console, "customs") as page:
        await page.goto(f"{console.url}/declarations/{case.business('declaration')}")
        await expect(page.locator(".guarded").last).to_contain_text("R06")


async def test_deliveries_are_shown_resumed_and_sent_again(console: Console, browser: Browser) -> None:
    parked = HandOverOutcome("", "a4", "subscription:s1", "customs", "hub.alert.raised.v1", "parked", 1, 8, "webhook.answered 400", topic="alerts", partition=0, offset=7)
    report = DeliveryReport("subscription:s1", "here", time.time_ns() // 1_000_000, 1, delivered=12, attempts=30, retried=18, breaker="open")
    await console.feed([
        (topics.HAND_OVERS, b"k", codec.to_json(parked), []),
        (topics.DELIVERIES, b"k", codec.to_json(report), []),
    ])
    async with signed_in(browser, console, "customs") as page:
        await page.get_by_role("link", name="Deliveries").click()
        row = page.locator('tr[data-recipient="subscription:s1"]')
        await _until_there(page, row.get_by_text("12 / 30"))
        await expect(row).to_contain_text("webhook.dead")
        await row.get_by_role("button", name="Resume").click()
        await expect(row).not_to_contain_text("webhook.dead")
        await row.get_by_text("Items").click()
        await expect(row.locator("details")).to_contain_text("webhook.answered 400")
        await row.get_by_role("button", name="Send again").click()
        await expect(page.get_by_role("status")).to_contain_text("Sent again: 1")
        assert [item.copmsg_id for item in console.sent] == ["a4"]
        await page.goto(f"{console.url}/deliveries?lang=zh")
        await expect(page.locator("h1")).to_have_text("推送")
        await expect(row).to_contain_text("断开")
    async with signed_in(browser, console, "agent") as page:
        await page.goto(f"{console.url}/deliveries")
        await expect(page.locator("main")).to_contain_text("Nothing is pushed to this account")


async def test_officers_see_the_rules_with_their_hit_rates_and_nobody_else_does(console: Console, browser: Browser) -> None:
    case = a_case(6)
    finding = Finding("rule.made_up", "", rule="T05")
    one = msgspec.structs.replace(assessment_of(case), findings=(finding,))
    await console.feed([(topics.ASSESSMENTS, one.declaration.encode(), codec.to_json(one), [])])
    await console.feed([status_record(case.status("declaration", 7, "rejected", code="100"))])
    async with signed_in(browser, console, "customs") as page:
        row = page.locator('tr[data-rule="T05"]')
        await page.get_by_role("link", name="Rules").click()
        await _until_there(page, row.get_by_text("1 / 0"))
        await expect(row).to_contain_text("100.00 %")
        await expect(row).to_contain_text("Caiguanshui 2018-49")
        await page.goto(f"{console.url}/rules?lang=zh&from=2016-04-08&to=2016-04-08")
        await expect(page.locator("h1")).to_have_text("规则")
        await expect(row).to_contain_text("0 / 0")
    async with signed_in(browser, console, "agent") as page:
        await expect(page.get_by_role("link", name="Rules")).to_have_count(0)
    status = await (await browser.new_page()).request.get(f"{console.url}/v1/rules", headers={"Authorization": "Bearer key-agent"})
    assert status.status == 404


async def test_refusals_are_listed_with_their_faults(console: Console, browser: Browser) -> None:
    await console.feed([refusal_record(a_case(4), "declaration", FAULT)])
    async with signed_in(browser, console, "agent") as page:
        row = page.get_by_text("schema.length")
        await page.goto(f"{console.url}/submissions?show=refused")
        await _until_there(page, row)
        await page.get_by_role("link", name="refused").last.click()
        await expect(page.locator("main")).to_contain_text("too long")


async def test_the_console_speaks_chinese_and_keeps_the_choice(console: Console, browser: Browser) -> None:
    async with signed_in(browser, console, "agent", locale="zh-CN") as page:
        await expect(page.locator("h1")).to_have_text("申报清单")
        await page.get_by_role("link", name="English").click()
        await expect(page.locator("h1")).to_have_text("Declarations")
        await page.goto(f"{console.url}/submissions")
        await expect(page.locator("h1")).to_have_text("Submissions")


async def test_signing_out_ends_the_session_and_a_wrong_key_opens_nothing(console: Console, browser: Browser) -> None:
    async with signed_in(browser, console, "agent") as page:
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(re.compile("/login$"))
        await page.goto(f"{console.url}/throughput")
        await page.wait_for_url(re.compile("/login$"))
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{console.url}/login")
    await page.fill("#api_key", "guess")
    await page.click("main button")
    await expect(page.get_by_role("alert")).to_be_visible()
    await context.close()


async def test_pages_need_no_more_width_than_a_phone_has(console: Console, browser: Browser) -> None:
    case = a_case(5)
    await console.feed(story_of(case))
    async with signed_in(browser, console, "customs") as page:
        await page.set_viewport_size({"width": 390, "height": 800})
        for path in (
            "throughput",
            "declarations",
            f"declarations/{case.business('declaration')}",
            "submissions",
            "rules",
            "docs",
        ):
            await page.goto(f"{console.url}/{path}")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def _until_there(page: Page, locator) -> None:
    """Load the page again until the read model has followed."""
    deadline = time.monotonic() + 15
    while not await locator.count():
        assert time.monotonic() < deadline, "the page never showed it"
        await page.wait_for_timeout(200)
        await page.reload()


async def test_the_reference_of_messages_is_read_and_searched_without_signing_in(console: Console, browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    async with watched(context) as page:
        await page.goto(f"{console.url}/docs/messages")
        await page.fill("#q", "订单编号")
        await page.click("main button")
        await page.click("main a[href='/docs/fields/orderNo']")
        await expect(page.locator("h1")).to_contain_text("orderNo 订单编号")
        await page.click("main a[href='/docs/messages/CEB621/InventoryHead/orderNo']")
        await expect(page.locator("main")).to_contain_text("schema.too_long")
        await page.click("main .head a[href^='/docs/messages/CEB621']")
        await expect(page.locator("pre").first).to_contain_text("<ceb:CEB621Message")
    await context.close()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
async def test_what_follows_a_declaration_and_the_summary_are_shown(console: Console, browser: Browser, language: str) -> None:
    zone, chinese = Zone(), language == "zh-CN"
    _, keys, numbers = closed(zone, (1, 2))
    imported, key, number = sold(zone, 7)
    zone.send("CEB625", samples.returned(imported.declaration, number, quantities={"1": 1}, at=zone.now))
    senders = {"declaration": "agent", "return": "agent", "consolidation": "agent"}
    await console.feed([status_record(status) for status in Kept(zone, senders).by_key.values()])
    async with signed_in(browser, console, "agent", locale=language) as page:
        month = page.locator("#summaries a")
        await _until_there(page, month)
        await expect(page.locator("#summaries")).to_contain_text("CEB701")
        await month.first.click()
        await expect(page.locator("main")).to_contain_text("商品编码" if chinese else "Final destination")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="CEB701").click()
        written = json.loads(await _content(await download.value))
        assert sorted(line["invtNo"] for document in written["documents"] for line in document["list"]) == sorted(numbers)
        await page.goto(f"{console.url}/declarations/{key}")
        facts = page.locator("#facts")
        await expect(facts).to_contain_text("已逾期" if chinese else "overdue")  # the sale was in June
        await expect(facts).to_contain_text("已申请" if chinese else "applied for")
        await page.get_by_role("link", name="CEB621").first.click()
        await expect(page).to_have_url(re.compile("/docs/messages/CEB621$"))
        status = zone.status(keys[0]["declaration"])
        await page.goto(f"{console.url}/declarations/{status.facts['billNo']}")
        await expect(page.locator("main")).to_contain_text("清单总分单" if chinese else "consolidation list")
        await page.set_viewport_size({"width": 390, "height": 800})
        for path in (f"declarations/{key}", f"summaries?month={month_of(status.since)}"):
            await page.goto(f"{console.url}/{path}")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def _content(download: Download) -> str:
    return (await download.path()).read_text("utf-8")


async def test_an_officer_decides_on_an_enterprise_and_it_does_not_see_its_class(console: Console, browser: Browser) -> None:
    case = a_case(41)
    await console.feed(story_of(case))
    async with signed_in(browser, console, "office") as page:
        await page.get_by_role("link", name="Enterprises").click()
        await page.fill("#code", "AGT0000001")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("/enterprises/AGT0000001$"))
        await expect(page.locator(".tile.main")).to_contain_text("3 normal")
        await _until_there(page, page.get_by_role("link", name=case.business("declaration")).first)
        await page.select_option("#class", "5")
        await page.fill("#reason", "ghost shipments")
        await page.get_by_role("button", name="Decide").click()
        await expect(page.locator(".tile.main")).to_contain_text("5 restricted")
        await expect(page.locator("main")).to_contain_text("ghost shipments")
        await page.goto(f"{console.url}/enterprises")
        await expect(page.locator("tbody tr")).to_contain_text("AGT0000001")
    async with signed_in(browser, console, "agent", "zh-CN") as page:
        await page.get_by_role("link", name="企业").click()
        await page.get_by_role("link", name="AGT0000001").click()
        await expect(page.locator("main")).to_contain_text("暂无记录")
        text = await page.locator("main").inner_text()
        assert [word for word in ("管控", "严控", "ghost") if word in text] == []


async def shows(page: Page, address: str, alerts: int) -> None:
    """Go there until the read model knows so many alerts."""
    for _ in range(50):
        await page.goto(address)
        if await page.locator("#alerts tbody tr").count() == alerts:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the alerts did not come")


async def test_an_officer_works_through_alerts_in_the_list_and_in_their_case(console: Console, browser: Browser) -> None:
    cases = [a_case(number) for number in range(1, 5)]
    alerts = [msgspec.structs.replace(alert_of(case), severity=severity, rule="R06") for case, severity in zip(cases, ("yellow", "red", "red", "orange"), strict=True)]
    await console.raise_(*alerts)
    async with signed_in(browser, console, "customs") as page:
        rows = page.locator("#alerts tbody tr")
        await shows(page, f"{console.url}/alerts", 4)
        assert await rows.evaluate_all("rows => rows.map(row => row.dataset.alert)") == ["al-2", "al-3", "al-4", "al-1"], "the gravest first"
        await expect(page.locator("[data-severity=red] span")).to_have_text("2")
        await expect(page.locator("#alerts-live")).to_have_class("on")
        # many at once
        await page.locator("#all").check()
        await page.get_by_label("With those ticked").select_option("acknowledge")
        await page.get_by_role("button", name="Do it").click()
        await expect(page.get_by_role("status")).to_contain_text("4 / 4")
        await expect(page.locator("#alerts tbody tr", has_text="acknowledged")).to_have_count(4)
        # what cannot be closed says why
        await page.locator("[data-alert=al-1] input").check()
        await page.get_by_label("With those ticked").select_option("close")
        await page.get_by_role("button", name="Do it").click()
        await expect(page.get_by_role("alert")).to_contain_text("desk.undecided")
        # live: what becomes of an alert, and a new one
        await page.goto(f"{console.url}/alerts")
        await expect(page.locator("#alerts-live")).to_have_class("on")
        await console.act(alerts[1], "assign", to="li")
        await expect(page.locator("[data-alert=al-2] [data-assignee]")).to_have_text("li")
        await console.raise_(msgspec.structs.replace(alert_of(a_case(9)), severity="red"))
        await expect(page.locator("#alerts-new")).to_contain_text("1 new")
        # its case
        await page.locator("[data-alert=al-3]").get_by_role("link", name="open").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(cases[2].business("declaration"))
        await page.get_by_label("Colleague (nobody: me)").fill("nobody here")
        await page.get_by_role("button", name="assign", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("desk.colleague")
        await page.get_by_role("button", name="assign", exact=True).click()
        await expect(page.locator("#assignee")).to_have_text("customs")
        await page.get_by_label("Reason", exact=True).fill("a gift")
        await page.get_by_label("What the alerts say is").select_option("false")
        await page.get_by_role("button", name="decide and close").click()
        await expect(page.locator("[data-decision=customs]")).to_contain_text("a gift")
        assert await page.locator("#history strong").all_text_contents() == ["alert raised", "acknowledge", "assign", "close"]
        await page.get_by_label("Reason", exact=True).fill("a letter came")
        await page.get_by_role("button", name="reopen").click()
        await expect(page.locator("#history")).to_contain_text("a letter came")


async def test_an_officer_of_quarantine_begins_with_what_is_addressed_to_it_and_finds_the_rest(
    console: Console, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CALLERS, "key-quarantine", Principal("quarantine", ("customs",), unit="quarantine"))
    theirs = msgspec.structs.replace(alert_of(a_case(1)), evidence={"unit": "quarantine"})
    await console.raise_(theirs, alert_of(a_case(2)))
    async with signed_in(browser, console, "customs") as page:
        await shows(page, f"{console.url}/alerts", 2)
        await page.get_by_label("Addressed to").select_option("quarantine")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#alerts tbody tr")).to_have_count(1)
        await page.goto(f"{console.url}/held")
        await page.fill("#o-id", "7")
        await page.fill("#o-reason", "an outbreak")
        await page.fill("#o-hs", "0406")
        await page.get_by_label("Addressed to").select_option("quarantine")
        await page.get_by_role("button", name="Order", exact=True).click()
        await expect(page.locator("tbody tr")).to_contain_text("addressed to quarantine")
    async with signed_in(browser, console, "quarantine") as page:
        await shows(page, f"{console.url}/alerts", 1)
        await expect(page.locator("#alerts tbody tr")).to_contain_text("quarantine")
        await page.get_by_role("link", name="quarantine", exact=True).click()
        await expect(page.locator("#alerts tbody tr")).to_have_count(2)
        await page.get_by_role("link", name="mine").click()
        await expect(page.locator("#alerts tbody tr")).to_have_count(0)
        await page.get_by_role("link", name="mine").click()
        await expect(page.locator("#alerts tbody tr")).to_have_count(2)


async def test_on_a_telephone_the_first_alert_is_in_sight_and_no_column_is_cut(console: Console, browser: Browser) -> None:
    await console.raise_(*[alert_of(a_case(number)) for number in range(1, 9)])
    async with signed_in(browser, console, "customs") as page:
        await page.set_viewport_size({"width": 390, "height": 844})
        await shows(page, f"{console.url}/alerts", 8)
        await expect(page.locator("#alerts tbody tr").first).to_be_in_viewport(ratio=1)
        assert await page.evaluate(_CUT) == []
        # the form goes along, and opens when asked for
        await page.locator("#alerts tbody tr").last.get_by_role("checkbox").check()
        await page.get_by_text("Act on ticked").click()
        await page.get_by_role("button", name="Do it").click()
        await expect(page.get_by_role("status")).to_contain_text("1 / 1")
        await page.locator("#alerts tbody tr").first.get_by_role("link", name="open").click()
        await expect(page.locator("#history")).to_contain_text("alert raised")
        assert await page.evaluate(_CUT) == []
        await page.goto(f"{console.url}/held")
        await page.fill("#o-id", "8")
        await page.fill("#o-reason", "a word of many letters that a line of a telephone cannot hold")
        await page.fill("#o-hs", "0406")
        await page.get_by_role("button", name="Order", exact=True).click()
        await expect(page.get_by_role("button", name="Revoke")).to_be_visible()
        assert await page.evaluate(_CUT) == []
        await page.goto(f"{console.url}/deliveries")
        await expect(page.locator("tbody tr")).to_have_count(2)
        await expect(page.get_by_role("button", name="Resume")).to_be_in_viewport(ratio=1)
        assert await page.evaluate(_CUT) == []


async def test_on_a_telephone_a_declarant_sees_every_column_of_what_is_stuck(console: Console, browser: Browser) -> None:
    case = a_case(6)
    await console.feed(story_of(case))
    async with signed_in(browser, console, "agent") as page:
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.goto(f"{console.url}/declarations?kind=declaration")
        await _until_there(page, page.locator("tbody tr"))
        for path in ("declarations?kind=declaration", f"declarations/{case.business('declaration')}", "submissions", f"submissions/{case.submission('declaration')}"):
            await page.goto(f"{console.url}/{path}")
            await expect(page.locator("tbody tr").first).to_be_visible()
            assert await page.evaluate(_CUT) == [], path


#: What of a table a reader has to push sideways for.
_CUT = """[...document.querySelectorAll("td, tbody th")].filter(cell => cell.getBoundingClientRect().right > innerWidth
    || cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.textContent)"""


async def test_alerts_are_worked_on_without_scripts_and_in_chinese(console: Console, browser: Browser) -> None:
    await console.raise_(alert_of(a_case(1)))
    async with signed_in(browser, console, "customs", scripts=False, locale="zh-CN") as page:
        await shows(page, f"{console.url}/alerts", 1)
        await page.locator("[name=alert]").check()
        await page.get_by_label("对所选预警").select_option("assign")
        await page.get_by_role("button", name="执行").click()
        await expect(page.get_by_role("status")).to_contain_text("1 / 1")
        await page.get_by_role("link", name="查看").click()
        await page.locator("#text").fill("已联系平台")
        await page.get_by_role("button", name="备注").click()
        await expect(page.locator("#history")).to_contain_text("已联系平台")


async def test_alerts_and_cases_are_nothing_to_enterprises(console: Console, browser: Browser) -> None:
    one = alert_of(a_case(1))
    await console.raise_(one)
    async with signed_in(browser, console, "agent") as page:
        assert await page.get_by_role("link", name="Alerts").count() == 0
        for path in ("/alerts", f"/cases/{case_of(one).id}"):
            answer = await page.request.get(console.url + path)
            assert answer.status == 404
