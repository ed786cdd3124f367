"""Checks of an installation: each looks at one thing and says what it found and what to do, in two languages."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from http.client import HTTPException
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from hub.domain.faults import Unavailable
from hub.domain.subscriptions import ACTIVE, Subscription, every, topic_of
from hub.infra.child import who_listens
from hub.infra.crypto import PublicKeys
from hub.infra.evidence import newest
from hub.infra.kafka import topic_drift
from hub.infra.lag import GroupLags
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader
from hub.infra.supervisor import is_alive, last_line, left_behind, running
from hub.settings import Settings, jars
from hub.topics import OUT_CUSTOMS, STAGES, inbox

_JAVA, _PYTHON = 17, (3, 11)
#: Messages a stage may be behind before somebody should look.
MOST_BEHIND = 10_000
#: Seconds until what is behind must have moved.
SECOND_LOOK = 4.0
#: Seconds to read the reference data.
_PATIENCE = 5.0
_OTHERS = 0o077


class Health(msgspec.Struct, frozen=True):
    """What was found. ``off``: not in use here, nothing to do."""

    name: str
    state: Literal["ok", "off", "wrong"]
    found: str
    found_zh: str
    remedy: str = ""
    remedy_zh: str = ""


async def python_health(_: Settings) -> Health:
    """Python is new enough."""
    version = sys.version.split()[0]
    if sys.version_info >= _PYTHON:
        return Health("python", "ok", f"Python {version}", f"Python {version}")
    return Health(
        "python", "wrong", f"Python {version} is too old", f"Python {version} 版本过低",
        "install Python 3.11 or newer, then make run", "请安装 Python 3.11 或更高版本，再运行 make run",
    )  # fmt: skip


async def java_health(settings: Settings) -> Health:
    """The Java that the embedded Kafka needs."""
    if settings.kafka and not running(settings.data):
        return Health("java", "off", "not needed: an own Kafka is named", "不需要：已指定自有 Kafka")
    remedy = "install Java 17 or newer (Debian: openjdk-17-jre-headless), or set HUB_KAFKA to an own Kafka"
    remedy_zh = "请安装 Java 17 或更高版本，或以 HUB_KAFKA 指定自有 Kafka"
    if shutil.which(settings.java) is None:
        return Health("java", "wrong", f"no {settings.java}", f"找不到 {settings.java}", remedy, remedy_zh)
    process = await asyncio.create_subprocess_exec(settings.java, "-version", stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    number = re.search(rb'version "(\d+)', said)
    version = int(number[1]) if number else 0
    if version >= _JAVA:
        return Health("java", "ok", f"Java {version}", f"Java {version}")
    return Health("java", "wrong", f"Java {version} is too old", f"Java {version} 版本过低", remedy, remedy_zh)


async def jars_health(settings: Settings) -> Health:
    """Kafka's jars for the embedded node."""
    if settings.kafka and not running(settings.data):
        return Health("jars", "off", "not needed: an own Kafka is named", "不需要：已指定自有 Kafka")
    folder = jars(settings)
    found = sorted(path.name for path in folder.glob("kafka_*.jar"))
    if found:
        return Health("jars", "ok", f"{folder}: {found[0]}", f"{folder}：{found[0]}")
    return Health(
        "jars", "wrong", f"no Kafka jars in {folder}", f"{folder} 中没有 Kafka 的 jar 文件",
        "run make run, or set HUB_KAFKA_JARS", "请运行 make run，或设置 HUB_KAFKA_JARS",
    )  # fmt: skip


async def port_health(settings: Settings) -> Health:
    """The hub's own port: free, or the hub itself listens."""
    other = await asyncio.to_thread(who_listens, settings.port)
    if other is None or running(settings.data):
        text = f"{settings.listen} " + ("is the running hub's" if other else "is free")
        return Health("port", "ok", text, f"{settings.listen} " + ("由本系统使用" if other else "空闲"))
    return Health(
        "port", "wrong", f"{settings.listen} is in use by {other}", f"{settings.listen} 已被 {other} 占用",
        "end that process, or set HUB_LISTEN to another port", "请结束该进程，或以 HUB_LISTEN 指定其他端口",
    )  # fmt: skip


