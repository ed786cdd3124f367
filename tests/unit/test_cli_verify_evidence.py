"""``hub verify`` with the chain of evidence: exit 0, 1, 2 and 3, said in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group
from hub.domain import evidence
from hub.domain.evidence import MOST_LEAVES, Head
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


@pytest.mark.slow
def test_a_proof_is_found_however_many_are_before_it(folder: Path) -> None:
    key, head, made = HubKey.load(folder), Head(), []
    for first in range(0, 100_000, MOST_LEAVES):
        leaves = [(n, f"{n}", f"{n:064x}") for n in range(first, min(first + MOST_LEAVES, 100_000))]
        root = evidence.make(head, "submissions", 0, [(one[0], evidence.leaf("submissions", 0, *one)) for one in leaves], 1, key.sign, key.id)
        head = evidence.after(root)
        made.append((root, leaves))
    last = chain(key, [1], head=head)
    (folder / "evidence.jsonl").write_bytes(b"\n".join(lines(key, [*made, *last])))
    (folder / "ack.json").write_bytes(acknowledged(key, [head.last + 1])[0])
    done = verify(folder, str(folder / "ack.json"), "--evidence", str(folder / "evidence.jsonl"))
    assert done.exit_code == 0, done.output


def test_evidence_that_ends_too_early_is_not_known_yet_and_no_forgery(folder: Path) -> None:
    (folder / "ack.json").write_bytes(acknowledged(HubKey.load(folder), [77])[0])
    asked = (str(folder / "ack.json"), "--evidence", str(folder / "evidence.jsonl"))
    done = verify(folder, *asked)
    assert done.exit_code == 3
    assert "not known yet 尚不能确定: covered" in done.output
    assert "newest root 最新的根 2027-01-15T08:00:00.006Z" in done.output
    assert "NOT genuine" not in done.output
    assert "FAIL" not in done.output
    said = json.loads(verify(folder, *asked, "--json").output)
    assert (said["genuine"], said["unknown"]) == (False, True)


def test_what_is_wrong_stays_wrong_where_the_proof_is_missing_too(folder: Path) -> None:
    ack = acknowledged(HubKey.load(folder), [77])[0]
    (folder / "ack.json").write_bytes(ack.replace(b'"key":"K77"', b'"key":"K78"'))
    assert verify(folder, str(folder / "ack.json"), "--evidence", str(folder / "evidence.jsonl")).exit_code == 1
    (folder / "ack.json").write_bytes(ack)
    file = folder / "evidence.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"leaves":3', b'"leaves":2'))
    assert verify(folder, str(folder / "ack.json"), "--evidence", str(file)).exit_code == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty 文件为空"), (b"{}\n", "该行无法解析"), (b"x" * 70_000, "a line is too long 该行过长"),
        (b'{"kind":"header","format":"hub-evidence-v0","key":"k"}', "'hub-evidence-v0': an unknown form 未知的文件格式"),
    ],
)  # fmt: skip
def test_why_a_file_cannot_be_read_is_said_in_both_languages(folder: Path, content: bytes, said: str) -> None:
    (folder / "evidence.jsonl").write_bytes(content)
    done = verify(folder, "--chain", str(folder / "evidence.jsonl"))
    assert done.exit_code == 1
    assert said in done.output


@pytest.mark.parametrize("content", [b"[]", b'{"proof":{"algorithm":1}}', b'{"proof":{"path":[]}}'])
def test_why_an_acknowledgement_cannot_be_read_is_said_in_both_languages(folder: Path, content: bytes) -> None:
    (folder / "ack.json").write_bytes(content)
    done = verify(folder, str(folder / "ack.json"), "--json")
    step = json.loads(done.output)["steps"][-1]
    assert (done.exit_code, step["step"]) == (1, "format")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in step["detail"])


def test_what_cannot_be_checked_is_two(folder: Path) -> None:
    assert verify(folder).exit_code == 2
    assert verify(folder, "--chain", str(folder / "missing")).exit_code == 2
    assert verify(folder, str(folder / "ack.json"), "--chain", str(folder / "evidence.jsonl")).exit_code == 2
