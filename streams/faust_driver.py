"""Faust carries the stages: membership, assignment, commits for lag displays, and service life are its own.

One Faust app and consumer group a stage (``hub-<stage>``), several in one process. Fetched batches go whole to the runtime;
of Faust's consumer only what stands in ``_Consumer`` is replaced, and tests/contract/test_runtime_internals.py pins what that
rests on. Nothing else in the hub but the bench's yardstick imports Faust.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faust
import msgspec
import uvloop
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.abreast import Abreast
from streams.api import Stage
from streams.lease import Lease
from streams.limits import WIDE, Limits
from streams.log import KafkaLog
from streams.pace import IDLE, Hold, Pace
from streams.runtime import Hooks, Runtime
from streams.store import Memory, MemoryStore, RocksStore, Store

log = logging.getLogger(__name__)

#: Seconds after which a stage that is held looks again.
_HELD_SECONDS = 0.05
#: Seconds a graceful end may take; then the process ends as by a crash, which is just as safe.
STOP_SECONDS = 15.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How stages are carried.

    ``instance``: this process's name in its groups; a twin of the same name takes over at once. ``data``: folder of the
    states, None keeps them in memory. ``session``, ``rebalance``: seconds until a silent member loses its partitions, and
    members may take to rejoin. ``records``, ``fetch_bytes``: of one fetch, bytes for each partition. Under load the
    broker holds a fetch back for ``gather`` seconds or until ``gather_bytes`` are there: a commit costs nearly the same for one
    event as for a hundred. ``abreast``: stages whose inbox is read by
    time across its partitions (``streams.abreast``). ``hold``: the first stage waits while the second, carried here too, has ``hold_events`` before it: what is late
    waits in ``submissions``, where it costs nothing, instead of between stages, where every step of it would find its state cold.
    """

    bootstrap: str
    instance: str
    data: Path | None = None
    session: float = 6.0
    rebalance: float = 10.0
    heartbeat: float = 0.5
    records: int = 16_000
    fetch_bytes: int = 2 << 20
    gather: float = 0.3
    gather_bytes: int = 2 << 20
    abreast: tuple[str, ...] = ("split",)
    hold: tuple[str, str] = ("split", "register")
    hold_events: int = 8_000
    limits: Limits = Limits()

    def limits_of(self, stage: str) -> Limits:
        """The bounds of a stage: gate's states are whole messages."""
        return WIDE if stage == "gate" else self.limits


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types here
    """Lets the lease see the coordinator's answers, and the broker gather what a fetch brings."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms, consumer._fetch_min_bytes = IDLE
        return consumer

    def hold(self, hold: Hold) -> None:
        """Have the next fetch held back so."""
        fetcher = self._consumer._fetcher if self._consumer is not None else None
        if fetcher is not None:
            fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = hold

    async def on_start(self) -> None:
        await super().on_start()
        self.app.lease.watch(self._consumer._coordinator)


class _Consumer(driver.Consumer):  # type: ignore[misc]
    """Hands whole fetches to the runtime, and seeks where the changelog says."""

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                records, _ = await self._wait_next_records(self.app.pace.patience)
                if not records:
                    self._thread.hold(self.app.pace.nothing())
                if self.app.abreast is not None:
                    records = self._abreast(self.app.abreast, records)
                if records:
                    await self._held(fetcher)
                    # Never cancelled: a flush in flight ends, whoever stops the fetcher.
                    await asyncio.shield(asyncio.ensure_future(self._handle(records)))
                else:
                    await asyncio.sleep(0)
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not (self.transport.app.should_stop or fetcher.should_stop):
                raise

    async def _getmany(self, active_partitions: set[Any] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        abreast = self.app.abreast
        if abreast is not None and abreast.kept and active_partitions:
            active_partitions = {place for place in active_partitions if place.partition not in abreast.kept}
        return await super()._getmany(active_partitions, timeout)

    def _abreast(self, abreast: Abreast, records: Mapping[Any, Sequence[Any]] | None) -> dict[Any, Sequence[Any]]:
        runtime = self.app.runtime
        fetched = {place.partition: some for place, some in (records or {}).items()}
        taken = abreast.take(fetched, runtime.end_of)
        return {TP(runtime.stage.inbox, number): some for number, some in taken.items()}

    async def _held(self, fetcher: Any) -> None:
        while self.app.held() and self.flow_active and not (self.should_stop or fetcher.should_stop):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(_HELD_SECONDS)

    async def _handle(self, records: Mapping[Any, Sequence[Any]]) -> None:
        runtime, end = self.app.runtime, self.app.hooks.end
        async with self.app.busy:
            if not self.flow_active or self.app.consumer_generation_id != runtime.generation:
                return  # perform_seek follows
            before = runtime.written
            try:
                gaps = await runtime.handle({place.partition: some for place, some in records.items()})
                if gaps:
                    log.warning("%s: gaps in partitions %s", runtime.stage.name, gaps)
                    await runtime.skip_deleted()
                    if self.app.abreast is not None:
                        self.app.abreast.clear()
                    await self.seek_wait(self._positions(gaps))
                self._thread.hold(self.app.pace.after(runtime.written - before, time.monotonic()))
            except Exception as error:
                log.exception("%s: a batch failed", runtime.stage.name)
                end(f"a batch failed: {type(error).__name__}")

    def _positions(self, numbers: Iterable[int]) -> dict[Any, int]:
        runtime = self.app.runtime
        return {TP(runtime.stage.inbox, number): runtime.partitions[number].next for number in numbers}

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self.stop_flow()
        async with self.app.busy:  # a flush in flight ends before we rejoin
            pass
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        async with self.app.busy:
            await super().on_stop()

    async def perform_seek(self) -> None:
        if self.app.abreast is not None:
            self.app.abreast.clear()
        # The changelog's own position: what Kafka has committed is for displays.
        await self.seek_wait(self._positions(self.app.runtime.partitions))

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[Any]:  # noqa: ARG002 - Faust's signature
        return list(self._positions(self.app.runtime.partitions))

    def _new_offset(self, tp: Any) -> int | None:
        partition = self.app.runtime.partitions.get(tp.partition)
        return partition.next if partition is not None else None

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust looks for streams and acknowledgements here, and there are none."""


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer


