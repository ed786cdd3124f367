"""``hub worklist`` in a terminal: what is open, the summary that is due, the application written to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from hub.cli import group, worklist
from hub.domain import summary
from hub.domain.reading import SummaryGroup
from hub.domain.summary import Closed, Goods, Line
from hub.web import story
from hub.web.views.summaries import group_json, table
from tests.support.reading import CALLERS, MIDNIGHT, Case

MONTH = "2025-11"
GOODS = Goods("EBC0000001", "5", "=1+1", "502", "2244", "2900", (Line("3304990039", "502", "142", "007", 200_000, 5_000_000),))
ENTRIES = summary.entries([Closed("AGT0000001", f"N{n}", GOODS) for n in range(3)])
SHOWN = {
    "month": MONTH, "due": "", "due_day": "2025-12-15", "days_left": 9, "by": "owner", "complete": True, "declarations": 3,
    "entries": [summary.entry_values(entry) for entry in ENTRIES],
}  # fmt: skip


def work() -> dict[str, Any]:
    agent = CALLERS["key-agent"]
    rejected = Case(1).status("declaration", 5, "rejected", code="100", text="[Code:1320;Desc:made up]", message="CEB621")
    late = SummaryGroup("AGT0000001", summary.due_of(MONTH), 3, MIDNIGHT)
    return {"items": [story.work_json(agent, rejected, MIDNIGHT)], "summaries": [group_json(late, MIDNIGHT)]}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A hub that answers, and what it was asked."""
    asked: list[str] = []

    def get(path: str) -> tuple[int, Any]:
        asked.append(path)
        if "format=message" in path:
            made = summary.application(ENTRIES, MONTH, MIDNIGHT, names={}, dxp_id="", by_owner=True)
            return 200, made
        return (200, SHOWN) if "summary" in path else (200, work())

    monkeypatch.setattr(worklist, "Reach", lambda *_: type("Hub", (), {"get": staticmethod(get)}))
    return asked


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["worklist", *arguments], catch_exceptions=False)


@pytest.mark.usefixtures("hub")
def test_the_worklist_begins_with_what_is_due_and_says_customs_words_and_the_next_step() -> None:
    for language, due, step in (("en", "34 days left", "CEB701"), ("zh", "剩余 34 天", "汇总申请单")):
        text = click.unstyle(run("--language", language).output)
        assert due in text
        assert step in text
        assert text.index(due) < text.index("[Code:1320;Desc:made up]")
        assert f"hub worklist --summary {MONTH}" in text
    lines = [json.loads(line) for line in run("--json").output.splitlines()]
    assert [line["need"] for line in lines] == ["summary", "rejected"]
    assert lines[1]["next_step"] == lines[1]["status"]["next"]


def test_the_preview_is_told_and_the_application_written(hub: list[str], tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    result = run("--summary", MONTH, "--write", str(file), "--language", "zh")
    assert "3 份清单 → 1 份报关单" in result.output
    assert "3304990039" in result.output
    assert json.loads(file.read_text("utf-8"))["message"] == "CEB701"
    assert all(f"month={MONTH}" in path for path in hub)


def test_writing_needs_a_month(tmp_path: Path) -> None:
    assert run("--write", str(tmp_path / "x")).exit_code == 2


def test_a_spreadsheet_is_given_no_formula() -> None:
    assert b",'=1+1," in table(ENTRIES)


@pytest.mark.usefixtures("hub")
def test_a_month_without_anything_to_summarise_is_told_so_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHOWN, "declarations", 0)
    monkeypatch.setitem(SHOWN, "entries", [])
    told = run("--summary", MONTH, "--language", "en")
    assert (told.exit_code, told.output.startswith("nothing to summarise")) == (0, True)
    file = tmp_path / "summary.json"
    written = run("--summary", MONTH, "--write", str(file), "--language", "zh")
    assert (written.exit_code, file.exists(), "404" in written.output) == (1, False, False)
    assert "无需汇总" in written.output


def test_one_is_counted_as_one() -> None:
    assert [worklist._counted(n, "entry", "entries") for n in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
