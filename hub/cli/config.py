"""``hub config``: the settings in force and where each comes from."""

from __future__ import annotations

import ast
import inspect
import json

import click

from hub import settings as module
from hub.cli import loaded
from hub.settings import CHOICES, OTHER_NAMES, Settings, shown


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--markdown", is_flag=True, help="The page of all settings instead, as docs/reference/settings.md.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool, markdown: bool) -> None:
    """Print the settings in force and from where; secrets are hidden.

    Example: HUB_PARTITIONS=24 hub config
    """
    if markdown:
        click.echo(settings_page(), nl=False)
        return
    found = loaded(ctx)
    for name, source in found.sources.items():
        value = shown(name, getattr(found.settings, name))
        if as_json:
            click.echo(json.dumps({"setting": name, "value": value, "source": source}))
        else:
            click.echo(f"{name:24} {value:40} {source}")


def settings_page() -> str:
    """``docs/reference/settings.md``: every setting with its default and what its author says of it."""
    out = [
        "# Settings",
        "",
        "<!-- printed by `hub config --markdown`; do not edit -->",
        "",
        "In `hub.toml` under the first name (another file by `--config`), in the environment under the second, which goes",
        "before; lists in the environment are separated by `;`. `hub config` prints what is in force and from where. A wrong",
        "or unknown setting stops the start and is named. (P) marks a number of our own where no official one is known.",
        "",
        "| `hub.toml` | environment | default | what |",
        "|---|---|---|---|",
    ]
    defaults = Settings()
    for name, text in _explained().items():
        default = shown(name, "" if (value := getattr(defaults, name)) is None else value)
        choice = f" One of {', '.join(CHOICES[name])}." if name in CHOICES else ""
        said = " ".join(text.split()).replace("|", "\\|").replace("``", "`") + choice
        out.append(f"| `{name}` | `HUB_{name.upper()}` | {f'`{default}`' if default else ''} | {said} |")
    out += ["", "Only in the environment:", "", "| name | what |", "|---|---|"]
    out += [f"| `{name}` | {text} |" for name, text in OTHER_NAMES.items()]
    return "\n".join(out) + "\n"


def _explained() -> dict[str, str]:
    """{setting: the string below it in the source}; a setting without one is a mistake of ours."""
    (kind,) = (node for node in ast.parse(inspect.getsource(module)).body if getattr(node, "name", "") == "Settings")
    assert isinstance(kind, ast.ClassDef)
    texts: dict[str, str] = {}
    for node, after in zip(kind.body, kind.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert isinstance(after, ast.Expr), f"{node.target.id} is not explained"
            texts[node.target.id] = ast.literal_eval(after.value)
    return texts
