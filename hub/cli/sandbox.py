"""``hub sandbox``: made-up authorities that speak the real ones' wire format."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Container
from functools import partial

import click
import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.authorities import commerce, forex, market, tax
from adapters.authorities.bureau import scenario as answers
from adapters.authorities.bureau.item import Words
from adapters.authorities.bureau.simulator import Bureau
from adapters.authorities.bureau.store import Store as Memory
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
#: What each of the other authorities can say.
WORDS: dict[str, Words] = {"tax": tax.WORDS, "forex": forex.WORDS, "market": market.WORDS, "commerce": commerce.WORDS}


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
    conducts = answers.load(settings.authority_scenario, WORDS)
    clock = WallClock()
    await publish_anew(settings.kafka, demo_records(demo_principals(settings.data, settings.keys_folder, settings.hosted_key_file)), clock)
    demo = load_demo(settings.data)
    api_key = demo["customs"].api_key
    played = [name for name in WORDS if name in settings.sandbox_authorities]
    memories = {name: Memory(settings.data / "sandbox" / f"{name}.db") for name in played}
    bureaus = {
        name: Bureau(
            authority=name,
            words=WORDS[name],
            conduct=conducts[name],
            store=memory,
            now=clock.now,
            hub_url=hub_url,
            api_key=partial(getattr, demo[name], "api_key"),
        )
        for name, memory in memories.items()
    }
    reference = ReferenceReader(settings.kafka, clock)
    await reference.start()
    await reference.ready()
    store = Store(settings.data / "sandbox" / "customs.db")
    desk = Desk(store, flows, Signers(reference, settings.enrolment == "open"))
    simulator = Simulator(desk=desk, store=store, now=clock.now, hub_url=hub_url, api_key=lambda: api_key)
    simulator.others = {name: bureau.health for name, bureau in bureaus.items()}
    payments = PaymentDesk(settings.data / "sandbox" / "payment_data.db", Platforms(reference, clock), clock.now)
    simulator.app.add_routes(payments.routes())
    simulator.ask = payments.open
    runner = web.AppRunner(simulator.app, access_log=None)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    collect_seldom()
    working = [asyncio.create_task(run) for run in (simulator.run(), *(bureau.run() for bureau in bureaus.values()))]
    try:
        await web.TCPSite(runner, host, int(port)).start()
        click.echo(f"sandbox customs on http://{listen}/dxp, scenario {plan}", err=True)
        if played:
            click.echo(f"sandbox {', '.join(played)} at {hub_url}, scenario {settings.authority_scenario}", err=True)
        told = asyncio.create_task(until_told())
        done, _ = await asyncio.wait({*working, told}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {told}:
            task.result()
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await runner.cleanup()
        await payments.close()
        await reference.stop()
        store.close()
        for memory in memories.values():
            memory.close()


@click.group("sandbox", invoke_without_command=True)
@click.option("--listen", default=LISTEN, show_default=True, help="host:port of POST /dxp.")
@click.option("--hub", "hub_url", help="Address of the hub's door (default: HUB_LISTEN).")
@click.option("--scenario", "plan", help="A bundled scenario or a TOML file (default: setting scenario).")
@click.option("--authority-scenario", "others", help="The same for the other authorities (default: setting authority_scenario).")
@click.option("--without", multiple=True, type=click.Choice(list(WORDS)), help="An authority that is not played; may be repeated.")
@click.option("--scenarios", is_flag=True, help="List the bundled scenarios by authority and end.")
@click.pass_context
def command(
    ctx: click.Context,
    listen: str,
    hub_url: str | None,
    plan: str | None,
    others: str | None,
    without: tuple[str, ...],
    *,
    scenarios: bool,
) -> None:
    """Play the authorities: customs takes hand-overs and posts receipts, the others read their topics and answer at the hub's door.

    Example: hub sandbox --scenario out_of_order --authority-scenario silence --without market
    """
    if ctx.invoked_subcommand is not None:
        return
    if scenarios:
        _list()
        return
    settings = loaded(ctx).settings
    played = tuple(name for name in settings.sandbox_authorities if name not in without)
    settings = msgspec.structs.replace(
        settings, sandbox_authorities=played, authority_scenario=others or settings.authority_scenario
    )
    run(serve(settings, listen, hub_url or f"http://{settings.listen}", plan or settings.scenario))


def _list() -> None:
    click.echo("customs (--scenario)")
    for name in scenario.bundled():
        click.echo(f"  {name:14} {scenario.load(name).about}")
    click.echo(f"{', '.join(WORDS)} (--authority-scenario)")
    for name in answers.bundled():
        click.echo(f"  {name:14} {answers.read(name).about}")


command.add_command(conformance.command)
