"""``hub schemas``: what it writes judges without the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from hub.cli.schemas import command as schemas
from schemas import catalog, made


def test_the_schemas_of_both_sides_and_editions_are_written_and_compile(tmp_path: Path) -> None:
    written = CliRunner().invoke(schemas, [str(tmp_path)])
    assert written.exit_code == 0, written.output
    assert {Path(line) for line in written.output.splitlines()} == {f for f in tmp_path.rglob("*") if f.is_file()}
    for edition in catalog.EDITIONS:
        folder = tmp_path / edition
        by_side = {side: etree.XMLSchema(etree.parse(folder / f"{side}.xsd")) for side in ("import", "export")}
        known = [mt for mt in catalog.messages() if edition in mt.editions]
        assert {file.stem for file in (folder / "json").iterdir()} == {mt.type for mt in known}
        for mt in known:
            judge = by_side["export" if mt.side == "export" else "import"]
            assert judge(etree.fromstring(made.message(mt, seed=1, edition=edition, sealed=True)))
            assert json.loads((folder / "json" / f"{mt.type}.json").read_text("utf-8")) == catalog.json_schema(mt, edition)


def test_one_side_of_one_edition_is_written_alone(tmp_path: Path) -> None:
    written = CliRunner().invoke(schemas, ["--edition", "2018", "--side", "export", str(tmp_path)])
    assert written.exit_code == 0, written.output
    assert {f.name for f in (tmp_path / "2018").iterdir()} == {"export.xsd", "xmldsig.xsd", "json"}
    assert not (tmp_path / "202205").exists()
    assert "CEB311.json" not in {f.name for f in (tmp_path / "2018" / "json").iterdir()}


@pytest.mark.parametrize("options", [["--side", "both"], ["--edition", "2019"]])
def test_other_sides_and_editions_are_refused(tmp_path: Path, options: list[str]) -> None:
    assert CliRunner().invoke(schemas, [*options, str(tmp_path)]).exit_code == 2
