"""``hub samples``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.check import command as check
from hub.cli.samples import command as samples


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_it_writes_lacks_nothing_but_signatures(tmp_path: Path, options: list[str]) -> None:
    written = CliRunner().invoke(samples, [str(tmp_path / "mine"), *options])
    assert written.exit_code == 0, written.output
    files = sorted((tmp_path / "mine").iterdir())
    assert [file.stem for file in files] == ["declaration", "order", "payment", "waybill"]
    checked = CliRunner().invoke(check, ["--json", *(str(file) for file in files)])
    rows = [json.loads(line) for line in checked.output.splitlines()]
    # twins are signed by the hub; of the four only a declaration has to be signed by the schema
    missing = [] if options else [("CEB621", "/CEB621Message/ds:Signature")]
    assert [(row["message"], fault["path"]) for row in rows for fault in row["faults"]] == missing
    assert [row["status"] for row in rows].count("accepted") == 4 - len(missing)
