"""Settings → running parts: the only module that names concrete classes."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Any

from aiohttp import web
from aiokafka.errors import KafkaError

from adapters.dialects import dxp, receipts, webhook
from adapters.door import Door
from adapters.intake import Judge
from adapters.signature import Policy, SigningKey
from adapters.transports import http
from adapters.transports.file_drop import FileDrop
from adapters.transports.hook import HookClient
from adapters.trust_files import TrustFiles
from adapters.ways import Ways
from hub import codec, topics
from hub.domain.access import Access, Principal
from hub.domain.casework import Waits
from hub.domain.credentials import state
from hub.domain.deliveries import cloud_event
from hub.domain.desk import Action, Came
from hub.domain.events import Decided, HandOverOutcome, Reviewed
from hub.domain.faults import Misconfigured, Unavailable, kind_of
from hub.domain.keys import china_day
from hub.domain.matching import MatchSettings
from hub.domain.money import amount
from hub.domain.orders import Orders
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.standing import about
from hub.domain.subscriptions import Subscription
from hub.infra import evidence, key_uses
from hub.infra.audit import recorder
from hub.infra.certificates import ExpiryWatch, ending
from hub.infra.claims import Claims
from hub.infra.crypto import HubKey
from hub.infra.database import migrate
from hub.infra.feed import Feeds, Reads
from hub.infra.hosted import RSA, SM2, HostedKeys
from hub.infra.kafka import KafkaPublisher, check_partitions
from hub.infra.lag import GroupLags
from hub.infra.notices import NoticeBook, Tell
from hub.infra.participants import hook_secret, hook_secrets, shown_secret, webhook_secret
from hub.infra.process import WallClock, collect_seldom, run_in_batches, until_told
from hub.infra.reading import PostgresReader
from hub.infra.readmodel import PostgresWriter
from hub.infra.records import KafkaRecords
from hub.infra.reference import ReferenceReader, amending
from hub.infra.tls import TlsFiles
from hub.infra.vault import Vault
from hub.ports import Amend, Clock, Publisher, Row
from hub.rules import engine
from hub.settings import Settings
from hub.web.app import make_app
from hub.web.ports import Delivering, Parts
from hub.web.views import alerts, out
from streams.api import Stage
from streams.faust_driver import Options, run
from streams.project import Projector
from streams.replay import Replay, reading
from streams.runtime import Hooks
from streams.stages import cloud
from streams.stages.assess import Assess, AssessSettings
from streams.stages.bills import Bills
from streams.stages.desk import Desk
from streams.stages.gate import Gate
from streams.stages.ledger import Ledger, LedgerSettings
from streams.stages.match import Match
from streams.stages.observe import Observe
from streams.stages.register import Register, RegisterSettings
from streams.stages.resolve import Resolve
from streams.stages.split import Split
from streams.stages.watch import Watch
from streams.ticker import Ticker

log = logging.getLogger(__name__)
_HOUR_MS = 3_600_000
#: What recipients get of a record, by topic.
ITEMS: dict[str, Reads] = {topics.ALERTS: alerts.item} | {topics.out(name): out.item for name in topics.AUTHORITIES}
#: Test events on their way to subscribers at one time.
_TESTS_AT_ONCE = 8
#: How often the files that say whom to trust are looked at.
_LOOK_SECONDS = 5.0


def _needs(settings: Settings, *names: str) -> None:
    missing = [f"HUB_{name.upper()} is not set" for name in names if not getattr(settings, name)]
    if missing:
        raise Misconfigured([*missing, "hub up starts everything on one machine"])


async def serve(settings: Settings) -> None:
    """The door, the API and the console, until told to end."""
    _needs(settings, "kafka", "database")
    trust = trusting(settings)
    clock = WallClock()
    vault = Vault(settings.keys_folder)
    key = HubKey.load(settings.keys_folder)
    reference = ReferenceReader(settings.kafka, clock)
    publisher = KafkaPublisher(settings.kafka)
    claims = Claims(settings.kafka, publisher, settings.partitions, settings.data / "claims" / (settings.instance or "serve"))
    await check_partitions(settings.kafka, settings.partitions)
    await asyncio.gather(reference.start(), publisher.start())
    await asyncio.gather(reference.ready(), claims.start(), _migrated(settings.database))
    tls = tls_files(settings)
    door = Door(
        judge=judge(settings, reference, vault, trust),
        publisher=publisher,
        sealer=vault,
        sign=key.sign,
        key_id=key.id,
        claims=claims,
        clock=clock,
        settings=settings,
    )

    def webhook_secrets(name: str) -> tuple[Principal, list[bytes]] | None:
        found = reference.by_name(name)
        if found is None:
            return None
        at = clock.now()
        return found, [webhook_secret(vault.digest, name, key.hash) for key in found.keys if state(key, at) == "active"]

    hooks = HookClient(private=settings.webhook_private, timeout=settings.webhook_timeout_ms / 1000)
    lags = GroupLags(settings.kafka)
    own = settings.tls_certificate
    read = PostgresReader(settings.database)
    records = KafkaRecords(settings.kafka)
    feeds = Feeds(settings.kafka, settings.partitions, ITEMS)
    amend = amending(settings.kafka, reference, records, settings.database)
    tell = telling(publisher, clock, settings.partitions)
    app = make_app(
        Parts(
            read=read,
            records=records,
            sealer=vault,
            clock=clock,
            by_key=reference.by_key,
            by_name=reference.by_name,
            why_not=reference.why_not,
            by_certificate=reference.by_certificate,
            secure_cookies=tls is not None,
            certificates=lambda viewer: ending(reference.principals() if viewer is None else [viewer], own if viewer is None else None, clock.now()),
            session_secret=vault.digest("session", "console").encode(),
            routes=http.routes(
                door,
                reference.by_key,
                settings,
                lambda data, faults: dxp.reply_to(data, faults, dxp.china_time(clock.now())[:10]),
                webhook_secrets,
                clock.now,
                reference.why_not,
                reference.by_certificate,
            ),
            receipt_xml=receipts.message,
            reference=reference.data,
            amend_reference=observed(amend, tell),
            decide=deciding(publisher, settings.partitions),
            desk=desking(publisher, settings.partitions),
            feed=feeds.of,
            partitions=settings.partitions,
            streams_each=settings.streams_each,
            streams=settings.streams,
            delivering=delivering(settings, vault, clock, hooks, publisher, lags),
            audit=recorder(publisher),
            prover=evidence.Prover(settings.kafka, key),
        )
    )
    # the door unpacks bodies itself, under its own limits
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, keepalive_timeout=settings.idle_seconds)
    await runner.setup()
    book = NoticeBook(settings.kafka, amend, tell)
    following = asyncio.create_task(book.run(), name="notices")
    looking = asyncio.create_task(_look(trust, tls), name="files")
    watch = ExpiryWatch(
        principals=reference.principals, own=own, told=read.told, publisher=publisher, clock=clock, partitions=settings.partitions
    )
    beside = {
        asyncio.create_task(key_uses.keep(settings.database, reference.used)),
        asyncio.create_task(watch.run()),
    }
    try:
        collect_seldom()
        await web.TCPSite(runner, settings.host, settings.port, reuse_port=settings.serve_processes > 1, ssl_context=tls.context if tls else None).start()
        told = asyncio.create_task(until_told())
        await asyncio.wait({told, following}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        looking.cancel()
        await runner.cleanup()
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await door.stop()
        await claims.stop()
        await feeds.close()
        await hooks.close()
        await lags.close()
        await read.close()
        await records.close()
        await publisher.stop()
        await reference.stop()


def observed(amend: Amend, tell: Tell) -> Amend:
    """The same, and observe is told whose standing may now be another."""

    async def amend_and_tell(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        records = await amend(change)
        await tell(records)
        return records

    return amend_and_tell


def telling(publisher: Publisher, clock: Clock, partitions: int) -> Tell:
    """Tells observe whose standing may be another by published records; what is lost here it sees with its daily look."""
    inbox = topics.inbox("observe")

    async def tell(records: Sequence[ReferenceRecord]) -> None:
        rows: dict[tuple[str, int], list[Row]] = {}
        for code in dict.fromkeys(about(record.kind, record.id) for record in records):
            if code:
                key = code.encode()
                rows.setdefault((inbox, topics.partition_of(key, partitions)), []).append((key, codec.pack(Reviewed(clock.now())), []))
        with suppress(Unavailable):
            await publisher.send(rows)

    return tell


def delivering(settings: Settings, vault: Vault, clock: Clock, hooks: HookClient, publisher: Publisher, lags: GroupLags) -> Delivering:
    """What the web asks of those who send to subscribers; tests go out from this process, a few at a time."""
    drop = FileDrop(settings.drop_folder, settings.drop_backlog) if settings.drop_folder is not None else None
    ways = Ways(hooks, drop, hook_secrets(vault.digest, settings.webhook_rotation_hours), clock, lambda *said: said)
    at_once = asyncio.Semaphore(_TESTS_AT_ONCE)

    async def check(url: str) -> None:
        await hooks.resolved(url)

    async def test(subscription: Subscription) -> dict[str, object]:
        now = clock.now()
        headers = cloud.headers("hub.subscription.tested.v1", f"{subscription.id}:test:{now}", subscription.id, now)
        value = codec.to_json({"subscription": subscription.id, "title": subscription.title})
        id, type_, body = cloud_event(headers, value, "")
        async with at_once:
            verdict, note, _ = await ways.send(subscription, id, f"test-{now}.json", body)
        code, _, status = note.partition(" ") if verdict != "accepted" else ("", "", note)
        kind = kind_of(code) if code else None
        return {
            "id": id,
            "type": type_,
            "delivered": verdict == "accepted",
            "status": int(status) if status else None,
            "code": code,
            "message": kind.message if kind is not None else "",
            "message_zh": kind.message_zh if kind is not None else "",
            "milliseconds": clock.now() - now,
        }

    async def replay(items: Sequence[HandOverOutcome]) -> int:
        done = 0
        try:
            async with reading(settings.kafka) as log:
                again = Replay(publisher, log, settings.partitions, vault.open)
                for item in items:
                    done += not await again.parked(item, clock.now())
        except (KafkaError, OSError) as error:
            raise Unavailable("Kafka") from error
        return done

    return Delivering(
        lags=lags,
        replay=replay,
        check=check,
        test=test,
        secret=lambda name, number: shown_secret(hook_secret(vault.digest, name, number)),
        drop=drop is not None,
        each=settings.subscriptions_each,
    )


def deciding(publisher: Publisher, partitions: int) -> Callable[[str, Decided], Awaitable[None]]:
    """Tells the gate what an officer decided about a submission; there when it returns."""

    async def decide(submission: str, decided: Decided) -> None:
        key = submission.encode()
        await publisher.send({(topics.inbox("gate"), topics.partition_of(key, partitions)): [(key, codec.pack(decided), [])]})

    return decide


def desking(publisher: Publisher, partitions: int) -> Callable[[Mapping[str, Sequence[Came | Action]]], Awaitable[None]]:
    """Tells the desk what people do about cases (by their ids), about each in this order; there when it returns."""
    inbox = topics.inbox("desk")

    async def tell(told: Mapping[str, Sequence[Came | Action]]) -> None:
        rows: dict[tuple[str, int], list[Row]] = {}
        for case, events in told.items():
            key = case.encode()
            rows.setdefault((inbox, topics.partition_of(key, partitions)), []).extend([(key, codec.pack(one), []) for one in events])
        await publisher.send(rows)

    return tell


async def _migrated(dsn: str) -> None:
    """Tables made, if the database is there: intake does not wait for it."""
    try:
        await migrate(dsn)
    except OSError:
        return


def trusting(settings: Settings) -> TrustFiles | None:
    """The authorities that are configured, None where none are; raises Misconfigured."""
    if settings.trust_anchors is None:
        return None
    return TrustFiles(
        settings.trust_anchors,
        settings.revocation_lists,
        sha1=settings.sha1_signatures == "flagged",
        refuse_stale=settings.stale_lists == "refuse",
    )


async def _look(*files: TrustFiles | TlsFiles | None) -> None:
    """Read the files anew when they change, beside the loop."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        for one in files:
            if one is not None:
                await asyncio.to_thread(one.look)


