"""``hub reference screen`` in a terminal: whose name resembles a listed one, by the setting or the option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import group, reference
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.reference_files import read


class Reader:
    """Reference data with two enterprises."""

    def __init__(self, *_: Any) -> None:
        self.data = Reference()
        for code, name in (("TRADER0001", "深圳市宏达贸易有限公司"), ("TRADER0002", "深圳市宏大科技有限公司")):
            self.data.put(ReferenceRecord("enterprise", code, 1, "2016-01-01", value={"name": name}), 0)

    async def start(self) -> None: ...

    async def ready(self) -> None: ...

    async def stop(self) -> None: ...


def screened(folder: Path, *options: str, **environ: str) -> Result:
    names = folder / "names.txt"
    names.write_text("Shenzhen Hongda Trading Co., Ltd\n", "utf-8")
    return CliRunner().invoke(group, ["reference", "screen", str(names), *options], env={"HUB_KAFKA": "nowhere:1", **environ})


@pytest.mark.parametrize(
    ("options", "environ", "codes"),
    [
        ((), {}, ["TRADER0001"]),
        ((), {"HUB_RESEMBLES_PERCENT": "80"}, ["TRADER0001", "TRADER0002"]),
        (("--least", "81"), {"HUB_RESEMBLES_PERCENT": "80"}, ["TRADER0001"]),
    ],
)
def test_names_resemble_by_the_setting_or_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], environ: dict[str, str], codes: list[str]
) -> None:
    monkeypatch.setattr(reference, "ReferenceReader", Reader)
    target = tmp_path / "screening.toml"
    result = screened(tmp_path, "--write", str(target), *options, **environ)
    assert result.exit_code == 1, result.output
    assert [line.split()[0] for line in result.output.splitlines() if "resembles" in line] == codes
    assert [record.id for record in read(target)] == [f"{code}~screening" for code in codes]


def test_a_share_that_is_none_is_refused(tmp_path: Path) -> None:
    result = screened(tmp_path, HUB_RESEMBLES_PERCENT="40")
    assert "resembles_percent" in result.output
    assert result.exit_code == 1


def test_what_nothing_reads_is_loaded_with_a_warning_that_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "zone.toml"
    records = (("selektion", "{ base = 2 }"), ("shadow-rules", '{ rules = ["R09", "R99"] }'), ("selection", "{ base = 2 }"))
    file.write_text(
        "".join(f'[[record]]\nkind = "parameter"\nid = "{id}"\nvalid_from = 2026-06-01\nvalue = {value}\n' for id, value in records)
    )
    said = CliRunner().invoke(group, ["reference", "load", str(file), "--dry-run"])
    assert said.exit_code == 0, said.output
    assert "warning: no parameter selektion is read; selection is" in said.output
    assert "warning: there is no rule R99" in said.output
    assert said.output.count("warning") == 2
    assert "3 records, no fault" in said.output
