"""``hub samples``."""

from __future__ import annotations

import json
import subprocess
import sys
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


def _written(folder: Path, *options: str) -> dict[str, Path]:
    written = CliRunner().invoke(samples, [str(folder), *options])
    assert written.exit_code == 0, written.output
    return {Path(line).stem: Path(line) for line in written.output.splitlines()}


def _checked(*files: Path) -> list[tuple[str, list[str]]]:
    """Message and faults of each, without the signatures that are missing."""
    rows = map(json.loads, CliRunner().invoke(check, ["--json", *map(str, files)]).output.splitlines())
    return [
        (row["message"], [fault["code"] for fault in row["faults"] if not fault["path"].endswith("ds:Signature")])
        for row in rows
    ]


@pytest.mark.parametrize("mode", ["9610", "1210", "9710", "9810"])
def test_an_export_sale_has_everything_to_departure_without_faults(tmp_path: Path, mode: str) -> None:
    files = _written(tmp_path, "--export", mode, "--flag", "A", "--collection")
    kinds = ["order", "waybill", "declaration", "collection", "consolidation", "arrival", "departure"]
    assert list(files) == kinds
    messages = ["CEB303", "CEB505", "CEB603", "CEB403", "CEB607", "CEB507", "CEB509"]
    assert _checked(*files.values()) == [(message, []) for message in messages]
    text = files["declaration"].read_text("utf-8")
    assert f"<ceb:tradeMode>{mode}<" in text
    assert "<ceb:statisticsFlag>A<" in text


_NUMBER = "29212026I000000001"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("type_", "of", "numbers"),
    [
        ("CEB623", "declaration", 1), ("CEB625", "declaration", 1), ("CEB711", "declaration", 0), ("CEB513", "waybill", 0),
        ("CEB605", "export", 1), ("CEB213", "export", 1), ("CEB215", "export", 1), ("CEB607", "export", 0),
        ("CEB507", "export", 0), ("CEB509", "export", 0), ("CEB701", "export", 2),
    ],
)  # fmt: skip
def test_what_follows_a_declaration_is_made_of_its_file(
    tmp_path: Path, type_: str, of: str, numbers: int, *, as_json: bool
) -> None:
    form = ["--json"] if as_json else []
    sale = _written(tmp_path / "sale", *(["--export", "9610"] if of == "export" else []), *form)
    source = sale["declaration" if of == "export" else of]
    invt_nos = [f"29212026{'E' if of == 'export' else 'I'}00000000{n}" for n in range(numbers)]
    given = [option for number in invt_nos for option in ("--invt-no", number)]
    [file] = _written(tmp_path / "then", "--message", type_, "--of", str(source), *given, *form).values()
    assert _checked(file) == [(type_, [])]
    assert all(number in file.read_text("utf-8") for number in invt_nos)


@pytest.mark.parametrize(
    "options",
    [
        ["--message", "CEB625"],  # customs' number is missing
        ["--message", "CEB605", "--invt-no", _NUMBER],  # of the other side
        ["--message", "CEB311"],  # follows nothing
        ["--message", "CEB625", "--invt-no", _NUMBER, "--invt-no", _NUMBER],
        [],
        ["--export", "9610"],
    ],
)
def test_what_cannot_follow_a_declaration_is_said(tmp_path: Path, options: list[str]) -> None:
    declaration = _written(tmp_path / "sale")["declaration"]
    result = CliRunner().invoke(samples, [str(tmp_path / "then"), "--of", str(declaration), *options])
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "then").exists()


def test_a_sample_has_an_element_a_line(tmp_path: Path) -> None:
    lines = _written(tmp_path)["order"].read_text("utf-8").splitlines()
    assert all(line.count("<ceb:") <= 1 for line in lines)


def test_a_reader_who_has_had_enough_gets_no_complaint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub", "samples", "--message", "CEB311", "--invalid", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
