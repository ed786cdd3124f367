"""``hub sandbox``: made-up authorities that speak the real ones' wire format."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Container
from contextlib import suppress

import click
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.authorities.customs import scenario
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.payment_data import PaymentDesk, Platform
from adapters.authorities.customs.simulator import Simulator
from adapters.authorities.customs.store import Store
from hub.cli import conformance, loaded
from hub.cli.running import run
from hub.domain.access import Principal
from hub.domain.faults import Misconfigured
from hub.domain.keys import china_day
from hub.infra.participants import demo_principals, demo_records, load_demo
from hub.infra.process import WallClock, collect_seldom, until_told
from hub.infra.reference import ReferenceReader, publish_anew
from hub.settings import Settings

#: Where the sandbox customs listens unless told otherwise.
LISTEN = "127.0.0.1:8081"


class Signers:
    """Which certificates a declarant may sign with, after the reference data; unknown ones by any demo certificate."""

    def __init__(self, reference: ReferenceReader, open_enrolment: bool) -> None:
        self._reference, self._open = reference, open_enrolment
        self._by_code: dict[str, set[str]] = {}
        self._demo: set[str] = set()
        reference.callbacks.append(lambda _: self._learn())
        self._learn()

    def __call__(self, code: str) -> Container[str] | None:
        """Fingerprints for an agentCode."""
        return self._by_code.get(code, self._demo if self._open else set())

    def _learn(self) -> None:
        by_code: dict[str, set[str]] = {}
        for principal in self._reference.principals():
            prints = _fingerprints(principal)
            for code in principal.codes:
                by_code.setdefault(code, set()).update(prints)
            if principal.demo:
                self._demo |= prints
        self._by_code = by_code


def _fingerprints(principal: Principal) -> set[str]:
    return {hashlib.sha256(b64decode(text)).hexdigest() for text in principal.certificates}


class Platforms:
    """Where platforms open their payment data, after the reference data in force today (kind ``responder``)."""

    def __init__(self, reference: ReferenceReader, clock: WallClock) -> None:
        self._reference, self._clock = reference, clock

    def __call__(self, code: str) -> Platform | None:
        """The platform of an ebpCode; None where it is not registered, or with something that is no certificate."""
        value = self._reference.data.find("responder", code, china_day(self._clock.now())) or {}
        try:
            found = x509.load_pem_x509_certificate(str(value["certificate"]).encode())
            return Platform(str(value["url"]), found.public_bytes(Encoding.DER))
        except (KeyError, ValueError):
            return None


async def serve(settings: Settings, listen: str, hub_url: str, plan: str) -> None:
    """Play the authorities until told to end."""
    if not settings.kafka:
        raise Misconfigured(["hub sandbox needs HUB_KAFKA; hub up starts everything on one machine"])
    flows = scenario.load(plan)
    clock = WallClock()
    await publish_anew(settings.kafka, demo_records(demo_principals(settings.data, settings.keys_folder, settings.hosted_key_file)), clock)
    api_key = load_demo(settings.data)["customs"].api_key
    reference = ReferenceReader(settings.kafka, clock)
    await reference.start()
    await reference.ready()
    store = Store(settings.data / "sandbox" / "customs.db")
    desk = Desk(store, flows, Signers(reference, settings.enrolment == "open"))
    simulator = Simulator(desk=desk, store=store, now=clock.now, hub_url=hub_url, api_key=lambda: api_key)
    payments = PaymentDesk(settings.data / "sandbox" / "payment_data.db", Platforms(reference, clock), clock.now)
    simulator.app.add_routes(payments.routes())
    runner = web.AppRunner(simulator.app, access_log=None)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    collect_seldom()
    sending = asyncio.create_task(simulator.run())
    try:
        await web.TCPSite(runner, host, int(port)).start()
        click.echo(f"sandbox customs on http://{listen}/dxp, scenario {plan}", err=True)
        told = asyncio.create_task(until_told())
        await asyncio.wait({sending, told}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await runner.cleanup()
        await payments.close()
        await reference.stop()
        store.close()


@click.group("sandbox", invoke_without_command=True)
@click.option("--listen", default=LISTEN, show_default=True, help="host:port of POST /dxp.")
@click.option("--hub", "hub_url", help="Address of the hub's door (default: HUB_LISTEN).")
@click.option("--scenario", "plan", help="A bundled scenario or a TOML file (default: setting scenario).")
@click.option("--scenarios", is_flag=True, help="List the bundled scenarios and end.")
@click.pass_context
def command(ctx: click.Context, listen: str, hub_url: str | None, plan: str | None, *, scenarios: bool) -> None:
    """Play customs: take hand-overs, judge them, post receipts to the hub's door.

    Example: hub sandbox --scenario out_of_order
    """
    if ctx.invoked_subcommand is not None:
        return
    if scenarios:
        for name in scenario.bundled():
            click.echo(f"{name:14} {scenario.load(name).about}")
        return
    settings = loaded(ctx).settings
    run(serve(settings, listen, hub_url or f"http://{settings.listen}", plan or settings.scenario))


command.add_command(conformance.command)