async def processes_health(settings: Settings) -> Health:
    """Where ``hub up`` says that it runs here: every part is alive, and the door answers. A part that is just being
    started again, or a door that is slow once, is looked at a second time before it is called wrong.
    """
    first = await _processes(settings)
    if first.state != "wrong" or not is_alive(left_behind(settings.data).get("processes", {}).get("up")):
        return first
    await asyncio.sleep(SECOND_LOOK)
    return await _processes(settings)


async def _processes(settings: Settings) -> Health:
    run = left_behind(settings.data)
    if not run:
        return Health("processes", "off", "no hub up runs here", "此处没有运行 hub up")
    logs = settings.data / "logs"
    if not is_alive(run["processes"].get("up")):
        return Health(
            "processes", "wrong", f"hub up (pid {run['processes'].get('up')}) is not alive any more and left {settings.data / 'run.json'}",
            f"hub up（pid {run['processes'].get('up')}）已不在运行，遗留 {settings.data / 'run.json'}",
            f"start it again; what it said last is in {logs}", f"请重新启动；最后的日志在 {logs}",
        )  # fmt: skip
    dead = [name for name in run.get("parts", ()) if not is_alive(run["processes"].get(name))]
    if dead:
        log = logs / f"{dead[0]}.log"
        return Health(
            "processes", "wrong", f"{', '.join(dead)} not alive: {last_line(log)}", f"{'、'.join(dead)} 未运行：{last_line(log)}",
            f"see {log}", f"请查看 {log}",
        )  # fmt: skip
    listen = str(run.get("listen") or settings.listen)
    if (told := await asyncio.to_thread(_door, listen)) != "200":
        log = next(iter(sorted(logs.glob("serve*.log"))), logs / "serve.log")
        return Health(
            "processes", "wrong", f"the door at {listen} does not answer as it should: {told}", f"{listen} 未正常应答：{told}",
            f"see {log}", f"请查看 {log}",
        )  # fmt: skip
    parts = len(run["processes"]) - 1
    return Health("processes", "ok", f"{parts} alive, the door answers", f"{parts} 个进程在运行，接口有应答")


def _door(listen: str) -> str:
    """The status of /readyz, or why there is none."""
    try:
        with urlopen(f"http://{listen}/readyz", timeout=5) as answer:
            return str(answer.status)
    except HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except (URLError, OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


async def keys_health(settings: Settings) -> Health:
    """Keys are readable by their owner only."""
    folder = settings.keys_folder
    if not folder.exists():
        return Health("keys", "off", f"{folder}: made at the first start", f"{folder}：首次启动时生成")
    # Kept out by the folder, or by each file.
    open_ = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & _OTHERS]
    if not folder.stat().st_mode & _OTHERS or not open_:
        return Health("keys", "ok", f"{folder}: the owner's only", f"{folder}：仅所有者可读")
    return Health(
        "keys", "wrong", f"{folder}: others can read {open_[0].name}", f"{folder}：其他用户可读取 {open_[0].name}",
        f"chmod -R go= {folder}", f"chmod -R go= {folder}",
    )  # fmt: skip


async def kafka_health(settings: Settings) -> Health:
    """A broker answers."""
    if not settings.kafka:
        return _no_server("kafka")
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5000)
    try:
        await admin.start()
        count = len(await admin.list_topics())
    except (KafkaError, OSError, ValueError):
        return Health(
            "kafka", "wrong", f"no broker answers at {settings.kafka}", f"{settings.kafka} 无应答",
            "start the broker, or correct HUB_KAFKA", "请启动 Kafka，或更正 HUB_KAFKA",
        )  # fmt: skip
    finally:
        await admin.close()
    return Health("kafka", "ok", f"{settings.kafka}, {count} topics", f"{settings.kafka}，{count} 个主题")


async def topics_health(settings: Settings) -> Health:
    """The broker's topics are those of ``hub.topics``."""
    if not settings.kafka:
        return _no_server("topics")
    try:
        drift = await topic_drift(settings.kafka, settings.partitions)
    except Unavailable:
        return Health("topics", "off", "not looked at: no broker", "未检查：Kafka 无应答")
    if not drift:
        return Health("topics", "ok", "as they should be", "与定义一致")
    topic, name, wanted, found = drift[0]
    return Health(
        "topics", "wrong", f"{len(drift)} differences, first: {topic} {name} is {found or 'missing'}, not {wanted}",
        f"{len(drift)} 处不一致，首处：{topic} 的 {name} 为 {found or '缺失'}，应为 {wanted}",
        "hub topics shows all; missing topics are made at the next start, settings are changed on the broker",
        "hub topics 列出全部；缺失的主题下次启动时创建，设置请在 Kafka 上更改",
    )  # fmt: skip


