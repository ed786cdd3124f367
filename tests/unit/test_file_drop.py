"""The file drop: whole files, stable names, a bounded backlog, and no way out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.transports.file_drop import FileDrop


def test_a_repetition_puts_the_same_file_there_again_and_nothing_half_written_is_seen(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path, 10)
    assert drop.put("market", "s1", "alerts-000-000000000000001.json", b"one") == ""
    assert drop.put("market", "s1", "alerts-000-000000000000001.json", b"one") == ""
    folder = tmp_path / "market" / "s1"
    assert [file.name for file in folder.iterdir()] == ["alerts-000-000000000000001.json"]
    assert (folder / "alerts-000-000000000000001.json").read_bytes() == b"one"
    (folder / ".alerts-000-000000000000002.json.part").write_bytes(b"of a process that was killed")
    assert drop.put("market", "s1", "alerts-000-000000000000002.json", b"two") == ""
    assert sorted(file.read_bytes() for file in folder.iterdir()) == [b"one", b"two"]


def test_the_drop_waits_when_too_many_files_wait_and_goes_on_when_they_are_collected(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path, 3)
    assert [drop.put("m", "s", f"{n}.json", b"") for n in range(5)] == ["", "", "", "webhook.backlog", "webhook.backlog"]
    assert drop.put("m", "s", "2.json", b"again") == "", "a repetition takes no room"
    assert FileDrop(tmp_path, 3).put("m", "s", "3.json", b"") == "webhook.backlog", "a new process counts what is there"
    (tmp_path / "m" / "s" / "0.json").unlink()
    assert [drop.put("m", "s", f"{n}.json", b"") for n in (3, 4)] == ["", "webhook.backlog"]
    assert drop.put("m", "other", "4.json", b"") == "", "each folder for itself"


@pytest.mark.parametrize("name", ["..", ".", "../../etc", "a/b", "/etc/passwd", "", "...", "甲", "a\x00b"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    drop = FileDrop(tmp_path / "root", 5)
    assert drop.put(name, name, name, b"x") == ""
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.relative_to(tmp_path / "root").parts == (drop.folder(name, name).parts[-2], drop.folder(name, name).parts[-1], file.name)
    assert not file.name.startswith(".")


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"untouched")
    drop = FileDrop(tmp_path / "root", 5)
    folder = drop.folder("m", "s")
    folder.mkdir(parents=True)
    (folder / "1.json").symlink_to(secret)
    (folder / ".1.json.part").symlink_to(secret)
    assert drop.put("m", "s", "1.json", b"event") == ""
    assert secret.read_bytes() == b"untouched"
    assert (folder / "1.json").read_bytes() == b"event"
    assert not (folder / "1.json").is_symlink()


def test_a_folder_that_cannot_be_written_is_told_by_a_code(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"a file where a folder should be")
    assert FileDrop(tmp_path, 5).put("m", "s", "1.json", b"x") == "webhook.folder"
