"""``hub sandbox conformance``: takes a participant through everything that can happen to what it sends."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from adapters.signature import SigningKey
from hub import conformance, sm2
from hub.cli import loaded
from hub.cli.principals import principals
from hub.cli.reach import UNREACHABLE
from hub.conformance import MARKS, Participant, Step
from hub.domain.access import ROLES, messages_of
from hub.domain.faults import HubError, Misconfigured
from hub.infra.crypto import HostedKey
from hub.infra.participants import DEMO, hosted_key, load_demo
from hub.settings import Settings


@click.command("conformance")
@click.option("--as", "name", required=True, help="The participant.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its private key, PEM; without one JSON is sent.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The key's certificate, PEM.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Its roles, where the hub's Kafka cannot be asked.")
@click.option("--code", "codes", multiple=True, help="Its enterprise codes, in the same case.")
@click.option("--dxp-id", default="", help="Its number on the exchange platform, in the same case.")
@click.option("--message", "only", multiple=True, help="Only these messages (CEB311).")
@click.option("--wait", type=click.FloatRange(1, 600), default=60.0, show_default=True, metavar="SECONDS", help="How long receipts are waited for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a step.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a report in Markdown too.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    url: str | None,
    key: Path | None,
    certificate: Path | None,
    roles: tuple[str, ...],
    codes: tuple[str, ...],
    dxp_id: str,
    only: tuple[str, ...],
    wait: float,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Send what a participant may send, right and wrong, and say what is not as it should be, with how to mend it.

    For each message type of its roles: accepted, the same bytes again, flagged, refused by schema, signature and access,
    repeated under an Idempotency-Key, answered by customs. The API key is HUB_API_KEY; principals of the sandbox are known
    with key and certificate. It sends made-up documents: use it with the sandbox.

    Exit status: 0 nothing failed, 1 some step did, 2 the hub could not be reached.

    Example: hub sandbox conformance --as platform --report platform.md
    """
    settings = loaded(ctx).settings
    if (key is None) != (certificate is None):
        raise click.UsageError("--key and --certificate go together")
    address = url or f"http://{settings.listen}"
    try:
        who = _participant(settings, name, _signing(key, certificate), roles, codes, dxp_id)
    except HubError as error:
        raise click.ClickException(str(error)) from error
    may = [type_ for type_ in conformance.message_types(who.roles) if type_ in (who.messages or (type_,))]
    types = [type_ for type_ in may if type_ in (only or (type_,))]
    if not types:
        raise click.ClickException(f"{name} may hand in {', '.join(may) or 'nothing'}")
    tell = _json_line if as_json else _Printer()
    steps = asyncio.run(conformance.rehearsed(address, who, types, now=time.time_ns() // 1_000_000, seconds=wait, tell=tell))
    if report is not None:
        report.write_text(conformance.markdown(name, address, steps, datetime.now(UTC).isoformat(timespec="seconds")), "utf-8")
    failed = sum(step.outcome == "failed" for step in steps)
    if not as_json:
        click.echo(f"\n{len(steps)} steps, {failed} failed · 共 {len(steps)} 步，{failed} 步未通过")
    unreached = all(step.came == conformance.NO_ANSWER for step in steps if step.outcome == "failed")
    sys.exit(0 if not failed else UNREACHABLE if unreached else 1)


def _signing(key: Path | None, certificate: Path | None) -> SigningKey | None:
    """The participant's own key, RSA or SM2."""
    if key is None or certificate is None:
        return None
    texts = key.read_bytes(), certificate.read_bytes()
    for kind in (HostedKey, sm2.PrivateKey):
        try:
            return kind.from_pem(*texts)
        except (ValueError, TypeError, HubError):
            continue
    raise click.ClickException(f"{key} and {certificate} are no RSA or SM2 key and its certificate")


def _participant(
    settings: Settings, name: str, key: SigningKey | None, roles: tuple[str, ...], codes: tuple[str, ...], dxp_id: str
) -> Participant:
    """Who it is: after the options, the sandbox's principals, or the reference data."""
    api_key = os.environ.get("HUB_API_KEY", "")
    messages: tuple[str, ...] = ()
    others = [code for demo in DEMO if demo.name != name for code in demo.codes]
    known = load_demo(settings.data) if (settings.data / "demo" / "principals.json").exists() else {}
    if name in known:
        entry = known[name]
        api_key, key = api_key or entry.api_key, key or (hosted_key(entry) if entry.key else None)
        roles, codes, dxp_id = roles or tuple(entry.roles), codes or tuple(entry.codes), dxp_id or entry.dxp_id
    elif not (roles and codes and dxp_id):
        found = next((one for one in asyncio.run(principals(settings)) if one.name == name), None)
        if found is None:
            raise Misconfigured([f"there is no principal {name!r}: hub participants add, or say --role, --code and --dxp-id"])
        roles, codes, dxp_id = roles or found.roles, codes or found.codes, dxp_id or next(iter(found.dxp_ids), "")
        messages = tuple(messages_of(found))
    if not api_key:
        raise Misconfigured(["no API key: set HUB_API_KEY"])
    if not codes or not dxp_id:
        raise Misconfigured([f"{name} has no enterprise code or no number on the exchange platform (hub participants add --code --dxp-id)"])
    foreign = next((code for code in others if code not in codes), "")
    return Participant(name, api_key, tuple(roles), tuple(codes), dxp_id, foreign, key, messages)


def _json_line(step: Step) -> None:
    click.echo(json.dumps(msgspec.to_builtins(step), ensure_ascii=False))


class _Printer:
    """A heading a message, a line a step, and below one that failed what was expected and how to mend it, in both languages."""

    def __init__(self) -> None:
        self._message = ""

    def __call__(self, step: Step) -> None:
        if step.message != self._message and step.step != "receipt":
            self._message = step.message
            click.echo(f"\n{step.message}")
        name = f"receipt {step.message}" if step.step == "receipt" else step.step
        click.echo(f"  {MARKS[step.outcome]} {name:17} {step.came}")
        if step.outcome == "failed":
            click.echo(f"      sent     {step.sent} · {step.sent_zh}\n      expected {step.expected} · {step.expected_zh}")
            click.echo(f"      mend     {step.mend}\n      处理     {step.mend_zh}")