class _App(faust.App):  # type: ignore[misc]
    """A Faust app with a runtime; ``busy`` is held while a batch or a load is on its way."""

    runtime: Runtime[Any]
    kafka: KafkaLog
    lease: Lease
    hooks: Hooks
    busy: asyncio.Lock
    pace: Pace
    #: Whether the stage has to wait.
    held: Callable[[], bool]
    abreast: Abreast | None

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)


async def serve(
    stages: Sequence[Stage[Any]], options: Options, hooks: Hooks, stop: asyncio.Event, ready: Callable[[str], None] | None = None
) -> None:  # fmt: skip
    """Carry the stages until ``stop`` is set; ``ready`` hears a stage's name once it has its partitions.

    Whatever goes wrong ends the process (``streams.lease.EXIT_LOST``): its supervisor starts it anew.
    """
    memory = Memory() if options.data is not None else None
    apps = [_make(stage, options, hooks, memory, ready or _nobody) for stage in stages]
    carried = {app.runtime.stage.name: app for app in apps}
    first, second = (carried.get(name) for name in options.hold)
    if first is not None and second is not None:
        first.held = partial(_is_behind, second.runtime, options.hold_events)
    for app in apps:
        app.finalize()
    await asyncio.gather(*(app.maybe_start() for app in apps))
    ended = [asyncio.ensure_future(_wait(app)) for app in apps]
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopping, *ended], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        hooks.end("a stage's service ended by itself")
    try:
        await asyncio.wait_for(_stop(apps), STOP_SECONDS)
    except Exception as error:
        hooks.end(f"stopping failed: {type(error).__name__}")
    for task in (stopping, *ended):
        task.cancel()


def run(
    stages: Sequence[Stage[Any]], options: Options, hooks: Hooks, ready: Callable[[str], None] | None = None
) -> None:
    """``serve`` on a loop of its own until SIGTERM or SIGINT."""
    # Faust's consumer threads make loops of their own by the policy.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(stages, options, hooks, stop, ready)

    asyncio.run(main())


def _is_behind(runtime: Runtime[Any], events: int) -> bool:
    return runtime.lag() >= events


def _nobody(name: str) -> None:
    log.info("%s is ready", name)


async def _wait(app: Any) -> None:
    await app.wait_until_stopped()


async def _stop(apps: Sequence[Any]) -> None:
    for app in apps:
        await app.stop()
        app.runtime.close()
        await app.kafka.stop()


def _make(
    stage: Stage[Any], options: Options, hooks: Hooks, memory: Memory | None, ready: Callable[[str], None]
) -> _App:  # fmt: skip
    """A stage's app: its group, its runtime, and the loading of states after each rebalance."""
    app = _App(
        f"hub-{stage.name}",
        broker=f"kafka://{options.bootstrap}".replace(",", ";kafka://"),
        store="memory://",
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=str(options.data or "."),
        broker_session_timeout=options.session,
        broker_heartbeat_interval=options.heartbeat,
        broker_rebalance_timeout=options.rebalance,
        broker_max_poll_records=options.records,
        consumer_max_fetch_size=options.fetch_bytes,
        consumer_group_instance_id=options.instance,
        consumer_auto_offset_reset="earliest",
    )
    app.hooks = hooks
    app.held = lambda: False
    app.abreast = Abreast() if stage.name in options.abreast else None
    app.pace = Pace(Hold(int(options.gather * 1000), options.gather_bytes))
    app.busy = asyncio.Lock()
    app.lease = Lease(options.session, options.rebalance, end=hooks.end)
    app.kafka = KafkaLog(options.bootstrap)
    app.runtime = Runtime(stage, app.kafka, lambda: _store(stage, options, memory), hooks, options.limits_of(stage.name))
    app.runtime.end_of = lambda number: app.consumer.highwater(TP(stage.inbox, number))
    app.topics.add(
        app.topic(stage.inbox, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    )

    # The signal is awaited before the consumer seeks and flows again.
    @app.on_rebalance_complete.connect  # type: ignore[untyped-decorator]
    async def load(_: Any, **__: Any) -> None:
        try:
            async with app.busy:
                await _load(app, stage)
            ready(stage.name)
        except Exception as error:
            log.exception("%s: states could not be loaded", stage.name)
            hooks.end(f"loading failed: {type(error).__name__}")

    app.keep = load  # signals hold their receivers weakly
    return app


async def _load(app: _App, stage: Stage[Any]) -> None:
    generation = app.consumer_generation_id
    if not app.kafka.started:
        await app.kafka.start(lambda: app.lease.check(app.runtime.generation))
    numbers = {place.partition for place in app.consumer.assignment() if place.topic == stage.inbox}
    await app.runtime.load(numbers, generation)


def _store(stage: Stage[Any], options: Options, memory: Memory | None) -> Store:
    if options.data is None:
        return MemoryStore()
    return RocksStore(options.data / f"{options.instance}-{stage.name}", memory)
