"""``hub held`` in a terminal: what is held until when, and the officer's decision."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import group, held

ITEM = {
    "submission": "s1", "state": "held", "since": "2026-06-01T04:00:00.000Z", "until": "2026-06-01T05:00:00.000Z", "principal": "agent",
    "documents": ["AGT0000001:C1"], "decisions": [], "yours": ["customs"],
    "orders": [
        {"order": "customs~1", "assessed": False, "ended": ""}, {"order": "customs~2", "assessed": True, "ended": "limit"},
    ],
}  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A hub that answers, and what it was asked."""
    asked: list[Any] = []

    def get(path: str) -> tuple[int, Any]:
        asked.append(path)
        return 200, {"items": [ITEM]}

    def post(path: str, body: Any) -> tuple[int, Any]:
        asked.append((path, body))
        if body["decision"] == "refuse" and not body["reason"]:
            return 422, {"faults": [{"message": "a refusal has a reason"}]}
        return 200, {**ITEM, "state": "gone", "until": None}

    monkeypatch.setattr(held, "Reach", lambda *_: type("Hub", (), {"get": staticmethod(get), "post": staticmethod(post)}))
    return asked


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["held", *arguments])


def test_it_lists_what_is_held_until_when_and_by_which_orders(hub: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "language", lambda: "en")
    assert run().output == "2026-06-01 13:00:00.000  s1  AGT0000001:C1  customs~1 (assessment awaited)\n"
    assert json.loads(run("--json", "--state", "held").output) == ITEM
    assert hub == ["/v1/held?limit=1000&state=held"] * 2


def test_it_decides_and_says_what_was_not_taken(hub: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "language", lambda: "zh")
    assert run("--release", "AGT0000001:C1").output == "–  s1  AGT0000001:C1  已移交\n"
    assert hub == [("/v1/held/AGT0000001:C1/decision", {"decision": "release", "reason": ""})]
    refused = run("--refuse", "s1")
    assert (refused.exit_code, refused.output) == (1, "Error: 422 a refusal has a reason\n")
    assert run("--refuse", "s1", "--release", "s1").exit_code == 2
