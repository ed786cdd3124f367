"""A day in the sandbox: every way of receiving, every outage, nothing lost and each sender's in order (``tests.support.day``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.day import run

pytestmark = pytest.mark.slow
#: What a day says of what came, as against what is wrong.
SEEN = ("received", "officers", "cuts of streams", "outages", "answers by authority", "customs' codes")


async def test_a_day_of_import_and_export_with_five_authorities_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = await run(tmp_path, 11, 3)
    said = json.loads(capsys.readouterr().out)
    assert code == 0, json.dumps({name: found for name, found in said.items() if name not in SEEN})
