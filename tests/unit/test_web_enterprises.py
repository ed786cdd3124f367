"""Enterprises in the web: who sees how much of a standing, and what officers may say of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from hub.domain.credit import SOURCES
from hub.domain.events import Profile, ProfileDay, ProfileRemark, ProfileShare, StandingChange, StandingReason
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.web.auth import SESSION_COOKIE, session_token
from tests.support.reading import FixedClock
from tests.support.site import SECRET, amending, parts_of, served

#: 2026-06-01 12:00 in China.
NOW = 1_780_286_400_000
#: The code of the caller ``agent``, and a firm it is linked with.
OWN, OTHER = "AGT0000001", "AGT0000002"


class Nothing:
    """A read model that holds no documents, and the profiles it is given."""

    def __init__(self) -> None:
        self.profiles: dict[str, Profile] = {}

    async def profile(self, enterprise: str) -> Profile | None:
        return self.profiles.get(enterprise)

    async def search(self, search: Any, scope: Any) -> list[Any]:
        self.asked = search.enterprise, scope
        return []


class Hub:
    """The web over reference data in memory."""

    def __init__(self, session: ClientSession, data: Reference, read: Nothing) -> None:
        self.session, self.data, self.read = session, data, read

    async def get(self, path: str, caller: str, status: int = 200) -> Any:
        async with self.session.get(path, headers={"Authorization": f"Bearer key-{caller}"}) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def post(self, caller: str, body: Any, status: int = 200, code: str = OWN) -> Any:
        headers = {"Authorization": f"Bearer key-{caller}"}
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.post(f"/v1/enterprises/{code}/standing", headers=headers, **sent) as response:
            assert response.status == status, await response.text()
            return await response.json()

    def put(self, *records: ReferenceRecord) -> None:
        for record in checked(list(records)):
            self.data.put(record, self.data.reached + 1)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    data, read = Reference(), Nothing()
    parts = parts_of(read, FixedClock(NOW), reference=data, amend_reference=amending(data))
    async with served(parts) as session:
        yield Hub(session, data, read)


def credit(source: str, level: str, begins: str = "2026-04-01", code: str = OWN, ends: str = "", **value: Any) -> ReferenceRecord:
    said = {SOURCES[source].field: level, "recorded_by": "customs", **value}
    return ReferenceRecord("credit", f"{code}~{source}", 1, begins, ends, said)


EVERYTHING = (
    credit("gacc", "certified", instrument="GACC 282", number="HG-1", note="for officers"),
    credit("computed", "BB", score=1250),
    credit("alert", "open"),
    credit("case", "open"),
    credit("decision", "2", reason="kept under supervision"),
    ReferenceRecord("link", OWN, 1, "2026-04-01", value={"firms": [OTHER], "confirmed": True, "source": "register"}),
    credit("negative", "listed", code=OTHER),
)


async def test_an_officer_sees_the_class_and_every_reason_with_its_source(hub: Hub) -> None:
    hub.put(*EVERYTHING)
    found = await hub.get(f"/v1/enterprises/{OWN}/standing", "customs")
    assert (found["control_class"], found["suggested"], found["day"]) == (2, 2, "2026-06-01")
    states = {reason["source"]: (reason["state"], reason["control_class"]) for reason in found["reasons"]}
    assert states == {
        "gacc": ("overridden", 2),
        "computed": ("suggested", 4),
        "alert": ("suggested", 4),
        "case": ("overridden", 2),
        "decision": ("acts", 2),
        "link": ("overridden", 4),
    }
    first = found["reasons"][0]
    assert (first["instrument"], first["number"], first["recorded_by"], first["valid_from"]) == ("GACC 282", "HG-1", "customs", "2026-04-01")
    assert found["parameters"]["sampling"] == 50
    assert found["links"] == [{"confirmed": True, "firms": [OTHER], "persons": 0, "source": "register"}]


async def test_an_enterprise_sees_what_authorities_say_of_it_and_nothing_of_the_hubs_view(hub: Hub) -> None:
    hub.put(*EVERYTHING)
    found = await hub.get(f"/v1/enterprises/{OWN}/standing", "agent")
    assert set(found) == {"code", "day", "reasons"}
    (only,) = found["reasons"]
    assert (only["source"], only["level"], only["state"], only["number"]) == ("gacc", "certified", "acts", "HG-1")
    assert {"control_class", "via", "note", "reason"}.isdisjoint(only)
    history = await hub.get(f"/v1/enterprises/{OWN}/history", "agent")
    assert [record["source"] for record in history["records"]] == ["gacc"]


@pytest.mark.parametrize("path", ["", "/standing", "/history", "/profile"])
async def test_others_find_nothing_at_its_address(hub: Hub, path: str) -> None:
    for caller in ("stranger", "platform", "operator"):
        await hub.get(f"/v1/enterprises/{OWN}{path}", caller, 404)
    await hub.get(f"/v1/enterprises/{OWN}{path}", "nobody", 401)


async def test_the_standing_of_another_day_is_that_of_its_orders(hub: Hub) -> None:
    hub.put(credit("gacc", "dishonest"))
    classes = [
        (await hub.get(f"/v1/enterprises/{OWN}/standing?day={day}", "tax"))["control_class"] for day in ("2026-03-31", "2026-04-01")
    ]
    assert classes == [3, 5]
    await hub.get(f"/v1/enterprises/{OWN}/standing?day=yesterday", "tax", 400)


async def test_an_enterprise_nobody_knows_is_of_class_three_and_has_no_filing(hub: Hub) -> None:
    found = await hub.get("/v1/enterprises/UNKNOWN001", "office")
    assert (found["filing"], found["standing"]["control_class"], found["standing"]["reasons"]) == (None, 3, [])


async def test_history_has_every_version_and_asks_for_the_documents_that_name_it(hub: Hub) -> None:
    hub.put(credit("tax", "D", "2026-01-01"))
    await hub.post("tax", {"source": "tax", "level": "B"})
    history = await hub.get(f"/v1/enterprises/{OWN}/history", "office")
    assert [(record["level"], record["valid_from"]) for record in history["records"]] == [("B", "2026-06-01"), ("D", "2026-01-01")]
    assert hub.read.asked[0] == OWN


async def test_a_computed_grade_counts_when_the_office_has_confirmed_it(hub: Hub) -> None:
    hub.put(credit("computed", "BB", score=1250))
    before = await hub.get(f"/v1/enterprises/{OWN}/standing", "office")
    assert (before["control_class"], before["suggested"]) == (3, 4)
    await hub.post("customs", {"confirm": "zone"}, 403)
    after = await hub.post("office", {"confirm": "zone"})
    assert after["control_class"] == 4
    confirmed = next(reason for reason in after["reasons"] if reason["source"] == "zone")
    assert (confirmed["confirmed_by"], confirmed["score"], confirmed["valid_from"]) == ("office", 1250, "2026-06-01")


async def test_a_later_computed_grade_leaves_the_confirmed_one_in_force(hub: Hub) -> None:
    hub.put(credit("computed", "BB"))
    await hub.post("office", {"confirm": "zone"})
    hub.put(ReferenceRecord("credit", f"{OWN}~computed", 2, "2026-06-01", value={"grade": "AAA", "recorded_by": "hub"}))
    found = await hub.get(f"/v1/enterprises/{OWN}/standing", "office")
    assert (found["control_class"], found["suggested"]) == (4, 1)
    confirmed = await hub.post("office", {"confirm": "zone"})
    assert (confirmed["control_class"], confirmed["suggested"]) == (1, 1)


async def test_a_decision_overrides_until_its_day_and_names_who_made_it(hub: Hub) -> None:
    hub.put(credit("negative", "listed"))
    made = await hub.post("customs", {"source": "decision", "class": 3, "reason": "appeal granted", "valid_to": "2026-07-01"})
    assert made["control_class"] == 3
    decision = next(reason for reason in made["reasons"] if reason["source"] == "decision")
    assert (decision["recorded_by"], decision["reason"]) == ("customs", "appeal granted")
    later = await hub.get(f"/v1/enterprises/{OWN}/standing?day=2026-07-01", "customs")
    assert later["control_class"] == 5


async def test_a_decision_can_be_withdrawn(hub: Hub) -> None:
    hub.put(credit("negative", "listed"))
    await hub.post("office", {"source": "decision", "class": 1, "reason": "error"})
    found = await hub.post("office", {"source": "decision", "ended_on": "2026-06-01"})
    assert found["control_class"] == 5


async def test_each_authority_records_its_own_source_only(hub: Hub) -> None:
    await hub.post("tax", {"source": "tax", "level": "D"})
    await hub.post("customs", {"source": "tax", "level": "A"}, 403)
    await hub.post("office", {"source": "gacc", "level": "dishonest"}, 403)
    await hub.post("office", {"source": "computed", "grade": "AAA"}, 403)
    await hub.post("agent", {"source": "self_reported", "level": "excellent"}, 403)
    await hub.post("stranger", {"source": "tax", "level": "A"}, 404)


async def test_a_repair_before_its_period_is_refused_and_after_it_counts(hub: Hub) -> None:
    hub.put(credit("gacc", "dishonest", "2025-06-15", cause="smuggling"))
    refused = await hub.post("customs", {"source": "gacc", "repaired_on": "2026-06-01"}, 422)
    assert [f["code"] for f in refused["faults"]] == ["meaning.standing"]
    assert "12 months" in refused["faults"][0]["message"]
    assert "12 个月" in refused["faults"][0]["message_zh"]
    found = await hub.post("customs", {"source": "gacc", "repaired_on": "2026-06-15"})
    assert found["control_class"] == 5
    assert (await hub.get(f"/v1/enterprises/{OWN}/standing?day=2026-06-15", "customs"))["control_class"] == 3


async def test_a_confirmed_link_counts_at_both_ends(hub: Hub) -> None:
    link = {"firms": [OTHER], "source": "one legal person"}
    hub.put(ReferenceRecord("link", f"{OWN}~suggested", 1, "2026-05-01", value=link), credit("negative", "listed"))
    assert (await hub.get(f"/v1/enterprises/{OTHER}/standing", "office"))["control_class"] == 3
    await hub.post("office", {"confirm": "link"})
    assert (await hub.get(f"/v1/enterprises/{OTHER}/standing", "office"))["control_class"] == 4
    assert hub.data.find("link", OWN, 20260601) == {**link, "persons": [], "confirmed": True, "confirmed_by": "office"}


async def test_filings_that_share_a_legal_person_are_offered_as_a_link(hub: Hub) -> None:
    for code in (OWN, OTHER):
        hub.put(ReferenceRecord("enterprise", code, 1, "2026-01-01", value={"legal_person": "b1:6d61"}))
    hub.put(credit("negative", "listed", code=OTHER))
    found = await hub.get(f"/v1/enterprises/{OWN}/standing", "office")
    assert found["links"] == [{"confirmed": False, "firms": [OTHER], "persons": 0, "source": "one legal person"}]
    assert found["control_class"] == 3
    confirmed = await hub.post("office", {"confirm": "link"})
    assert confirmed["control_class"] == 4
    assert confirmed["links"] == [{"confirmed": True, "firms": [OTHER], "persons": 0, "source": "one legal person"}]
    await hub.post("office", {"confirm": "link"}, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"confirm": "zone", "colour": "red"}',
        b"{" * 70_000,
        {},
        {"confirm": "zone", "source": "zone"},
        {"confirm": "zone"},
        {"confirm": "alert"},
        {"confirm": "link"},
        {"confirm": "everything"},
        {"source": "rumour", "level": "bad"},
        {"source": "zone", "grade": "B"},
        {"source": "decision", "class": 6, "reason": "r"},
        {"source": "decision", "class": 2},
        {"source": "negative"},
        {"source": "negative", "level": "listed", "valid_from": "2026-13-01"},
        {"source": "negative", "level": "listed", "valid_from": "soon"},
        {"source": "negative", "level": "listed", "valid_from": "2026-06-02"},
        {"source": "negative", "level": "listed", "valid_to": "2026-05-01"},
        {"source": "negative", "ended_on": "then"},
        {"source": "publication", "level": "serious"},
    ],
)
async def test_what_cannot_be_taken_is_refused_in_both_languages_and_nothing_is_published(hub: Hub, body: Any) -> None:
    refused = await hub.post("office", body, 422)
    for one in refused["faults"]:
        assert one["code"] == "meaning.standing"
        assert one["message"]
        assert re.search("[\u4e00-\u9fff]", one["message_zh"].partition("：")[2])
    assert hub.data.reached == -1


def signed_in(name: str) -> dict[str, str]:
    return {SESSION_COOKIE: session_token(SECRET, name, NOW)}


async def test_a_session_cannot_record_by_the_api(hub: Hub) -> None:
    async with hub.session.post(f"/v1/enterprises/{OWN}/standing", json={"confirm": "zone"}, cookies=signed_in("office")) as response:
        assert response.status == 401


@pytest.mark.parametrize(("language", "words"), [("en", ("Control class", "certified", "overridden")), ("zh", ("管控类别", "认证企业", "被决定覆盖"))])
async def test_the_page_of_an_enterprise_has_the_reasons_in_the_readers_language(hub: Hub, language: str, words: tuple[str, ...]) -> None:
    hub.put(*EVERYTHING)
    async with hub.session.get(f"/enterprises/{OWN}?lang={language}", cookies=signed_in("office")) as response:
        page = await response.text()
    assert [word for word in (*words, "HG-1", "kept under supervision", OTHER) if word not in page] == []
    async with hub.session.get(f"/enterprises?lang={language}", cookies=signed_in("office")) as response:
        listed = re.findall(r'href="/enterprises/(\w+)"', await response.text())
    assert listed == [OTHER, OWN]


async def test_the_page_offers_an_officer_what_its_role_may_confirm(hub: Hub) -> None:
    hub.put(*EVERYTHING, ReferenceRecord("link", f"{OWN}~suggested", 1, "2026-05-01", value={"firms": ["AGT0000003"], "source": "address"}))
    for caller, offered in (("office", ["zone", "alert", "link"]), ("customs", ["link"]), ("tax", [])):
        async with hub.session.get(f"/enterprises/{OWN}", cookies=signed_in(caller)) as response:
            assert re.findall(r'name="confirm" value="(\w+)"', await response.text()) == offered
    await hub.post("office", {"confirm": "alert"})
    async with hub.session.get(f"/enterprises/{OWN}", cookies=signed_in("office")) as response:
        assert re.findall(r'name="confirm" value="(\w+)"', await response.text()) == ["zone", "link"]


async def test_the_page_shows_an_enterprise_its_levels_and_no_class(hub: Hub) -> None:
    hub.put(*EVERYTHING)
    async with hub.session.get(f"/enterprises/{OWN}?lang=en", cookies=signed_in("agent")) as response:
        page = await response.text()
    assert "HG-1" in page
    assert [word for word in ("Control class", "Decide", "for officers", "suggest", OTHER) if word in page] == []
    async with hub.session.get("/enterprises?lang=en", cookies=signed_in("agent")) as response:
        assert re.findall(r'href="/enterprises/(\w+)"', await response.text()) == [OWN]
    async with hub.session.get(f"/enterprises/{OTHER}", cookies=signed_in("agent")) as response:
        assert response.status == 404


async def test_an_officer_decides_on_the_page_and_a_form_that_is_not_ours_is_refused(hub: Hub) -> None:
    address = f"/enterprises/{OWN}"
    form = {"source": "decision", "class": "4", "reason": "many returns", "valid_to": ""}
    for cookies in (signed_in("office"), signed_in("agent")):
        async with hub.session.post(f"{address}/standing", data=form, cookies=cookies) as response:
            assert response.status == 403
    async with hub.session.get(address, cookies=signed_in("office")) as response:
        token = re.search(r'name="csrf" value="(\w+)"', await response.text())
    assert token is not None
    async with hub.session.post(f"{address}/standing", data=form | {"csrf": token[1]}, cookies=signed_in("office")) as response:
        assert response.status == 200
        assert "many returns" in await response.text()
    assert (await hub.get(f"/v1/enterprises/{OWN}/standing", "office"))["control_class"] == 4
    withdrawn = {"csrf": token[1], "source": "decision", "ended_on": "2026-06-01"}
    async with hub.session.post(f"{address}/standing", data=withdrawn, cookies=signed_in("office")) as response:
        assert response.status == 200
    assert (await hub.get(f"/v1/enterprises/{OWN}/standing", "office"))["control_class"] == 3
    wrong = form | {"csrf": token[1], "reason": ""}
    async with hub.session.post(f"{address}/standing", data=wrong, cookies=signed_in("office")) as response:
        assert response.status == 422
        assert "meaning.standing" in await response.text()


# ---- profiles --------------------------------------------------------------------------------------------------------

PROFILE = Profile(
    enterprise=OWN,
    at=NOW,
    control_class=3,
    suggested=4,
    days=(ProfileDay("2026-05-31", 40, 2, 30, 9, 1, 20, 12, 3),),
    rates={"refusals": ProfileShare(12, 32, 37)},
    shares={"payers": ProfileShare(31, 40, 77)},
    exported={"2026": "1200"},
    remarks=(ProfileRemark("refusals", "2026-05-31", "orange"),),
    dimensions={"behaviour": 700},
    grade="BB",
    score=1290,
    reasons=(StandingReason("alert", "open", 4, "suggested"),),
    changes=(StandingChange(NOW, 5, 3, 4, (StandingReason("alert", "open", 4, "suggested"),), ()),),
)


async def test_officers_see_a_profile_whole_and_an_enterprise_what_it_traded(hub: Hub) -> None:
    await hub.get(f"/v1/enterprises/{OWN}/profile", "customs", 404)
    hub.read.profiles[OWN] = PROFILE
    whole = await hub.get(f"/v1/enterprises/{OWN}/profile", "customs")
    assert (whole["at"], whole["suggested"], whole["remarks"][0]["severity"]) == ("2026-06-01T04:00:00.000Z", 4, "orange")
    assert whole["changes"][0]["at"] == whole["at"]
    own = await hub.get(f"/v1/enterprises/{OWN}/profile", "agent")
    assert own.keys() == {"enterprise", "at", "days", "rates", "exported"}
    assert own["days"] == [
        {"day": "2026-05-31", "declarations": 40, "mismatched": 9, "released": 20, "refused": 12, "returned": 3}
    ], "how it was assessed is for officers"


async def test_the_console_shows_a_profile_to_officers_and_to_the_enterprise_its_own(hub: Hub) -> None:
    hub.read.profiles[OWN] = PROFILE
    for caller, officer in (("customs", True), ("agent", False)):
        page = await _page(hub, caller)
        assert "37" in page
        assert "refused by customs" in page
        for word in ("paid by one payer", "1290", "5 → 3", "s-orange"):
            assert (word in page) == officer, (caller, word)


async def _page(hub: Hub, caller: str) -> str:
    cookies = {SESSION_COOKIE: session_token(SECRET, caller, NOW)}
    async with hub.session.get(f"/enterprises/{OWN}", cookies=cookies, headers={"Accept-Language": "en"}) as response:
        assert response.status == 200
        return await response.text()
