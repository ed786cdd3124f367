"""What a command says where it cannot do what was asked: a sentence, and what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli import group
from hub.cli.reach import UNREACHABLE


def test_a_hub_that_is_away_is_told_with_what_to_do() -> None:
    with socket.socket() as bound:  # bound and not listening: nobody answers, and nobody else takes the port
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        result = CliRunner().invoke(group, ["alerts", "--url", url], env={"HUB_API_KEY": "hub_x"})
    assert result.exit_code == UNREACHABLE
    assert f"{url} does not answer" in result.output
    assert "hub up" in result.output
    assert "--url" in result.output


@pytest.mark.parametrize("what", [["AGT0000001:C1"], ["--from", "2026-06-01"]])
def test_evidence_is_not_written_over_what_is_there(tmp_path: Path, what: list[str]) -> None:
    there = tmp_path / "evidence"
    there.write_bytes(b"kept")
    result = CliRunner().invoke(group, ["export", "evidence", *what, "--output", str(there)], env={"HUB_API_KEY": "hub_x"})
    assert result.exit_code == 1
    assert "is there already" in result.output
    assert "name another file with --output" in result.output
    assert there.read_bytes() == b"kept"
