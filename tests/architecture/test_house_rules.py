"""The house's rules, held: imports point down, everything published is explained, nothing names a machine."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hub import cli
from hub.cli.config import settings_page
from hub.domain.faults import fault_kinds

ROOT = Path(__file__).parents[2]
#: What only a developer's machine or a registry is called; written apart so that this file passes itself.
_FORBIDDEN = {
    "a machine's path": re.compile("/" + "work/|/" + r"root/|/home/[a-z]|C:\\\\Users"),
    "a registry's address": re.compile("pypi" + r"\.org|files\.python" + r"hosted|repo1?\.maven" + r"(\.apache)?\.org|registry\.npm" + "js"),
}  # fmt: skip
_TEXT = {".py", ".toml", ".md", ".sql", ".html", ".css", ".js", ".xml", ".yaml", ".txt", ".in", ".json", ".svg", ""}


def tracked() -> list[Path]:
    """The repository's text files, also those not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if Path(name).suffix in _TEXT and (ROOT / name).is_file()]


def test_imports_point_down_and_pure_rooms_are_pure() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if _FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_every_fault_is_said_in_both_languages_with_what_to_do() -> None:
    kinds = fault_kinds()
    assert kinds
    lacking = [
        f"{code}: {field}"
        for code, kind in kinds.items()
        for field in ("message", "message_zh", "remedy", "remedy_zh")
        # A finding of a rule is an officer's; there is nothing for a sender to mend.
        if not getattr(kind, field) and not (field.startswith("remedy") and code.startswith("rule."))
    ]
    assert lacking == []
    not_chinese = [code for code, kind in kinds.items() if not re.search("[\u4e00-\u9fff]", kind.message_zh)]
    assert not_chinese == []


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_of_a_fault_tell_the_same_values() -> None:
    differing = [code for code, kind in fault_kinds().items() if places(kind.message) != places(kind.message_zh)]
    assert differing == []


def test_every_value_of_a_fault_has_a_plain_name() -> None:
    odd = [code for code, kind in fault_kinds().items() for name in places(kind.message) if not name.isidentifier()]
    assert odd == []


def test_every_setting_stands_on_the_page_as_the_code_says() -> None:
    page = ROOT / "docs" / "reference" / "settings.md"
    assert page.read_text("utf-8") == settings_page(), "print it anew: hub config --markdown > docs/reference/settings.md"


def commands() -> dict[str, click.Command]:
    context = click.Context(cli.group)
    found = {name: cli.group.get_command(context, name) for name in cli.group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_explains_itself_with_an_example() -> None:
    missing = [name for name, command in commands().items() if "Example:" not in (command.help or "")]
    assert missing == []


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{p.relative_to(ROOT / 'docs')}" for p in (ROOT / "docs").rglob("*.md"))])
def test_what_a_page_tells_one_to_run_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    code = [a or b for a, b in re.findall(r"```(?:sh|bash|console)\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)]
    lines = [line.strip().removeprefix("$ ") for block in code for line in block.splitlines()]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    known = {"make": targets, "hub": set(commands())}
    called = [match.groups() for line in lines if (match := re.match(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(make|hub) ([a-z]+)", line))]
    assert [f"{program} {name}" for program, name in called if name not in known[program]] == []


@pytest.mark.parametrize("page", sorted(str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
