"""Rules in the web: what is on trial says so, and the page shows numbers with what they count."""

from __future__ import annotations

from hub.domain.reading import RuleFigures
from hub.domain.reference import Reference, ReferenceRecord
from hub.web.auth import SESSION_COOKIE, session_token
from tests.support.reading import FixedClock
from tests.support.site import SECRET, parts_of, served

#: 2026-06-01 12:00 in China.
NOW = 1_780_286_400_000


class Figures:
    """A read model that knows figures only."""

    async def rule_figures(self, first: int, last: int) -> RuleFigures:
        return RuleFigures(assessed=10, hits={"R09": 4}, shadow={"R09": 1}, drawn=(3, 1, 1), verdicts={"R09": (2, 1, 4)})


async def test_a_rule_that_a_record_put_on_trial_is_told_from_those_that_act() -> None:
    data = Reference()
    data.put(ReferenceRecord("parameter", "shadow-rules", 1, "2026-06-01", value={"rules": ["R09"]}), 0)
    async with served(parts_of(Figures(), FixedClock(NOW), reference=data)) as session:
        async with session.get("/v1/rules", headers={"Authorization": "Bearer key-customs"}) as response:
            told = await response.json()
        rules = {item["code"]: item for item in told["items"]}
        assert (rules["R09"]["shadow"], rules["R10"]["shadow"]) == (True, False)
        assert (rules["R09"]["values"]["LOW"], rules["R09"]["units"]["LOW"]) == ("70", "percent")
        assert [rules["R09"][name] for name in ("decided", "decided_true", "undecided")] == [3, 2, 4]
        assert told["drawn"] == {"declarations": 3, "confirmed": 1, "cleared": 1, "missed": 0.5}
        async with session.get("/v1/rules?to=2026-05-31", headers={"Authorization": "Bearer key-customs"}) as response:
            assert not any(item["shadow"] for item in (await response.json())["items"])
        cookies = {SESSION_COOKIE: session_token(SECRET, "customs", NOW)}
        async with session.get("/rules", cookies=cookies, headers={"Accept-Language": "en"}) as response:
            page = await response.text()
    assert 'id="R09"' in page
    assert "LOW 70 percent" in page
    assert page.count("<strong>in shadow</strong>") == 1
    assert "50.00 %" in page
    assert '<td class="n">2 / 3<br><span class="muted">undecided: 4</span></td>' in page