def tls_files(settings: Settings) -> TlsFiles | None:
    """The hub's certificate and whom it lets in by one, None where it speaks plain HTTP; raises Misconfigured."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_clients, required=settings.tls_required)


def signing(keys: HostedKeys | None, kind: str) -> Callable[[Principal], SigningKey | None]:
    """Finds the key by which the hub signs for a principal, of ``kind`` where it holds several; None without a mandate or a key."""
    kinds = (kind, *({RSA, SM2} - {kind}))

    def key_of(principal: Principal) -> SigningKey | None:
        if keys is None or not principal.hosted or principal.hosting is None:
            return None
        try:
            return next((key for one in kinds if (key := keys.get(principal.name, one)) is not None), None)
        except Misconfigured as wrong:
            log.error("no hosted key of %s: %s", principal.name, wrong)  # noqa: TRY400 - its trace says nothing more
            return None

    return key_of


def judge(settings: Settings, reference: ReferenceReader, vault: Vault, trust: TrustFiles | None = None) -> Judge:
    """What the door judges messages by."""
    sha1, skew = settings.sha1_signatures == "flagged", settings.certificate_skew_seconds * 1000
    opened = settings.enrolment == "open"

    orders = Orders(reference.data)

    def access() -> Access:
        return Access(open_enrolment=opened, filed=reference.owners(), by_name=reference.by_name)

    return Judge(
        access=access,
        signatures=settings.signatures,
        digest=vault.digest,
        signing_key=signing(HostedKeys.of_settings(settings), settings.hosted_signatures),
        certificates=_prints,
        filed=None if opened else reference.filed,
        maps=webhook_maps(settings),
        dxp_id=settings.dxp_id,
        refusing=lambda codes, at: orders.refusing(china_day(at), reference.data.reached, codes),
        policy=lambda: Policy(sha1, skew, trust.trust if trust is not None else None),
    )


def webhook_maps(settings: Settings) -> dict[str, webhook.Map]:
    """How webhooks are read, by name: the hub's own maps and the operator's; raises Misconfigured."""
    own = [file for file in (resources.files("adapters.dialects") / "webhooks").iterdir() if file.name.endswith(".toml")]
    theirs = sorted(settings.webhook_maps.glob("*.toml")) if settings.webhook_maps is not None else []
    texts = {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in (*own, *theirs)}
    return {name: webhook.read_map(name, text) for name, text in texts.items()}


def _prints(principal: Principal) -> frozenset[str]:
    """Fingerprints of the certificates a principal may sign with."""
    return _fingerprints(principal.certificates)


@lru_cache(maxsize=4096)
def _fingerprints(certificates: tuple[str, ...]) -> frozenset[str]:
    return frozenset(sha256(b64decode(text)).hexdigest() for text in certificates)


def stages(settings: Settings, names: Sequence[str], vault: Vault, reference: ReferenceReader) -> list[Stage[Any]]:
    """The stages of these names, made from settings."""
    wait = MatchSettings(
        warn=int(min(settings.match_warn_hours, settings.match_wait_hours / 2) * _HOUR_MS),
        expire=int(settings.match_wait_hours * _HOUR_MS),
        tolerance=amount(settings.match_tolerance),
    )
    makers: dict[str, Callable[[], Stage[Any]]] = {
        "split": lambda: Split(vault.open, references=reference.data),
        "register": lambda: Register(
            RegisterSettings(
                overdue=settings.overdue_minutes * 60_000,
                await_declaration=wait.expire,
                summarised_frees=settings.guarantee_freed == "summarised",
            )
        ),
        "match": lambda: Match(wait),
        "assess": lambda: Assess(
            reference.data,
            settings=AssessSettings(
                notices=settings.notices,
                reject_over_allowance=settings.reject_over_allowance,
                filings_kept=settings.enrolment == "closed",
                positive_list=settings.positive_list,
                forex_threshold=amount(settings.forex_threshold),
            ),
            draw=vault.lot,
        ),
        "resolve": Resolve,
        "bills": Bills,
        "ledger": lambda: Ledger(reference.data, LedgerSettings(warn=settings.guarantee_warn_percent)),
        "watch": Watch,
        "observe": lambda: Observe(reference.data),
        "gate": lambda: Gate(reference.data),
        "desk": lambda: Desk(Waits(settings.acknowledge)),
    }
    return [makers[name]() for name in names]


def stream(settings: Settings, names: Sequence[str]) -> None:
    """Carry stages until told to end; every process that does also ticks. Blocks."""
    _needs(settings, "kafka")
    run_in_batches()
    clock = WallClock()
    vault = Vault(settings.keys_folder)
    aside = _Aside(settings.kafka, clock, names)
    aside.start()
    instance = settings.instance or f"{socket.gethostname()}-{'-'.join(names)}"
    hooks = Hooks(
        seal=lambda data: vault.seal(data, clock.now()),
        reference_ready=aside.reached,
    )
    options = Options(
        bootstrap=settings.kafka,
        instance=instance,
        data=settings.data / "states",
        session=settings.session_ms / 1000,
    )
    carried = stages(settings, names, vault, aside.reference)
    collect_seldom()
    run(carried, options, hooks)


class _Aside:
    """Reference data and ticker on a thread and loop of their own: a long batch of a stage does not stop the clock."""

    def __init__(self, bootstrap: str, clock: WallClock, names: Sequence[str]) -> None:
        self.reference = ReferenceReader(bootstrap, clock)
        self._loop = asyncio.new_event_loop()
        self._ticker = Ticker(
            bootstrap,
            [topics.inbox(name) for name in names],
            clock,
            lambda: self.reference.data.reached,
            engine.digest,
        )
        self._ready = threading.Event()

    def start(self) -> None:
        """Begin; returns when the reference data are here."""
        threading.Thread(target=self._run, name="aside", daemon=True).start()
        self._ready.wait(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        await self.reference.start()
        await self.reference.ready()
        self._ready.set()
        await self._ticker.run()

    async def reached(self, offset: int) -> None:
        """Wait, in a stage's loop, until the reference data have reached the offset."""
        if self.reference.data.reached >= offset:
            return
        waiting = asyncio.run_coroutine_threadsafe(self.reference.reached(offset), self._loop)
        await asyncio.wrap_future(waiting)


async def project(settings: Settings) -> None:
    """Keep the read model up with the topics until told to end."""
    _needs(settings, "kafka", "database")
    run_in_batches()
    await _migrated(settings.database)
    projector = Projector(settings.kafka, PostgresWriter(settings.database))
    collect_seldom()
    running = asyncio.create_task(projector.run())
    told = asyncio.create_task(until_told())
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    projector.stop()
    await running
