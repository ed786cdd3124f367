"""What the driver and the log rest on inside Faust and aiokafka: an upgrade that changes it must be seen here first."""

from __future__ import annotations

import inspect
from typing import Any

import aiokafka
import faust
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import SendProduceReqHandler
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import ConsumerRecord
from faust.app.base import App
from faust.transport import consumer as base
from faust.transport.drivers import aiokafka as driver

from streams.api import Record
from streams.faust_driver import _App, _Consumer, _Thread, _Transport


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def source(thing: Any) -> str:
    return inspect.getsource(thing)


def test_the_versions_are_those_that_were_proven() -> None:
    assert faust.__version__ == "0.15.3"
    assert aiokafka.__version__ == "0.14.0"


def test_what_is_overridden_is_there_with_the_same_parameters() -> None:
    for own, theirs in ((_Consumer, driver.Consumer), (_Thread, driver.AIOKafkaConsumerThread), (_App, App)):
        for name, function in vars(own).items():
            if inspect.isfunction(function) and name not in {"_handle", "_positions", "_abreast", "_held", "hold"}:
                assert parameters(function) == parameters(getattr(theirs, name)), name
    assert _Transport.Consumer is _Consumer
    assert "self.Consumer(" in source(driver.Transport.create_consumer)


def test_the_drain_loop_is_the_fetcher_s_and_waits_for_the_flow() -> None:
    assert "_drain_messages" in source(base.Fetcher)
    waiting = source(base.Consumer._wait_next_records)
    assert "can_resume_flow" in waiting
    assert "_getmany" in waiting
    assert inspect.iscoroutinefunction(driver.Consumer.seek_wait)


def test_a_commit_takes_the_offsets_that_new_offset_says() -> None:
    assert "_filter_tps_with_pending_acks" in source(base.Consumer.force_commit)
    assert "_new_offset" in source(base.Consumer._filter_committable_offsets)


def test_states_are_loaded_before_the_consumer_seeks_and_flows() -> None:
    from faust.tables.recovery import Recovery

    text = source(Recovery)
    done = text.index("on_rebalance_complete.send")
    assert done < text.index("perform_seek", done) < text.index("resume_flow", done)


def test_the_generation_is_set_before_partitions_are_assigned() -> None:
    text = source(driver.ConsumerRebalanceListener.on_partitions_assigned)
    assert text.index("consumer_generation_id") < text.index("thread.on_partitions_assigned")


def test_every_request_of_the_coordinator_passes_one_method() -> None:
    assert parameters(GroupCoordinator._send_req) == ["self", "request"]
    assert "await self._send_req(request)" in source(GroupCoordinator._do_heartbeat)
    assert "self._coordinator._send_req(request)" in source(CoordinatorGroupRebalance)
    assert "self.generation = " in source(GroupCoordinator)


def test_produce_requests_pass_the_client_s_send() -> None:
    assert "await self._client.send(node_id, request)" in source(SendProduceReqHandler.do)
    assert "ProduceRequest(" in source(SendProduceReqHandler.create_request)
    assert inspect.isclass(ProduceRequest)


def test_a_batch_is_refused_by_nothing_but_its_size_and_knows_it() -> None:
    batch = BatchBuilder(1 << 30, 0)
    assert batch.append(timestamp=None, key=b"k", value=b"v", headers=[("h", b"x")]) is not None
    assert batch.append(timestamp=None, key=b"k", value=None) is not None
    assert batch.record_count() == 2
    assert batch.size() > 60


def test_the_client_s_records_have_what_a_stage_reads() -> None:
    fields = {field.name for field in ConsumerRecord.__dataclass_fields__.values()}
    assert set(Record.__struct_fields__) <= fields


def test_a_batch_may_be_filled_past_its_wrapper() -> None:
    slow, fast = BatchBuilder(1 << 30, 0), BatchBuilder(1 << 30, 0)
    rows: list[tuple[bytes, bytes | None, list[tuple[str, bytes]]]] = [(b"k", b"v", [("h", b"x")]), (b"k", None, [])]
    for number, (key, value, headers) in enumerate(rows):
        slow.append(timestamp=1, key=key, value=value, headers=headers)
        fast._builder.append(number, 1, key, value, headers)
    fast._relative_offset = len(rows)
    assert fast.record_count() == slow.record_count()
    assert bytes(fast._build()) == bytes(slow._build())


def test_the_broker_holds_a_fetch_back_as_the_fetcher_is_told_at_any_time() -> None:
    assert "self._fetch_max_wait_ms,\n                self._fetch_min_bytes," in source(Fetcher)
    starting = source(aiokafka.AIOKafkaConsumer.start)
    assert "fetch_min_bytes=self._fetch_min_bytes" in starting
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in starting
    assert "self._consumer" in source(driver.AIOKafkaConsumerThread)
