"""``hub verify`` with the chain of evidence: exit 0, 1 and 2, said in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group
from hub.infra.crypto import HubKey
from tests.support.evidence import acknowledged, chain, lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Key, acknowledgement of submission 4, and the evidence of six."""
    key = HubKey.load(tmp_path)
    (tmp_path / "evidence.jsonl").write_bytes(b"\n".join([*lines(key, chain(key, [2, 3, 1])), b""]))
    (tmp_path / "ack.json").write_bytes(acknowledged(key, [4])[0])
    return tmp_path


def verify(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["verify", "--key", str(folder / "hub.pub"), *arguments])


def test_a_chain_by_itself_is_true(folder: Path) -> None:
    done = verify(folder, "--chain", str(folder / "evidence.jsonl"))
    assert done.exit_code == 0, done.output
    assert "submissions-0: 1 – 3" in done.output
    assert "genuine 真实" in done.output


def test_a_changed_root_is_named_with_line_number_and_reason(folder: Path) -> None:
    file = folder / "evidence.jsonl"
    changed = file.read_bytes().splitlines()
    number = next(n for n, line in enumerate(changed) if b'"number":2,' in line and b'"root"' in line)
    changed[number] = changed[number].replace(b'"leaves":3', b'"leaves":2')
    file.write_bytes(b"\n".join(changed))
    done = verify(folder, "--chain", str(file), "--json")
    assert done.exit_code == 1
    said = json.loads(done.output)
    assert not said["genuine"]
    assert said["steps"][-1]["step"] == "root_signature"
    assert said["steps"][-1]["detail"] == f"line {number + 1}: submissions-0 root 2"
    assert said["steps"][-1]["message_zh"]


def test_a_root_that_is_missing_is_said_in_both_languages(folder: Path) -> None:
    file = folder / "evidence.jsonl"
    kept = [line for line in file.read_bytes().splitlines() if b'"number":2,' not in line]
    file.write_bytes(b"\n".join(kept))
    done = verify(folder, "--chain", str(file))
    assert done.exit_code == 1
    assert "submissions-0 root 3: number (a root is missing" in done.output
    assert "缺少根" in done.output


def test_an_acknowledgement_is_found_under_its_root(folder: Path) -> None:
    done = verify(folder, str(folder / "ack.json"), "--evidence", str(folder / "evidence.jsonl"), "--json")
    assert done.exit_code == 0, done.output
    assert [step["step"] for step in json.loads(done.output)["steps"]] == [
        "format", "leaf", "path", "signature", "format", "key", "chain", "root_signature", "inclusion", "covered",
    ]  # fmt: skip


def test_an_acknowledgement_that_the_chain_does_not_hold_is_told(folder: Path) -> None:
    (folder / "ack.json").write_bytes(acknowledged(HubKey.load(folder), [77])[0])
    done = verify(folder, str(folder / "ack.json"), "--evidence", str(folder / "evidence.jsonl"))
    assert done.exit_code == 1
    assert "NOT genuine 不真实: covered" in done.output


def test_what_cannot_be_checked_is_two(folder: Path) -> None:
    assert verify(folder).exit_code == 2
    assert verify(folder, "--chain", str(folder / "missing")).exit_code == 2
    assert verify(folder, str(folder / "ack.json"), "--chain", str(folder / "evidence.jsonl")).exit_code == 2
