"""``hub samples``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from hub.cli.check import command as check
from hub.cli.samples import command as samples
from schemas import catalog, twin


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


@pytest.mark.parametrize(("type_", "edition"), [("CEB607", "2018"), ("CEB311", "202205"), ("CEB213", None), ("CEB622", None), ("ceb711", None)])
@pytest.mark.parametrize("as_json", [False, True])
def test_any_message_is_made_in_its_right_form(tmp_path: Path, type_: str, edition: str | None, *, as_json: bool) -> None:
    wanted = ["--edition", edition] if edition else []
    options = ["--message", type_, *wanted, *(["--json"] if as_json else [])]
    written = CliRunner().invoke(samples, [str(tmp_path), *options])
    assert written.exit_code == 0, written.output
    [file] = tmp_path.iterdir()
    mt = catalog.message(type_.upper())
    assert file.name == f"{mt.type}.{'json' if as_json else 'xml'}"
    text = file.read_bytes()
    if as_json:
        text = twin.xml(mt, twin.read(json.loads(text), mt)[0])
    faults = catalog.explain(etree.fromstring(text), mt, edition or "202205")
    assert [fault.path for fault in faults] == ([f"/{mt.root}/ds:Signature"] if mt.signature == "required" else [])


@pytest.mark.parametrize(("type_", "edition"), [("CEB607", "202205"), ("CEB403", "2018")])
def test_each_wrong_message_has_the_expected_code_in_its_name(tmp_path: Path, type_: str, edition: str) -> None:
    written = CliRunner().invoke(samples, [str(tmp_path), "--message", type_, "--invalid", "--edition", edition])
    assert written.exit_code == 0, written.output
    files = sorted(tmp_path.iterdir())
    assert len(files) > 200
    options = ["--schema-only", "--edition", edition, "--json"]
    checked = CliRunner().invoke(check, [*options, str(tmp_path)])
    rows = [json.loads(line) for line in checked.output.splitlines()]
    assert len(rows) == len(files)
    for row in rows:
        code = Path(row["file"]).name.split("-")[2]
        meant = code.startswith("meaning.")
        assert row["status"] == ("accepted" if meant else "refused"), row
        assert meant or row["faults"][0]["code"] == code


@pytest.mark.parametrize("options", [["--invalid"], ["--edition", "2018"], ["--message", "CEB999"],
                                     ["--message", "CEB213", "--edition", "2018"],
                                     ["--message", "CEB311", "--invalid", "--json"]])  # fmt: skip
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: list[str]) -> None:
    assert CliRunner().invoke(samples, [str(tmp_path), *options]).exit_code == 2
