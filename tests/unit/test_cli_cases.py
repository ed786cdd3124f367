"""``hub cases`` in a terminal: lists, one case whole, and an action."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result

from hub.cli import alerts, cases, group

ALERT = {"id": "a1", "rule": "R06", "handling": {"escalated": 0, "state": "assigned", "assignee": "li"}}
CASE = {
    "id": "declaration-7e3ab8808ddbb50a", "about": "AGT0000001:C1", "kind": "declaration", "state": "assigned", "severity": "red",
    "owner": "customs", "assignee": "li", "opened_at": "2026-06-01T04:00:00.000Z", "overdue": True, "alerts": 3,
}  # fmt: skip
LINE = {"at": "2026-06-01T04:00:00.000Z", "by": "li", "authority": "customs", "what": "comment", "text": "seen", "to": "", "verdict": None}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A hub that answers, and what it was asked."""
    found: list[Any] = []

    def get(path: str) -> tuple[int, Any]:
        found.append(path)
        return (200, {"items": [CASE]}) if "?" in path else (200, {**CASE, "alerts": [ALERT], "counted": 2, "history": [LINE]})

    def post(path: str, body: Any) -> tuple[int, Any]:
        found.append((path, body))
        if body["action"] == "close":
            return 409, {"faults": [{"message": "What nobody has decided cannot be closed."}]}
        return 202, {"look": "/v1/cases/x"}

    monkeypatch.setattr(cases, "Reach", lambda *_: type("Hub", (), {"get": staticmethod(get), "post": staticmethod(post)}))
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(group, ["cases", *words], env={"LANG": "C"})


def test_cases_are_listed_by_filter(asked: list[Any]) -> None:
    shown = run("list", "--severity", "red", "--overdue").stdout
    assert shown == "2026-06-01 12:00:00.000  red     ! assigned     li           3  declaration-7e3ab8808ddbb50a  AGT0000001:C1\n"
    (path,) = asked
    assert dict(parse_qsl(urlsplit(path).query)) == {"state": "open", "severity": "red", "overdue": "1", "limit": "500"}
    assert json.loads(run("list", "--json").stdout) == CASE


def test_a_case_is_shown_with_its_alerts_and_history(asked: list[Any]) -> None:
    first, alert, line = run("show", "declaration-7e3ab8808ddbb50a").stdout.splitlines()
    assert "  3  declaration-7e3ab8808ddbb50a" in first
    assert alert == "  R06      assigned     a1"
    assert line == "  2026-06-01 12:00:00.000  customs li  comment  seen"
    assert asked == ["/v1/cases/declaration-7e3ab8808ddbb50a"]


def test_an_action_is_told_and_its_refusal_ends_the_command(asked: list[Any]) -> None:
    told = run("act", "x", "decide", "--verdict", "true", "--reason", "so it was")
    assert (told.exit_code, json.loads(told.stdout)) == (0, {"look": "/v1/cases/x"})
    assert asked == [("/v1/cases/x/actions", {"action": "decide", "verdict": "true", "reason": "so it was"})]
    refused = run("act", "x", "close")
    assert refused.exit_code == 1
    assert "cannot be closed" in refused.output


def test_an_alerts_line_tells_its_state_who_has_it_and_its_case() -> None:
    one = {
        **ALERT, "at": "2026-06-01T04:00:00.000Z", "severity": "red", "declaration": "AGT0000001:C1", "message": "several orders",
        "message_zh": "多笔订单", "case": "declaration-7e3ab8808ddbb50a",
    }  # fmt: skip
    assert alerts.line(one, "en").endswith("assigned li  R06    AGT0000001:C1  several orders  declaration-7e3ab8808ddbb50a")
    assert "已指派 li" in alerts.line(one, "zh")
    again = {**one, "handling": {"state": "assigned", "assignee": "li", "escalated": 2}}
    assert "li (nobody has acknowledged it ×2)" in alerts.line(again, "en"), "said again, it must not look as it was raised"
