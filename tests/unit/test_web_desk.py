"""Acting on alerts and cases in the web: the desk itself answers; officers only, each authority its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, FormData

from hub import codec, topics
from hub.domain.access import Principal
from hub.domain.desk import Action, Came, Case, case_of
from hub.domain.events import Alert, Tick
from hub.domain.handling import CLOSED
from hub.domain.reading import AlertFilter, CaseFilter, DeskFilter
from hub.web.auth import SESSION_COOKIE, session_token
from hub.web.views import common
from streams.api import Record
from streams.stages.desk import Desk
from tests.support.reading import CALLERS, FixedClock
from tests.support.site import SECRET, parts_of, served
from tests.unit.test_desk import alert

#: 2026-06-01 12:00 in China.
NOW = 1_780_286_400_000
WANG, LI = (Principal(name=name, roles=("customs",)) for name in ("wang", "li"))


class Model:
    """A read model in memory, kept by the real desk: what it is told is dealt with at once, unless it is ``away``."""

    def __init__(self) -> None:
        self.alerts_by: dict[str, Alert] = {}
        self.cases_by: dict[str, Case] = {}
        self.desk, self.states = Desk(), dict[str, Any]()
        self.told: list[Came | Action] = []
        self.away = False

    async def tell(self, told: Mapping[str, Sequence[Came | Action]]) -> None:
        for case, events in told.items():
            for event in events:
                self.told.append(event)
                if self.away:
                    continue
                record = Record(key=case.encode(), value=codec.pack(event), headers=(), offset=len(self.told))
                step = self.desk.handle(self.states.get(case), record, Tick(NOW, 0, ""))
                if step is not None:
                    self.states[case] = step.state
                    for output in step.outputs:
                        self._project(output.topic, output.value or b"")

    def _project(self, topic: str, value: bytes) -> None:
        if topic == topics.CASES:
            case = codec.case(value)
            self.cases_by[case.id] = case
        elif topic == topics.ALERTS:
            one = codec.alert(value)
            self.alerts_by[one.id] = one

    async def raise_(self, *alerts: Alert) -> None:
        for one in alerts:
            self.alerts_by[one.id] = one
            await self.tell({case_of(one).id: [Came(one, "x")]})
        self.told.clear()

    async def alerts_of(self, ids: Iterable[str]) -> list[Alert]:
        return [self.alerts_by[id] for id in ids if id in self.alerts_by]

    async def alert(self, id: str) -> Alert | None:
        return self.alerts_by.get(id)

    async def alerts(self, wanted: AlertFilter) -> list[Alert]:
        found = [one for one in self.alerts_by.values() if wanted.state in ("", one.handling.state)]
        return [one for one in found if wanted.assignee in ("", one.handling.assignee)]

    async def applied(self) -> dict[tuple[str, int], int]:
        return {}

    async def at_desk(self, wanted: DeskFilter) -> list[Alert]:
        found = [one for one in self.alerts_by.values() if (one.handling.state != CLOSED) == (wanted.state == "open")]
        mine = [one for one in found if wanted.authorities is None or not one.agency or {*one.agency} & {*wanted.authorities}]
        return [one for one in mine if wanted.assignee in ("", one.handling.assignee)][: wanted.limit]

    async def desk_counts(self, wanted: DeskFilter) -> dict[str, int]:
        found = await self.at_desk(wanted)
        return {severity: sum(one.severity == severity for one in found) for severity in ("yellow", "orange", "red", "reject")}

    async def cases_of(self, ids: Iterable[str]) -> list[Case]:
        return [self.cases_by[id] for id in ids if id in self.cases_by]

    async def cases(self, wanted: CaseFilter) -> list[Case]:
        found = [one for one in self.cases_by.values() if wanted.state in ("", one.state)]
        return [one for one in found if wanted.authorities is None or {*one.authorities} & {*wanted.authorities}]


class Hub:
    """The web over the model."""

    def __init__(self, session: ClientSession, read: Model, clock: FixedClock) -> None:
        self.session, self.read, self.clock = session, read, clock

    async def call(self, method: str, path: str, caller: str, status: int = 200, body: Any = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer key-{caller}", **({"Idempotency-Key": key} if key else {})}
        async with self.session.request(method, path, headers=headers, json=body) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def get(self, path: str, caller: str = "customs", status: int = 200) -> Any:
        return await self.call("GET", path, caller, status)

    async def act(self, what: str, caller: str = "wang", status: int = 200, *, id: str = "a1", key: str = "", **more: Any) -> Any:
        return await self.call("POST", f"/v1/alerts/{quote(id, safe='')}/actions", caller, status, {"action": what, **more}, key)

    async def on_case(self, case: str, what: str, caller: str = "wang", status: int = 200, **more: Any) -> Any:
        return await self.call("POST", f"/v1/cases/{case}/actions", caller, status, {"action": what, **more})


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setitem(CALLERS, "key-wang", WANG)
    monkeypatch.setitem(CALLERS, "key-li", LI)
    read, clock = Model(), FixedClock(NOW)
    async with served(parts_of(read, clock, desk=read.tell)) as session:
        yield Hub(session, read, clock)


def code(problem: Any) -> str:
    return str(problem["faults"][0]["code"])


async def test_an_officer_takes_an_alert_decides_and_closes_it(hub: Hub) -> None:
    await hub.read.raise_(alert("a1", evidence={"count": "4"}))
    shown = await hub.act("acknowledge")
    assert (shown["handling"]["state"], shown["handling"]["by"], shown["evidence"]) == ("acknowledged", "wang", {"count": "4"})
    assert (await hub.act("assign"))["handling"]["assignee"] == "wang", "nobody named is oneself"
    assert (await hub.act("assign", to="li"))["handling"] == {**(await hub.get("/v1/alerts/a1"))["handling"], "assignee": "li"}
    assert code(await hub.act("close", status=409)) == "desk.undecided"
    await hub.act("comment", text="called the platform")
    assert (await hub.act("decide", "li", verdict="true", reason="goods seen"))["handling"]["verdict"] == "true"
    assert (await hub.act("close", "li"))["handling"]["state"] == "closed"
    case = await hub.get(f"/v1/cases/{shown['case']}")
    assert [(line["what"], line["by"]) for line in case["history"]] == [
        ("raised", "hub"), ("acknowledge", "wang"), ("assign", "wang"), ("assign", "wang"), ("comment", "wang"), ("decide", "li"), ("close", "li"),
    ]  # fmt: skip
    assert (case["state"], case["verdicts"], case["alerts"][0]["evidence"]) == ("closed", {"customs": "true"}, {"count": "4"})


async def test_an_action_repeated_under_its_key_is_done_once(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"))
    first = await hub.act("comment", key="k1", text="seen")
    assert await hub.act("comment", key="k1", text="seen") == first
    await hub.act("comment", id="a1", text="seen", key="")
    await hub.call("POST", "/v1/alerts/a1/actions", "wang", 200, {"action": "comment", "text": "seen", "id": "k1"})
    case = await hub.get(f"/v1/cases/{first['case']}")
    assert [line["what"] for line in case["history"]] == ["raised", "comment", "comment"]
    await hub.act("comment", "li", key="k1", text="seen too")
    assert len((await hub.get(f"/v1/cases/{first['case']}"))["history"]) == 4, "another person's key is another's"
    assert code(await hub.act("close", key="k2", status=409)) == code(await hub.act("close", key="k2", status=409)) == "desk.undecided"


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        ({"action": "burn"}, 422, "desk.action"),
        ({}, 422, "desk.action"),
        ({"action": "comment", "text": "x" * 501}, 422, "desk.action"),
        ({"action": "comment", "text": "x", "id": "k" * 256}, 422, "desk.action"),
        ({"action": "comment", "text": "x", "id": "a\nb"}, 422, "desk.action"),
        ({"action": "comment", "text": ""}, 422, "desk.no_reason"),
        ({"action": "comment", "text": "x", "more": 1}, 422, "desk.action"),
        ({"action": "assign", "to": "nobody"}, 422, "desk.colleague"),
        ({"action": "assign", "to": "tax"}, 422, "desk.colleague"),
        ({"action": "assign", "to": "agent"}, 422, "desk.colleague"),
        ({"action": "decide", "verdict": "perhaps", "reason": "x"}, 422, "desk.verdict"),
        ({"action": "decide", "verdict": "true"}, 422, "desk.no_reason"),
        ({"action": "reopen", "reason": "x"}, 409, "desk.open"),
        ({"action": "deadline", "deadline": "soon"}, 422, "desk.deadline"),
        ({"action": "deadline", "deadline": "2026-05-01"}, 422, "desk.deadline"),
        ({"action": "join", "to": "agent"}, 422, "desk.authority"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_code(hub: Hub, body: dict[str, Any], status: int, wanted: str) -> None:
    await hub.read.raise_(alert("a1"))
    assert code(await hub.call("POST", "/v1/alerts/a1/actions", "wang", status, body)) == wanted
    assert (await hub.get("/v1/alerts/a1"))["handling"]["state"] == "raised"


async def test_nobody_without_right_sees_or_changes_anything(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"))
    case = case_of(alert("a1")).id
    body = {"action": "acknowledge"}
    for caller in ("agent", "platform", "operator", "tax", "market"):
        await hub.call("POST", "/v1/alerts/a1/actions", caller, 404, body)
        await hub.call("POST", f"/v1/cases/{case}/actions", caller, 404, body)
        await hub.get(f"/v1/cases/{case}", caller, 404)
        if caller in ("tax", "market"):
            assert (await hub.get("/v1/cases", caller))["items"] == []
            (result,) = (await hub.call("POST", "/v1/alerts/actions", caller, 200, {**body, "ids": ["a1"]}))["items"]
            assert result == {"id": "a1", "status": 404, "code": "access.not_found"}
        else:
            await hub.get("/v1/cases", caller, 404)
            await hub.call("POST", "/v1/alerts/actions", caller, 404, {**body, "ids": ["a1"]})
    for path in ("/v1/alerts/a1/actions", "/v1/alerts/actions", f"/v1/cases/{case}/actions"):
        await hub.call("POST", path, "suspended", 403, body)
        await hub.call("POST", path, "nobody", 401, body)
        cookies = {SESSION_COOKIE: session_token(SECRET, "customs", NOW)}
        async with hub.session.post(path, json=body, cookies=cookies) as response:
            assert response.status == 401, "a session acts through the console's forms"
    assert hub.read.told == []
    assert (await hub.get("/v1/cases", "office"))["items"][0]["id"] == case
    assert code(await hub.act("acknowledge", "office", 403)) == "desk.not_leading"
    await hub.act("comment", "office", text="please hurry")


async def test_a_joint_case_has_an_owner_a_deadline_and_each_authoritys_decision(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"))
    case = case_of(alert("a1")).id
    told = await hub.on_case(case, "join", to="tax", deadline="2026-06-03", text="is it paid?")
    assert (told["joint"], told["deadline"], told["owner"]) == (["tax"], "2026-06-02T16:00:00.000Z", "customs")
    assert (await hub.get("/v1/alerts/a1", "tax"))["handling"]["shared"] == ["tax"]
    assert (await hub.get(f"/v1/cases/{case}", "tax"))["acting_for"] == "tax"
    for what in ("acknowledge", "close", "assign", "deadline", "transfer"):
        assert code(await hub.on_case(case, what, "tax", 403, deadline="2026-06-04")) == "desk.not_leading"
    told = await hub.on_case(case, "decide", "tax", verdict="false", reason="paid")
    assert (told["state"], told["verdicts"]) == ("raised", {"tax": "false"})
    told = await hub.on_case(case, "transfer", to="tax")
    assert (told["owner"], told["joint"]) == ("tax", ["tax", "customs"])
    assert code(await hub.on_case(case, "close", "wang", 403, verdict="true", reason="x")) == "desk.not_leading"
    assert (await hub.on_case(case, "close", "tax", verdict="false", reason="paid"))["state"] == "closed"


async def test_many_at_once_have_each_their_own_result(hub: Hub) -> None:
    others = [alert(f"b{n}", declaration=f"declaration/AGT0000001:B{n}") for n in range(3)]
    await hub.read.raise_(alert("a1"), alert("a2"), *others, alert("t", agency=("tax",)))
    await hub.act("close", id="b1", verdict="false", reason="gift")
    body = {"action": "acknowledge", "ids": ["a1", "a2", "b0", "b1", "t", "nothing", "a1"]}
    found = (await hub.call("POST", "/v1/alerts/actions", "wang", 200, body))["items"]
    assert [(one["id"], one["status"], one["code"]) for one in found] == [
        ("a1", 200, ""), ("a2", 200, ""), ("b0", 200, ""), ("b1", 409, "desk.closed"),
        ("t", 404, "access.not_found"), ("nothing", 404, "access.not_found"),
    ]  # fmt: skip
    assert [one["handling"]["state"] for one in found[:3]] == ["acknowledged"] * 3
    for wrong in ({"ids": []}, {}, {"ids": ["a"] * 501}, {"ids": ["a1"], "of": "li"}):
        assert code(await hub.call("POST", "/v1/alerts/actions", "wang", 422, {"action": "acknowledge", **wrong})) == "desk.action"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "comment", "text": "\x1b[2J\x1b]0;title\x07"}, {"action": "comment", "text": "a\x00b"},
        {"action": "close", "verdict": "true", "reason": "paid \u202etxet"}, {"action": "assign", "to": "li\x00"},
    ],
)  # fmt: skip
async def test_what_people_write_holds_no_control_characters_and_is_one_line(hub: Hub, body: dict[str, Any]) -> None:
    await hub.read.raise_(alert("b0"))
    assert code(await hub.call("POST", "/v1/alerts/b0/actions", "wang", 422, body)) == "desk.action"
    told = await hub.act("comment", id="b0", text="first\r\n  second\tthird")
    case = await hub.get(f"/v1/cases/{told['case']}")
    assert [line["text"] for line in case["history"][1:]] == ["first second third"]


async def test_what_no_alert_can_be_called_is_refused_and_asked_of_nobody(hub: Hub) -> None:
    for wrong in ({"ids": ["a\x00"]}, {"of": "li\x00"}):
        assert code(await hub.call("POST", "/v1/alerts/actions", "wang", 422, {"action": "acknowledge", **wrong})) == "desk.action"


async def test_a_body_counts_when_all_of_it_has_come_and_what_is_no_text_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.read.raise_(alert("b0"))
    headers = {"Authorization": "Bearer key-wang"}

    async def parts(*pieces: bytes) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0.1)

    async def sent(*pieces: bytes) -> tuple[int, str]:
        async with hub.session.post("/v1/alerts/b0/actions", data=parts(*pieces), headers=headers) as response:
            found = await response.json()
            return response.status, code(found) if response.status != 200 else found["handling"]["state"]

    assert await sent(b'{"action":', b'"acknow', b'ledge"}') == (200, "acknowledged")
    for wrong in (b'{"action":"comment","text":"\xff\xfe"}', b'{"action":"\\ud800"}', b"[" * 10_000, b'{"action":', b"\xff", b" " * 300_000):
        assert await sent(wrong[:7], wrong[7:]) == (422, "desk.action")
    monkeypatch.setattr(common, "BODY_SECONDS", 0.05)
    assert await sent(b'{"action":', b'"acknow', b'ledge"}') == (408, "transport.slow")


@pytest.mark.parametrize("page", ["/login", "/alerts"])
async def test_a_form_that_does_not_come_is_none(hub: Hub, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr(common, "BODY_SECONDS", 0.05)
    answered = asyncio.Event()

    async def part() -> AsyncIterator[bytes]:
        yield b"key="
        await answered.wait()

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    cookies = {SESSION_COOKIE: session_token(SECRET, "wang", NOW)}
    async with hub.session.post(page, data=part(), headers=headers, cookies=cookies) as answer:
        assert answer.status == 403
        answered.set()


async def test_a_shift_is_handed_over_as_a_whole(hub: Hub) -> None:
    await hub.read.raise_(*[alert(f"b{n}", declaration=f"declaration/AGT0000001:B{n}") for n in range(5)])
    for n in range(4):
        await hub.act("assign", id=f"b{n}")
    await hub.act("close", id="b3", verdict="true", reason="x")
    found = (await hub.call("POST", "/v1/alerts/actions", "wang", 200, {"action": "assign", "of": "wang", "to": "li"}))["items"]
    assert [(one["id"], one["handling"]["assignee"]) for one in found] == [("b0", "li"), ("b1", "li"), ("b2", "li")]
    assert [one["id"] for one in (await hub.get("/v1/alerts?assignee=li"))["items"]] == ["b0", "b1", "b2"]
    assert (await hub.call("POST", "/v1/alerts/actions", "wang", 200, {"action": "assign", "of": "wang", "to": "li"}))["items"] == []


async def test_while_the_desk_is_away_the_answer_says_where_to_look(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "WAIT_SECONDS", 0.05)
    await hub.read.raise_(alert("a1"))
    hub.read.away = True
    told = await hub.act("acknowledge", status=202)
    assert told["look"] == f"/v1/cases/{case_of(alert('a1')).id}"
    found = (await hub.call("POST", "/v1/alerts/actions", "wang", 200, {"action": "acknowledge", "ids": ["a1"]}))["items"]
    assert found[0]["status"] == 202


async def test_an_alert_from_before_there_was_a_desk_comes_with_its_first_action(hub: Hub) -> None:
    old = alert("R06:declaration/AGT0000001:C1@1")
    hub.read.alerts_by[old.id] = old
    assert (await hub.act("acknowledge", id=old.id))["handling"]["state"] == "acknowledged"
    assert [type(event) for event in hub.read.told] == [Came, Action]


async def test_lists_are_filtered(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"), alert("b", declaration="declaration/AGT0000001:B"))
    await hub.act("acknowledge")
    assert [one["id"] for one in (await hub.get("/v1/alerts?state=acknowledged"))["items"]] == ["a1"]
    (case,) = (await hub.get("/v1/cases?state=acknowledged"))["items"]
    assert (case["about"], case["kind"], case["rules"], case["alerts"]) == ("AGT0000001:C1", "declaration", ["R06"], 1)
    for wrong in ("/v1/alerts?state=x", "/v1/cases?state=x", "/v1/cases?severity=pink", "/v1/cases?authority=x", "/v1/cases?overdue=maybe"):
        assert code(await hub.get(wrong, status=400)) == "transport.bad_query"


async def test_a_case_shows_each_authority_only_the_alerts_it_may_see(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"), alert("a2", agency=("customs", "tax")))
    case = case_of(alert("a1")).id
    assert [one["id"] for one in (await hub.get(f"/v1/cases/{case}"))["alerts"]] == ["a1", "a2"]
    seen = await hub.get(f"/v1/cases/{case}", "tax")
    assert ([one["id"] for one in seen["alerts"]], seen["counted"]) == (["a2"], 1)
    assert [line["alerts"] for line in seen["history"]] == [["a2"]]
    await hub.get("/v1/alerts/a1", "tax", 404)


async def test_names_only_alerts_of_others_bring_are_not_told(hub: Hub) -> None:
    profile = {"profile": "EBC0000001", "what": "returns"}
    hidden = alert("a1", evidence=profile, enterprises=("EBC0000001", "PAY0000001"), declaration="declaration/AGT0000001:HIDDEN")
    shown = alert("a2", agency=("customs", "tax"), evidence=profile, declaration="declaration/AGT0000001:SHOWN")
    await hub.read.raise_(hidden, shown)
    case = case_of(hidden).id
    for who, firms, keys in (
        ("tax", ["EBC0000001"], ["AGT0000001:SHOWN"]),
        ("customs", ["EBC0000001", "PAY0000001"], ["AGT0000001:HIDDEN", "AGT0000001:SHOWN"]),
    ):
        (listed,) = (await hub.get("/v1/cases", who))["items"]
        for told in (listed, await hub.get(f"/v1/cases/{case}", who)):
            assert (told["enterprises"], told["declarations"]) == (firms, keys)


# ---- the console ---------------------------------------------------------------------------------------------------


class Browser:
    """A session of the console without scripts: pages, and their forms sent back."""

    def __init__(self, hub: Hub, who: str, language: str = "en") -> None:
        self._hub, self._headers = hub, {"Accept-Language": language, "Accept": "text/html"}
        self._cookies = {SESSION_COOKIE: session_token(SECRET, who, NOW)}
        self.page = ""

    async def get(self, path: str, status: int = 200) -> str:
        async with self._hub.session.get(path, cookies=self._cookies, headers=self._headers) as response:
            self.page = await response.text()
            assert response.status == status, self.page
        return self.page

    async def send(self, path: str, fields: list[tuple[str, str]], status: int = 200) -> str:
        """A form of the page with its hidden fields, and these."""
        hidden = re.findall(r'<input type="hidden" name="(csrf|id)" value="([^"]*)">', self.page)
        data = FormData([*dict(hidden).items(), *fields])
        async with self._hub.session.post(path, data=data, cookies=self._cookies, headers=self._headers) as response:
            self.page = await response.text()
            assert response.status == status, self.page
        return self.page


async def test_many_alerts_are_acted_on_by_a_form_and_what_is_refused_says_why(hub: Hub) -> None:
    await hub.read.raise_(*[alert(f"b{n}", declaration=f"declaration/AGT0000001:B{n}") for n in range(3)], alert("t", agency=("tax",)))
    browser = Browser(hub, "wang")
    page = await browser.get("/alerts")
    assert page.count("data-alert=") == 3, "the tax authority's is not there"
    page = await browser.send("/alerts", [("action", "assign"), ("to", "li"), ("alert", "b0"), ("alert", "b1"), ("alert", "t")])
    assert "Done: 2 / 3" in page
    assert {one.handling.assignee for one in hub.read.alerts_by.values()} == {"li", ""}
    page = await browser.send("/alerts", [("action", "close"), ("alert", "b0")])
    assert "desk.undecided" in page
    assert "desk.action" in await browser.send("/alerts", [("action", "close")]), "nothing ticked"
    async with hub.session.post("/alerts", data={"action": "close", "alert": "b0"}, cookies={SESSION_COOKIE: session_token(SECRET, "wang", NOW)}) as answer:
        assert answer.status == 403, "a form that is not ours"
    for state in ("closed", "", "raised", "nonsense"):
        await browser.get(f"/alerts?state={state}&severity=red&rule=R06&escalated=1")


async def test_a_case_is_worked_on_by_forms_and_sending_one_twice_does_it_once(hub: Hub) -> None:
    await hub.read.raise_(alert("a1", evidence={"count": "4"}))
    case = case_of(alert("a1")).id
    browser = Browser(hub, "wang", "zh")
    page = await browser.get(f"/cases/{case}")
    assert "待受理" in page
    assert "count" in page
    first = browser.page
    for _ in range(2):
        browser.page = first
        await browser.send(f"/cases/{case}", [("action", "comment"), ("text", "<b>seen</b>")])
    assert browser.page.count("&lt;b&gt;seen&lt;/b&gt;") == 1
    browser.page = first  # back to the page as it was, with another form of it
    await browser.send(f"/cases/{case}", [("action", "comment"), ("text", "something else")])
    assert "something else" in browser.page
    assert "desk.colleague" in await browser.send(f"/cases/{case}", [("action", "assign"), ("to", "tax")])
    await browser.send(f"/cases/{case}", [("action", "close"), ("verdict", "false"), ("reason", "gift")])
    assert "已关闭" in browser.page
    assert "重新打开" in browser.page
    await browser.send(f"/cases/{case}", [("action", "reopen"), ("reason", "letter")])
    await browser.send(f"/cases/{case}", [("action", "join"), ("to", "tax"), ("deadline", "2026-06-03")])
    other = Browser(hub, "tax")
    page = await other.get(f"/cases/{case}")
    assert "decide and close" not in page
    assert "you act for: tax" in page
    assert "desk.not_leading" in await other.send(f"/cases/{case}", [("action", "close")])
    await other.send(f"/cases/{case}", [("action", "decide"), ("verdict", "true"), ("reason", "not paid")])
    assert 'data-decision="tax"' in other.page


async def test_the_consoles_pages_are_nothing_to_enterprises(hub: Hub) -> None:
    await hub.read.raise_(alert("a1"))
    case = case_of(alert("a1")).id
    for who in ("agent", "operator"):
        browser = Browser(hub, who)
        await browser.get("/alerts", 404)
        await browser.get(f"/cases/{case}", 404)
        await browser.send("/alerts", [("action", "acknowledge"), ("alert", "a1")], 404)
        await browser.send(f"/cases/{case}", [("action", "acknowledge")], 404)
    await Browser(hub, "tax").get(f"/cases/{case}", 404)
    assert hub.read.told == []