async def lag_health(settings: Settings) -> Health:
    """No stage is far behind its inbox."""
    if not settings.kafka:
        return _no_server("lag")
    try:
        behind = await lags(settings.kafka)
    except (KafkaError, OSError, ValueError):
        return Health("lag", "off", "not looked at: no broker", "未检查：Kafka 无应答")
    text = ", ".join(f"{stage} {count}" for stage, count in behind.items())
    if max(behind.values(), default=0) <= MOST_BEHIND:
        # Each partition has a tick a second, and a quiet stage notes its place only now and then.
        said = (f"{text} (ticks among them)", f"{text}（含心跳）") if text else ("no stage has run yet", "尚无阶段运行过")
        return Health("lag", "ok", *said)
    return Health(
        "lag", "wrong", text, text,
        "see that hub stream runs (hub up's logs), or start more of it", "请确认 hub stream 正在运行，或增加其进程数",
    )  # fmt: skip


async def lags(bootstrap: str) -> dict[str, int]:
    """Records each stage has not yet taken from its inbox, by stage; stages that never ran are left out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    behind: dict[str, int] = {}
    try:
        await admin.start()
        await consumer.start()
        for stage in STAGES:
            try:
                offsets = await admin.list_consumer_group_offsets(f"hub-{stage}")
            except GroupCoordinatorNotAvailableError:  # a broker has no groups before the first of them asks
                continue
            mine = {place: at.offset for place, at in offsets.items() if place.topic == inbox(stage) and at.offset >= 0}
            if mine:
                ends: dict[TopicPartition, int] = await consumer.end_offsets(list(mine))
                behind[stage] = sum(max(0, ends[place] - at) for place, at in mine.items())
    finally:
        await consumer.stop()
        await admin.close()
    return behind


async def deliveries_health(settings: Settings) -> Health:
    """No subscription is parked or disabled, and no recipient far behind."""
    if not settings.kafka:
        return _no_server("deliveries")
    reader, lags = ReferenceReader(settings.kafka, WallClock()), GroupLags(settings.kafka)
    try:
        async with asyncio.timeout(_PATIENCE):
            await reader.start()
            await reader.ready()
        found = list(every(reader.data))
        topics = [(one, topic_of(one, reader.by_name(one.principal))) for one in found if one.state == ACTIVE]
        wanted = {_called(one): (one.group, topic) for one, topic in topics if topic}
        behind = await lags({"customs": ("deliver.customs", OUT_CUSTOMS), **wanted})
    except (Unavailable, KafkaError, OSError, TimeoutError):
        return Health("deliveries", "off", "not looked at: no broker", "未检查：Kafka 无应答")
    finally:
        await reader.stop()
        await lags.close()
    trouble = [f"{_called(one)}: {one.state} ({one.reason})" for one in found if one.state != ACTIVE]
    trouble += [f"{name}: {count}" for name, count in behind.items() if (count or 0) > MOST_BEHIND]
    if not trouble:
        return Health("deliveries", "ok", f"customs and {len(found)} subscriptions", f"海关及 {len(found)} 个订阅")
    more = "" if len(trouble) == 1 else f", +{len(trouble) - 1}"
    return Health(
        "deliveries", "wrong", trouble[0] + more, trouble[0] + more,
        "see the console's Deliveries: mend the endpoint, then resume; see that hub deliver runs",
        "请查看控制台“推送”页：修复接收端后恢复订阅，并确认 hub deliver 正在运行",
    )  # fmt: skip


def _called(subscription: Subscription) -> str:
    return f"{subscription.principal}/{subscription.id}"


async def database_health(settings: Settings) -> Health:
    """The read model's database takes a session."""
    if not settings.database:
        return _no_server("database")
    try:
        connection = await asyncpg.connect(settings.database, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        kind = type(error).__name__  # its text may hold the DSN
        return Health(
            "database", "wrong", f"no session: {kind}", f"无法连接：{kind}",
            "start PostgreSQL, or correct HUB_DATABASE", "请启动 PostgreSQL，或更正 HUB_DATABASE",
        )  # fmt: skip
    try:
        version = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return Health("database", "ok", f"PostgreSQL {version}", f"PostgreSQL {version}")


async def reading_health(settings: Settings) -> Health:
    """The read model follows the topics: what is behind has moved at a second look."""
    if not settings.kafka or not settings.database:
        return _no_server("read model")
    try:
        first = await _unread(settings)
        if first:
            await asyncio.sleep(SECOND_LOOK)
        again = await _unread(settings) if first else {}
    except (KafkaError, OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Health("read model", "off", "not looked at: no broker or no database", "未检查：Kafka 或数据库无应答")
    stuck = sorted(place for place, at in first.items() if again.get(place) == at)
    if not stuck:
        return Health("read model", "ok", "follows the topics", "与各主题同步")
    topic, partition = stuck[0]
    place = f"{topic}-{partition}@{first[stuck[0]]}"
    return Health(
        "read model", "wrong", f"does not move, {len(stuck)} partitions, first: {place}",
        f"停滞，{len(stuck)} 个分区，首处：{place}",
        "see that hub project runs, and what its log says", "请确认 hub project 正在运行，并查看其日志",
    )  # fmt: skip


async def _unread(settings: Settings) -> dict[tuple[str, int], int]:
    """(topic, partition) → the position of the read model, where the topic has more."""
    connection = await asyncpg.connect(settings.database, timeout=5)
    try:
        rows = await connection.fetch("SELECT topic, partition, next_offset FROM projector_offsets")
    finally:
        await connection.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    try:
        await consumer.start()
        ends = await consumer.end_offsets([TopicPartition(row[0], row[1]) for row in rows]) if rows else {}
    finally:
        await consumer.stop()
    return {(row[0], row[1]): row[2] for row in rows if ends[TopicPartition(row[0], row[1])] > row[2]}


async def evidence_health(settings: Settings) -> Health:
    """What was taken in is chained, and stamped where an authority is named."""
    if not settings.kafka:
        return _no_server("evidence")
    try:
        keys = PublicKeys.from_pem((settings.keys_folder / "hub.pub").read_bytes())
    except (OSError, TypeError, ValueError):
        return Health("evidence", "off", "not looked at: no hub.pub in the keys folder", "未检查：密钥目录中没有 hub.pub")
    try:
        found = await newest(settings.kafka, keys)
    except (Unavailable, KafkaError, OSError, ValueError):
        return Health("evidence", "off", "not looked at: no broker", "未检查：Kafka 无应答")
    now = time.time_ns() // 1_000_000
    # A record may be an act or a submission a moment old: what is chained is judged by how long it has waited.
    waiting = [name for name, at in found.waiting.items() if now - at > 1000 * max(60.0, 10 * settings.evidence_seconds)]
    if waiting:
        return Health(
            "evidence", "wrong", f"not chained: {', '.join(sorted(waiting))}", f"尚未入链：{'、'.join(sorted(waiting))}",
            "see that hub evidence runs, and what its log says", "请确认 hub evidence 正在运行，并查看其日志",
        )  # fmt: skip
    late = [name for name, at in found.unstamped.items() if now - at > 1000 * max(300.0, 5 * settings.timestamp_seconds)]
    if settings.timestamp_url and late:
        return Health(
            "evidence", "wrong", f"no time stamp since {', '.join(sorted(late))}", f"缺少时间戳：{'、'.join(sorted(late))}",
            "see that the authority of HUB_TIMESTAMP_URL answers; it is asked again by itself",
            "请确认 HUB_TIMESTAMP_URL 的机构有应答；系统会自动重试",
        )  # fmt: skip
    return Health("evidence", "ok", f"{found.chains} chains, nothing waits", f"{found.chains} 条证据链，无等待")


def _no_server(name: str) -> Health:
    """Neither named nor running here: hub up brings its own."""
    return Health(name, "off", "none named, none running: hub up brings its own", "未指定且未运行：hub up 自带")
