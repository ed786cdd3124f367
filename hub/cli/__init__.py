"""The command line: a file a command, loaded when it is called."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from hub import VERSION
from hub.settings import PROCESSES, Loaded, SettingsError, load

#: Every command, in the order ``hub --help`` shows them; each is ``hub/cli/<name>.py`` with a ``command``.
COMMANDS = (
    "up",
    "samples",
    "submit",
    "check",
    "schemas",
    "trace",
    "worklist",
    "alerts",
    "cases",
    "held",
    "verify",
    "participants",
    "rules",
    "reference",
    "replay",
    "topics",
    "doctor",
    "config",
    "bench",
    "export",
    "serve",
    "stream",
    "project",
    "deliver",
    "evidence",
    "keys",
    "sandbox",
    "responder",
)


class _Lazy(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for name in COMMANDS if find_spec(f"hub.cli.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS or not find_spec(f"hub.cli.{cmd_name}"):
            return None
        command = import_module(f"hub.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.command("hub", cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (default: hub.toml where there is one).")
@click.version_option(VERSION)
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Single window for cross-border e-commerce · 跨境电商单一窗口.

    Example: hub up --demo
    """
    ctx.obj = config


def loaded(ctx: click.Context, *, alone: bool = False, **over: object) -> Loaded:
    """The settings in force for a command; ``over`` are its own options, as the environment would give them.

    Where no servers are named and ``hub up`` runs on the state folder, those are its servers (``alone``: not so).
    """
    environ = dict(os.environ)
    if "HUB_CONFIG" in environ and ctx.obj is None:
        ctx.obj = Path(environ["HUB_CONFIG"])
    environ |= {f"HUB_{name.upper()}": str(value) for name, value in over.items() if value is not None}
    try:
        found = load(environ, ctx.obj)
    except SettingsError as error:
        raise click.ClickException("\n".join(error.problems)) from error
    if ctx.info_name in PROCESSES:
        from hub.infra import telemetry

        telemetry.configure(ctx.info_name, found.settings.log_level)
    return found if alone else _with_servers_of_up(found)


def _with_servers_of_up(found: Loaded) -> Loaded:
    from hub.infra.supervisor import running

    up = running(found.settings.data)
    names = [name for name in ("kafka", "database", "listen") if name in up and found.sources[name] == "default"]
    settings = msgspec.structs.replace(found.settings, **{name: up[name] for name in names})
    return Loaded(settings, found.sources | dict.fromkeys(names, "hub up"))
